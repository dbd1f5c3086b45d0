package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/poll"
)

// write is the work of one connection.
func (w *Writer) write(ctx context.Context, conn int, d *dealer) error {
	l := &link{db: w.db, sever: w.options.Sever}
	defer l.close()
	var trouble time.Time // since when nothing was acknowledged; zero: the last write was
	stood := w.stands.Load()
	for w.next() {
		begin := time.Now()
		if now := w.stands.Load(); now != stood {
			stood = now
			l.close()
		}
		f, err := w.one(ctx, l, conn, d)
		w.gate.places.Release(1)
		if f == acked {
			if err != nil {
				return err
			}
			trouble = time.Time{}
			continue
		}
		if trouble.IsZero() {
			trouble = begin
		}
		switch {
		case f == refused && w.halt.Err() != nil:
			return nil // stopped while the server was away
		case f != unknown || ctx.Err() != nil:
			return err
		case time.Since(trouble) >= w.options.Patience:
			return fmt.Errorf("nothing acknowledged for %s: %w", w.options.Patience, err)
		}
		rest(w.halt)
	}
	return nil
}

// next waits for leave to write, and takes a place in the gate, to be given back
// after the write. False: the writer is to stop.
func (w *Writer) next() bool {
	if w.tokens != nil && w.hurries.Load() == 0 {
		select {
		case <-w.tokens:
		case <-w.halt.Done():
		}
	}
	if w.halt.Err() != nil || w.gate.places.Acquire(w.halt, 1) != nil {
		return false
	}
	if w.halt.Err() != nil {
		w.gate.places.Release(1)
		return false
	}
	return true
}

// one deals the connection's next write, notes it in the ledger, sends it, and
// settles it. A write that the ledger does not take is not sent.
func (w *Writer) one(ctx context.Context, l *link, conn int, d *dealer) (fate, error) {
	op := w.holds.deal(conn, d)
	defer w.holds.landed(conn)
	begin := time.Now()
	if err := w.ledger.begin(conn, op); err != nil {
		return unsent, err
	}
	noting := time.Since(begin)
	w.mu.Lock()
	w.tally.began(op.Kind)
	w.mu.Unlock()
	f, err := w.try(ctx, l, op)
	took := time.Since(begin)
	noted := w.ledger.settle(conn, f)
	noting += time.Since(begin) - took
	d.settle(op, f)
	w.mu.Lock()
	w.tally.settled(op.Kind, f, took, time.Since(w.begin))
	w.tally.noting += noting
	w.mu.Unlock()
	return f, errors.Join(err, noted)
}

// try sends a write, again and again while it is refused for now. The error is
// the last one seen. A write that was refused to the last is one that failed: no
// try left anything behind.
func (w *Writer) try(ctx context.Context, l *link, op Op) (fate, error) {
	limited, cancel := context.WithTimeout(ctx, w.options.Patience)
	defer cancel()
	all := w.workload.statements(op, w.options.Engine)
	var f fate
	var last, refusal error
	tries := 0
	once := func(ctx context.Context) error {
		tries++
		last = l.send(ctx, all)
		if f = fateOf(last); tries > 1 && done(last) {
			// It was refused before and is there now: then the refusal was none.
			f = unknown
		}
		w.note(f, last)
		switch {
		case f != refused:
			return nil
		case w.halt.Err() != nil:
			return poll.Stop(last)
		case !errors.Is(last, context.DeadlineExceeded):
			refusal = last
		}
		return last
	}
	if once(limited) != nil {
		_ = poll.Every(limited, retryPause, "a write to be taken", once)
	}
	switch {
	case last == nil:
		return f, nil
	case refusal != nil && errors.Is(last, context.DeadlineExceeded):
		last = fmt.Errorf("%w; before that: %w", last, refusal)
	}
	c := op.Changes[0]
	return f, fmt.Errorf("%s of key %d of %s.%s: try %d: %w", op.Kind, c.Key, w.workload.Database, w.workload.Tables[c.Table].Name, tries, last)
}

// note counts what a try came to.
func (w *Writer) note(f fate, err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally.failed(f, kindOfError(err), time.Since(w.begin))
}
