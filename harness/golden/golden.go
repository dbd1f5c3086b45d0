// Package golden compares what a test made with a file that is kept. Only tests
// import it.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Equal compares got with a file, named from the test's own folder
// ("testdata/claims.golden"), or writes the file with -update.
func Equal[T string | []byte](t testing.TB, file string, got T) {
	t.Helper()
	file = filepath.FromSlash(file)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(file) //nolint:gosec // a file of the project's own
	require.NoError(t, err, "write it with: make golden")
	require.Equal(t, string(want), string(got), "%s differs; when that is meant: make golden", file)
}
