package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

// imageWith runs the image command with an engine that is not there.
func imageWith(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	c := command()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs(append([]string{"image"}, args...))
	err = c.ExecuteContext(t.Context())
	return out.String(), err
}

// A dry run prints the commands, and needs no engine.
func TestImageDryRun(t *testing.T) {
	patch := filepath.Join(t.TempDir(), "my.patch")
	require.NoError(t, os.WriteFile(patch, []byte("--- a/x\n"), 0o600))
	out, err := imageWith(t, "--release", "9.7.4", "--from-source", "--patch", patch, "--suffix", "fix1", "--dry-run")
	require.NoError(t, err)
	for _, w := range []string{"building 9.7.4, patched (1) and named -fix1,", "/patches/01-my.patch: 8 bytes", "export SUFFIX='fix1'", "cmake ../src", "ninja -C", "apt-get", "--initialize-insecure"} {
		assert.Contains(t, out, w)
	}
	_, err = imageWith(t, "--from-source")
	require.Error(t, err, "without --dry-run the engine is asked for")
	var u *run.Usage
	assert.NotErrorAs(t, err, &u)
}

func TestImageRefusesFlagsThatDoNotFit(t *testing.T) {
	for reason, args := range map[string][]string{
		"give --from-source, too":             {"--dry-run"},
		"are about a build from source":       {"--suffix", "fix1"},
		"--patch, --suffix and":               {"--patch", "x"},
		"contradict each other":               {"--from-source", "--no-build"},
		"one release at a time":               {"--from-source", "--release", "9.7.2,9.7.4"},
		"read the patch: open":                {"--from-source", "--suffix", "fix1", "--patch", "not-there.patch"},
		"a patched build must not pass":       {"--from-source", "--patch", "image_test.go"},
		`suffix "fix1" is for a patched`:      {"--from-source", "--suffix", "fix1"},
		"for the newest of a line":            {"--from-source", "--release", "newest", "--dry-run"},
		"no archive has it; give its numbers": {"--from-source", "--release", "9.7.4-fix1"},
	} {
		_, err := imageWith(t, args...)
		if assert.ErrorContains(t, err, reason) {
			assert.Equal(t, evidence.ExitUsage, code(err), reason)
		}
	}
}

// The order in which patches are given is that in which they are applied.
func TestImageKeepsTheOrderOfPatches(t *testing.T) {
	dir := t.TempDir()
	var f imageFlags
	f.fromSource, f.suffix = true, "fix1"
	for _, n := range []string{"b.patch", "a.patch"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, n), []byte(n), 0o600))
		f.patches = append(f.patches, filepath.Join(dir, n))
	}
	b, err := f.build()
	require.NoError(t, err)
	require.Len(t, b.Patches, 2)
	assert.Equal(t, "b.patch", b.Patches[0].Name)
	assert.Equal(t, "a.patch", string(b.Patches[1].Text))
}

// The line is drawn to its end before others print again, whether all was
// compiled or not.
func TestCounterEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, last := range []int{3, 4} {
		var out bytes.Buffer
		c := counter{w: &out}
		for done := 1; done <= last; done++ {
			c.set(done, 4)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); c.stop(); c.stop() }()
		select {
		case <-ended:
		case <-ctx.Done():
			t.Fatal("it is drawn for ever")
		}
		assert.Contains(t, out.String(), "compiling")
	}
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // nothing was written
	assert.Nil(t, new(counter).count(f), "no terminal")
}
