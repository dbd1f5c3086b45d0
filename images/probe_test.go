package images

import (
	"os"
	"path/filepath"
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
		s, err := sourceSum(t.Context(), root)
		require.NoError(t, err)
		return s
	}
	_, err := sourceSum(t.Context(), root)
	require.ErrorContains(t, err, "list the probe's source files", "without go.mod there is no checkout")
	write("go.mod", "module ndbproof\n")
	write("go.sum", "")
	const uses = "package main\n\nimport _ \"ndbproof/harness/scan\"\n\nfunc main() {}\n"
	write("harness/cmd/probe/main.go", uses)
	write("harness/scan/header.go", "package scan\n\nimport _ \"embed\"\n\n//go:embed words.txt\nvar words string\n")
	write("harness/scan/words.txt", "a")
	first := sum()
	assert.Equal(t, first, sum(), "the same source")
	assert.Regexp(t, sha256Form, first)

	write("harness/cmd/probe/main_test.go", "package main")
	write("harness/cluster/node.go", "package cluster")
	write("results/x.json", "{}")
	assert.Equal(t, first, sum(), "neither tests nor other packages count")

	seen := map[string]string{first: "at first"}
	for name, content := range map[string]string{
		"harness/cmd/probe/main.go": uses + "// changed\n",
		"harness/cmd/probe/new.go":  "package main\n",
		"harness/scan/new.go":       "package scan\n",
		"harness/scan/words.txt":    "b",
		"go.mod":                    "module ndbproof\n\ngo 1.26\n",
	} {
		write(name, content)
		now := sum()
		assert.NotContains(t, seen, now, "%s changed it", name)
		seen[now] = name
	}
}
