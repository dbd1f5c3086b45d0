package engine

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLeaseIsAliveUntilReleased(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	l, err := Take(true, 5<<30)
	require.NoError(t, err)
	labels := l.Labels()
	assert.Regexp(t, `^[a-z2-7]{8}$`, labels[labelRun])
	assert.Equal(t, "true", labels[labelKeep])
	assert.Equal(t, "5368709120", labels[labelMemory])
	assert.FileExists(t, labels[labelLock])
	assert.True(t, alive(labels), "this process holds it")

	other, err := Take(false, 0)
	require.NoError(t, err)
	defer other.release()
	assert.NotEqual(t, l.Run, other.Run)
	assert.NotEqual(t, labels[labelLock], other.Labels()[labelLock])

	l.release()
	assert.False(t, alive(labels), "it was released")
	assert.NoFileExists(t, labels[labelLock])
	assert.True(t, alive(other.Labels()), "that of another run is its own")
}

func TestAlive(t *testing.T) {
	dir := t.TempDir()
	free := dir + "/free.lock"
	require.NoError(t, os.WriteFile(free, nil, 0o600))
	for name, c := range map[string]struct {
		host, lock string
		want       bool
	}{
		"a file that is not locked":            {thisHost(), free, false},
		"no file: it is made before all else":  {thisHost(), dir + "/gone.lock", false},
		"on another host nothing can be told":  {"elsewhere-00000000", dir + "/gone.lock", true},
		"a path that cannot be opened, either": {thisHost(), free + "/below", true},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, alive(map[string]string{labelHost: c.host, labelLock: c.lock}))
		})
	}
}

func TestLeaseWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/gone")
	_, err := Take(false, 0)
	assert.ErrorContains(t, err, "take a lease for the run")
}
