package scenarios

import (
	"context"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/evidence"
)

// looksForEngine waits until the run has begun.
func (p *process) looksForEngine(ctx context.Context, t *testing.T) {
	t.Helper()
	p.says(ctx, t, regexp.MustCompile("finding the docker engine"))
}

// madeOne waits until the run has made its first container.
func (p *process) madeOne(ctx context.Context, t *testing.T) {
	t.Helper()
	p.makes(ctx, t)
}

// waitsForNodes waits until the run has asked the data nodes for their state.
func (p *process) waitsForNodes(ctx context.Context, t *testing.T) {
	t.Helper()
	p.writes(ctx, t, `"kind":"ndb"`)
}

// Ctrl-C before the marker row: what is being made is waited for, and goes.
func TestInterruptWhileThePairStarts(t *testing.T) {
	harness.In(t, harness.Core)
	for name, moment := range map[string]func(*process, context.Context, *testing.T){
		"while the engine is looked for": (*process).looksForEngine,
		"while containers are made":      (*process).madeOne,
		"while data nodes start":         (*process).waitsForNodes,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, at := bounded(t, 90*time.Second), newPlace(t)
			p := at.run(ctx, t, nil)
			moment(p, ctx, t)
			p.signal(t, syscall.SIGINT)
			p.refused(ctx, t, evidence.ExitNotStarted, "interrupted by a signal (interrupt)")
			at.clean(t)
		})
	}
}

// Ctrl-C while claims are judged: the others were not looked at, and none is
// taken for violated.
func TestInterruptWhileClaimsAreJudged(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, 2*time.Minute), newPlace(t)
	p := at.run(ctx, t, nil)
	p.says(ctx, t, regexp.MustCompile(`held +channel\.`))
	p.signal(t, syscall.SIGINT)
	res := p.refused(ctx, t, evidence.ExitNotLooked, "interrupted by a signal (interrupt)")
	require.Equal(t, "step 7", res.Error.Where)
	seen := map[evidence.Status]int{}
	for _, c := range res.Claims {
		seen[c.Status]++
	}
	require.Positive(t, seen[evidence.Held])
	require.Positive(t, seen[evidence.NotLooked])
	require.Zero(t, seen[evidence.Violated])
	at.clean(t)
}

// requireNotReached wants a run that failed at a step, and went no further.
func requireNotReached(t *testing.T, res evidence.Results, failed int) {
	t.Helper()
	require.Len(t, res.Steps, 8)
	for _, s := range res.Steps {
		want := evidence.StepDone
		switch {
		case s.Step == failed:
			want = evidence.StepFailed
		case s.Step > failed:
			want = evidence.StepNotReached
		}
		require.Equal(t, want, s.Status, "step %d", s.Step)
	}
}

// A run that is killed leaves its nodes. The next start removes them, and
// leaves alone what a live run has.
func TestKilledRunIsRemovedByTheNextStart(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, 2*time.Minute), newPlace(t)
	live := at.run(ctx, t, nil)
	lives := live.makes(ctx, t)
	next := newPlace(t)
	next.tmp = at.tmp
	dead := next.run(ctx, t, nil)
	dies := dead.makes(ctx, t, lives)
	dead.signal(t, syscall.SIGKILL)
	<-dead.ended

	// The next start goes as far as to look for memory, and finds too little.
	engine := newBetween(t, meddling{change: memory(3 << 30)})
	p := next.run(ctx, t, engine.env)
	p.refused(ctx, t, evidence.ExitNotStarted, "too little memory")
	require.Contains(t, p.stderr.String(), "removed what the dead run "+dies+" had left")
	left := harness.Leftovers(t, at.tmp)
	require.Len(t, left, 1)
	require.Equal(t, lives, left[0].Run)
	require.NotEmpty(t, left[0].Containers)

	live.signal(t, syscall.SIGINT)
	want := evidence.ExitNotStarted
	if live.ends(ctx, t); strings.Contains(live.stderr.String(), "step 7") {
		want = evidence.ExitNotLooked
	}
	live.refused(ctx, t, want, "interrupted by a signal (interrupt)")
	at.clean(t)
}

// An engine that goes away ends the run at once with one line, also while
// everything only waits. It cannot be asked to remove anything then: `ndbproof
// down` does it when the engine is back.
func TestEngineStopsMidway(t *testing.T) {
	harness.In(t, harness.Core)
	for name, midway := range map[string]func(*process, context.Context, *testing.T){
		"while containers are made": (*process).madeOne,
		"while data nodes start":    (*process).waitsForNodes,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, at := bounded(t, 2*time.Minute), newPlace(t)
			engine := newBetween(t, meddling{})
			p := at.run(ctx, t, engine.env)
			midway(p, ctx, t)
			engine.cut()
			soon := bounded(t, 20*time.Second)
			res := p.refused(soon, t, evidence.ExitNotStarted, "the docker engine at", "went away", "start it again", "`ndbproof down`")
			requireNotReached(t, res, 1)

			left := harness.Leftovers(t, at.tmp)
			require.Len(t, left, 1)
			require.False(t, left[0].Alive)
			down := at.start(ctx, t, nil, "down")
			require.Zero(t, down.ends(ctx, t))
			require.Contains(t, down.stdout.String(), "removed run "+left[0].Run)
			at.clean(t)
		})
	}
}
