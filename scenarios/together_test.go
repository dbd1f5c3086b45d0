package scenarios

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/evidence"
)

// Two runs on one machine, one results folder and one engine both hold. A third
// one, on a machine that has room for two only, says who holds the memory.
func TestTwoRunsAtOnce(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, 5*time.Minute), newPlace(t)
	one := at.run(ctx, t, nil)
	first := one.makes(ctx, t)
	two := at.run(ctx, t, nil)
	two.makes(ctx, t, first)

	third := newPlace(t)
	engine := newBetween(t, meddling{change: memory(12 << 30)})
	p := third.run(ctx, t, engine.env)
	p.refused(ctx, t, evidence.ExitNotStarted, "too little memory", "wait for the live ones")
	require.Regexp(t, `[2-9]\d* live and \d+ kept runs hold [1-9]\d+GiB`, p.stderr.String())
	third.clean(t)

	runs := []string{one.exits(ctx, t, evidence.ExitHeld).Run, two.exits(ctx, t, evidence.ExitHeld).Run}
	require.NotEqual(t, runs[0], runs[1])
	latest, err := os.Readlink(filepath.Join(at.results, evidence.Latest))
	require.NoError(t, err)
	require.Contains(t, runs, latest)
	at.clean(t)
}
