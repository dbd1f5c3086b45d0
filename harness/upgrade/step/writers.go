package step

import (
	"context"
	"time"

	"ndbproof/harness/upgrade/compare"
)

// StopWriters has no write under way, and none begin.
type StopWriters struct {
	on
	since time.Time
}

// Do waits for the writes in flight.
func (a *StopWriters) Do(ctx context.Context) error {
	a.since = time.Now()
	return a.scene.Writers.Pause(ctx)
}

// LetWriters lets them write again.
type LetWriters struct {
	on
	Pause *StopWriters
	stood time.Duration
}

// Do ends the pause.
func (a *LetWriters) Do(context.Context) error {
	a.scene.Writers.Resume()
	a.stood = time.Since(a.Pause.since)
	return nil
}

// Report adds for how long the writers stood.
func (a *LetWriters) Report(r *compare.StepResult) { r.WritersStoodMS += a.stood.Milliseconds() }
