package evidence

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func proc(cpuinfo, meminfo string) fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"sys/kernel/ostype": file("Linux\n"), "sys/kernel/osrelease": file("6.1.0-28-amd64\n"),
		"cpuinfo": file(cpuinfo), "meminfo": file(meminfo),
	}
}

func TestMachine(t *testing.T) {
	const cpu = "processor\t: 0\nmodel name\t: AMD  EPYC\n\nprocessor\t: 1\nmodel name\t: AMD  EPYC\n"
	const mem = "MemTotal:       16384000 kB\nMemFree:  1 kB\n"
	h, err := machine(proc(cpu, mem))
	require.NoError(t, err)
	assert.Equal(t, HostFacts{Kernel: "Linux 6.1.0-28-amd64", CPU: "AMD EPYC", CPUs: 2, MemoryBytes: 16384000 << 10}, h)

	h, err = machine(proc("processor : 0\n", mem))
	require.NoError(t, err)
	assert.Equal(t, Unknown, h.CPU, "some kernels do not name the model")

	for _, p := range []fstest.MapFS{proc("", mem), proc(cpu, ""), proc(cpu, "MemTotal: 99999999999999999999 kB"), {}} {
		_, err = machine(p)
		require.Error(t, err)
	}
}

func TestHost(t *testing.T) {
	h, err := Host(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, h.Commit)
	assert.Positive(t, h.MemoryBytes)
}

func TestCommitStampedIntoTheProgram(t *testing.T) {
	commit, dirty := stamped([]debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}})
	assert.Equal(t, "abc", commit)
	assert.False(t, dirty)
	commit, dirty = stamped(nil)
	assert.Empty(t, commit)
	assert.True(t, dirty)
}

func TestCommitOfACheckout(t *testing.T) {
	_, err := exec.LookPath("git")
	require.NoError(t, err, "the checkout came by git")
	root := t.TempDir()
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", root, "-c", "user.name=n", "-c", "user.email=e@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte(module), 0o600))
	sub := filepath.Join(root, "bin", "deep")
	require.NoError(t, os.MkdirAll(sub, 0o750))
	found, ok := Checkout(sub)
	require.True(t, ok)
	assert.Equal(t, root, found)
	_, ok = Checkout(t.TempDir())
	assert.False(t, ok, "a folder without this project's go.mod is no checkout of it")

	commit, dirty := head(t.Context(), root)
	assert.Equal(t, Unknown, commit, "not a repository")
	assert.True(t, dirty)

	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	commit, dirty = head(t.Context(), root)
	assert.Len(t, commit, 40)
	assert.False(t, dirty)

	require.NoError(t, os.WriteFile(filepath.Join(root, "new"), nil, 0o600))
	_, dirty = head(t.Context(), root)
	assert.True(t, dirty)
}
