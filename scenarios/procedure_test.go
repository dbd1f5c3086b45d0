package scenarios

import (
	"testing"
	"time"

	"ndbproof/harness"
	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

// The published procedure, from two empty clusters to the same rows on both
// sides, with every claim that its profile makes.
func TestSecureReplicationHolds(t *testing.T) {
	rep := harness.Procedure(t, run.Options{Duration: 20 * time.Second, Rows: 2000, Accept: []string{"F1"}})
	harness.Held(t, rep, evidence.ExitHeld)
}
