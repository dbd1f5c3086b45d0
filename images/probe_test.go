package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A probe is built anew when what it is made of has changed, and only then.
func TestSourceSum(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		full := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o700))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o600))
	}
	sum := func() string {
		t.Helper()
		s, err := sourceSum(root)
		require.NoError(t, err)
		return s
	}
	_, err := sourceSum(root)
	require.ErrorIs(t, err, os.ErrNotExist, "without go.mod there is no checkout")
	write("go.mod", "module ndbproof\n")
	write("go.sum", "")
	write("harness/cmd/probe/main.go", "package main")
	first := sum()
	assert.Equal(t, first, sum(), "the same source")
	assert.Regexp(t, sha256Form, first)

	write("harness/cmd/probe/main_test.go", "package main")
	write("harness/cluster/node.go", "package cluster")
	write("results/x.json", "{}")
	assert.Equal(t, first, sum(), "neither tests nor other packages count")

	seen := map[string]string{first: "at first"}
	for name, content := range map[string]string{
		"harness/cmd/probe/main.go": "package main // changed",
		"harness/cmd/probe/new.go":  "package main",
		"harness/scan/header.go":    "package scan",
		"go.sum":                    "a module h1:x",
	} {
		write(name, content)
		now := sum()
		assert.NotContains(t, seen, now, "%s changed it", name)
		seen[now] = name
	}
}

// probeSources names every package of ours that the probe is made of: one that
// is missing could change without the probe being built anew.
func TestProbeSourcesAreAll(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "ndbproof/harness/cmd/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	seen := 0
	for _, pkg := range strings.Fields(string(out)) {
		if name, ours := strings.CutPrefix(pkg, "ndbproof/"); ours {
			seen++
			assert.Contains(t, probeSources, name)
		}
	}
	assert.Positive(t, seen)
	for _, dir := range probeSources {
		assert.DirExists(t, filepath.Join("..", dir))
	}
}
