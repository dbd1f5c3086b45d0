package load

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// gate is what every write passes: one place for each connection. Who takes all
// of them has the writer stand between two writes.
type gate struct {
	places *semaphore.Weighted
	all    int64
}

func newGate(connections int) gate {
	return gate{semaphore.NewWeighted(int64(connections)), int64(connections)}
}

// Stand lets the writer come to rest: it returns when no write is in flight, and
// none is sent until letIn is called, which must be done, once. It then goes on on
// connections that the pool opens anew: the server may be another one. A writer
// that is stopped while it stands ends.
func (w *Writer) Stand(ctx context.Context) (letIn func(), err error) {
	if err := w.gate.places.Acquire(ctx, w.gate.all); err != nil {
		return nil, fmt.Errorf("have workload %s stand: a write in flight had no answer: %w", w.workload.Name, context.Cause(ctx))
	}
	w.stands.Add(1)
	return func() { w.gate.places.Release(w.gate.all) }, nil
}
