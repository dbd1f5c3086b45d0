package lock

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFileIsHeldByOne(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h, err := File("x.lock")
	require.NoError(t, err)
	assert.True(t, Taken(h.Path))
	_, err = File("x.lock")
	require.ErrorIs(t, err, ErrTaken)

	require.NoError(t, h.Release())
	assert.NoFileExists(t, h.Path)
	assert.False(t, Taken(h.Path), "no process owns the lock of a file that is not there")
	again, err := File("x.lock")
	require.NoError(t, err)
	require.NoError(t, again.Release())
}

func TestFolderGoesWithItsContent(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h, err := Folder("base")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(h.Path, "rootfs.tar"), []byte("x"), 0o600))
	other, err := Folder("base")
	require.NoError(t, err)
	assert.NotEqual(t, h.Path, other.Path)
	require.NoError(t, h.Release())
	assert.NoDirExists(t, h.Path)
	assert.DirExists(t, other.Path)
	require.NoError(t, other.Release())
}

func TestSweepRemovesFilesOfDeadProcesses(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	file, err := File("live.lock")
	require.NoError(t, err)
	folder, err := Folder("live")
	require.NoError(t, err)

	dead, rest := path("dead.lock"), path("dead-1")
	foreign := filepath.Join(tmp, "foreign")
	require.NoError(t, os.WriteFile(dead, nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(rest, "deep"), 0o700))
	require.NoError(t, os.WriteFile(foreign, nil, 0o600))

	gone, err := Sweep()
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{dead, rest}, gone)
	assert.FileExists(t, file.Path)
	assert.DirExists(t, folder.Path)
	assert.FileExists(t, foreign)
}

// Whatever sweeps beside them do, two never hold one name at a time.
func TestHoldersExcludeEachOther(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var inside, held atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				h, err := File("x.lock")
				if err != nil {
					continue
				}
				assert.EqualValues(t, 1, inside.Add(1))
				held.Add(1)
				inside.Add(-1)
				assert.NoError(t, h.Release())
			}
		})
		wg.Go(func() {
			for range 50 {
				_, err := Sweep()
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Positive(t, held.Load())
}
