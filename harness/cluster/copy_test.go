package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is restored is what was kept, and nothing that was written since: hidden
// files too, also into a folder that is empty.
func TestDuplicate(t *testing.T) {
	kept, volume := t.TempDir(), t.TempDir()
	write := func(path ...string) {
		name := filepath.Join(path...)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(name), 0o640))
	}
	for _, f := range []string{"data/auto.cnf", "keys/keyring", ".hidden"} {
		write(kept, f)
	}
	for _, f := range []string{"data/later", ".later", "..later", "keys/keyring"} {
		write(volume, f)
	}
	for range 2 {
		argv := new(Node).duplicate(kept, volume).Argv
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
		require.NoError(t, err, string(out))
		var names []string
		require.NoError(t, filepath.WalkDir(volume, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				rel, _ := filepath.Rel(volume, path)
				names = append(names, rel)
			}
			return err
		}))
		assert.Equal(t, []string{".hidden", "data/auto.cnf", "keys/keyring"}, names)
		b, err := os.ReadFile(filepath.Join(volume, "keys/keyring"))
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(kept, "keys/keyring"), string(b))
		require.NoError(t, os.RemoveAll(filepath.Join(volume, "data")))
	}
}
