// Package load writes to the source while claims look, and knows afterwards what
// must be there: continuous inserts into test1.t1, the workload of the procedure,
// and a ledger of how every row ended.
package load

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/poll"
)

// Options say what to write and how. The zero value is the procedure's workload
// as fast as it goes.
type Options struct {
	Database    string        // "": test1
	Table       string        // "": t1
	Engine      string        // "": NDBCLUSTER
	Connections int           // 0: 2. The pool must allow as many
	Rate        int           // rows a second over all connections; 0: as fast as it goes
	Seed        uint64        // makes values repeatable
	Patience    time.Duration // how long a connection may go without an acknowledgement before the writer gives up; 0: 1 min
}

// retryPause lies between two tries of a row that was refused for now.
const retryPause = 100 * time.Millisecond

// Writer inserts rows until it is stopped. It goes on through lost connections
// and temporary errors and ends, with the reason, at any other.
type Writer struct {
	options Options
	db      *sql.DB
	begin   time.Time
	tokens  <-chan struct{} // nil: no rate

	stop   func()             // no further rows
	halt   context.Context    // done when stop was called
	cancel context.CancelFunc // breaks off rows in flight
	done   chan struct{}      // closed when all connections have ended; then err and ended may be read
	err    error
	ended  time.Duration

	mu     sync.Mutex
	ledger ledger
	tally  tally
}

// Start makes database and table where they are missing and begins to write. Keys
// go on after the highest one in the table, so writers may follow one another. The
// writer ends when ctx does; end it with Stop, for what is in flight when ctx ends
// is unknown.
func Start(ctx context.Context, db *sql.DB, o Options) (*Writer, error) {
	o.Database, o.Table, o.Engine = cmp.Or(o.Database, "test1"), cmp.Or(o.Table, "t1"), cmp.Or(o.Engine, "NDBCLUSTER")
	o.Connections, o.Patience = cmp.Or(max(o.Connections, 0), 2), cmp.Or(max(o.Patience, 0), time.Minute)
	highest, err := prepare(ctx, db, o)
	if err != nil {
		return nil, fmt.Errorf("start the workload on %s: %w", o.name(), err)
	}
	w := &Writer{
		options: o, db: db, begin: time.Now(), done: make(chan struct{}),
		ledger: newLedger(highest+1, o.Connections), tally: newTally(),
	}
	ctx, w.cancel = context.WithCancel(ctx)
	w.halt, w.stop = context.WithCancel(ctx)
	if o.Rate > 0 {
		w.tokens = pace(w.halt, o.Rate)
	}
	go w.run(ctx)
	return w, nil
}

func (w *Writer) run(ctx context.Context) {
	defer close(w.done)
	var g errgroup.Group
	for conn := range w.options.Connections {
		g.Go(func() error {
			// One connection's end ends all, but their rows in flight may land.
			defer w.stop()
			return w.write(ctx, conn)
		})
	}
	w.err = g.Wait()
	w.ended = time.Since(w.begin)
	w.cancel()
}

// Counts tells what was done so far.
func (w *Writer) Counts() Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := time.Since(w.begin)
	if w.isDone() {
		since = w.ended
	}
	c := w.tally.snapshot(since)
	for _, t := range w.ledger.tracks {
		c.Sent += int64(t.begun) //nolint:gosec // counts of rows
	}
	return c
}

// Stop ends the writer when its rows in flight have been answered, or breaks them
// off when ctx ends first. It gives the reason when the writer had ended by itself.
// It may be called more than once.
func (w *Writer) Stop(ctx context.Context) (Counts, error) {
	w.stop()
	select {
	case <-w.done:
		return w.Counts(), w.err
	case <-ctx.Done():
	}
	w.cancel()
	<-w.done
	return w.Counts(), fmt.Errorf("stop the workload on %s: rows in flight were broken off (%w): %w",
		w.options.name(), context.Cause(ctx), cmp.Or(w.err, errStopped))
}

// Wait returns when rows have been acknowledged and the writer has run for d.
func (w *Writer) Wait(ctx context.Context, rows int64, d time.Duration) error {
	what := fmt.Sprintf("%d rows and %s of writing to %s", rows, d, w.options.name())
	return poll.Until(ctx, what, func(context.Context) error {
		c := w.Counts()
		switch {
		case c.Acked >= rows && time.Since(w.begin) >= d:
			return nil
		case w.isDone():
			return poll.Stop(fmt.Errorf("the writer has ended after %d rows: %w", c.Acked, cmp.Or(w.err, errStopped)))
		}
		return fmt.Errorf("%d rows acknowledged in %.1f s, errors: %v", c.Acked, c.Seconds, c.Errors)
	})
}

var errStopped = errors.New("it was stopped")

// Expected gives, in order of keys, all rows that were acknowledged so far.
func (w *Writer) Expected() iter.Seq[Row] {
	w.mu.Lock()
	l := w.ledger.clone()
	w.mu.Unlock()
	return func(yield func(Row) bool) {
		for key := range l.keys(acked) {
			if !yield(RowOf(w.options.Seed, key)) {
				return
			}
		}
	}
}

func (w *Writer) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// write is the work of one connection.
func (w *Writer) write(ctx context.Context, conn int) error {
	l := &link{db: w.db, insert: w.options.insert()}
	defer l.close()
	var trouble time.Time // since when no row was acknowledged; zero: the last one was
	for w.next() {
		begin := time.Now()
		f, err := w.row(ctx, l, conn)
		if f == acked {
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
			return fmt.Errorf("no row acknowledged for %s: %w", w.options.Patience, err)
		}
		rest(w.halt)
	}
	return nil
}

// next waits for leave to send a row. False: the writer is to stop.
func (w *Writer) next() bool {
	if w.tokens == nil || w.halt.Err() != nil {
		return w.halt.Err() == nil
	}
	select {
	case <-w.tokens:
		return true
	case <-w.halt.Done():
		return false
	}
}

// row writes the connection's next row, again and again while it is refused for
// now, and settles it. The error is the last one seen. A row that was refused to
// the last is one that failed: no try left anything behind.
func (w *Writer) row(ctx context.Context, l *link, conn int) (fate, error) {
	w.mu.Lock()
	key := w.ledger.take(conn)
	w.mu.Unlock()
	row, begin, tries := RowOf(w.options.Seed, key), time.Now(), 0
	limited, cancel := context.WithTimeout(ctx, w.options.Patience)
	defer cancel()
	var f fate
	var last, refusal error
	try := func(ctx context.Context) error {
		tries++
		last = l.send(ctx, row)
		if f = fateOf(last); tries > 1 && duplicate(last) {
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
	if try(limited) != nil {
		_ = poll.Every(limited, retryPause, "a row to be taken", try)
	}
	w.settle(conn, key, f, time.Since(begin))
	switch {
	case last == nil:
		return f, nil
	case refusal != nil && errors.Is(last, context.DeadlineExceeded):
		last = fmt.Errorf("%w; before that: %w", last, refusal)
	}
	return f, fmt.Errorf("write row %d to %s: try %d: %w", key, w.options.name(), tries, last)
}

// note counts what a try came to.
func (w *Writer) note(f fate, err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally.counts.Errors[kindOfError(err)]++
	if f == refused {
		w.tally.counts.Retries++
	}
}

func (w *Writer) settle(conn int, key uint64, f fate, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ledger.settle(conn, key, f)
	switch f {
	case acked:
		w.tally.acked(key, took, time.Since(w.begin))
	case failed, refused:
		w.tally.counts.Failed++
	default:
		w.tally.counts.Unknown++
	}
}
