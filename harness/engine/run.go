package engine

import (
	"context"
	"sync"
	"time"
)

// Run makes objects on an engine under a lease: all of them carry its labels.
type Run struct {
	*Engine
	Lease      *Lease
	containers sync.Map // testcontainers.Container by id, of those that Create made: only these can be started
}

// With gives what makes objects under a lease.
func (e *Engine) With(l *Lease) *Run { return &Run{Engine: e, Lease: l} }

// Close ends the connection to the engine and releases the lease. What was made
// stays.
func (r *Run) Close() error {
	r.Lease.release()
	return r.Engine.Close()
}

// TearDown removes everything of this run, found by label: also what an
// interrupted call made without this process knowing. It works in a context of
// its own: it is called when the run's has ended.
func (r *Run) TearDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:forbidigo // bounded cleanup, after the run's own context has ended
	defer cancel()
	if r.clear(ctx) == nil {
		return nil
	}
	return r.clear(ctx)
}

// whole is for calls that make something: the engine finishes one that is broken
// off all the same, maybe after TearDown has looked for what there is.
func whole(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
}
