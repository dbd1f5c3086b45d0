package scenarios

import (
	"testing"
	"time"

	"ndbproof/harness"
	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

// Each claim is seen to fail when what it is about is broken, and no other claim
// with it. The whole matrix belongs to the nightly suite.
func TestEveryClaimCanFail(t *testing.T) {
	harness.In(t, harness.Matrix)
	rep := harness.Procedure(t, run.Options{Duration: 5 * time.Second, Accept: []string{"F1"}, Sabotage: harness.Sabotage()})
	harness.RequireCaught(t, rep)
	harness.RequireHeld(t, rep, evidence.ExitHeld)
}
