package scenarios

import (
	"os"
	"testing"

	"ndbproof/harness"
)

// Each scenario says in its first line which suite it is in: -args -suite=nightly has
// all of them.
func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
