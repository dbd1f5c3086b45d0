package harness

import (
	"path/filepath"
	"strings"
	"testing"

	"ndbproof/harness/engine"
)

// Leftovers lists what runs have on the engine whose folder for temporary files
// (TMPDIR) was tmp: a scenario that gives a folder of its own to the command that
// it runs sees only that command's objects, even when other runs use the engine.
func Leftovers(t testing.TB, tmp string) []engine.Holding {
	t.Helper()
	ctx := Context(t)
	e, err := engine.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close() //nolint:errcheck // read only
	all, err := e.Holdings(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var own []engine.Holding
	for _, h := range all {
		if strings.HasPrefix(h.Lock, filepath.Clean(tmp)+string(filepath.Separator)) {
			own = append(own, h)
		}
	}
	return own
}
