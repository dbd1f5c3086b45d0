// Package load writes to the source while claims look, and knows afterwards what
// must be there: workloads as data, and a ledger on disk that every write is in
// before it is sent, and that says how each ended.
package load

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/poll"
)

// Options say what to write and how. The zero value is the procedure's workload
// as fast as it goes, but for Ledger, which must be given.
type Options struct {
	Workload    Workload      // without a name: Inserts
	Ledger      string        // folder for the ledger, outside of the tested databases; it must not hold anything
	Engine      string        // "": NDBCLUSTER
	Connections int           // 0: 2. The pool must allow as many
	Rate        int           // writes a second over all connections; 0: as fast as it goes
	Seed        uint64        // makes keys, values and order repeatable
	Patience    time.Duration // how long a connection may go without an acknowledgement before the writer gives up; 0: 1 min
	// Sever breaks all connections of the pool: it is how a write that is to be
	// broken off ends. nil: the driver watches every write for that, by a goroutine
	// that is woken twice, a sixth of what a write costs here.
	Sever func()
	// Lag tells how far the replica is behind; it is asked once a second, and an
	// error leaves a gap in the series. nil: not recorded.
	Lag func(context.Context) (time.Duration, error)
	// Applied tells the last epoch applied on the replica; it is asked twenty times
	// a second. nil: outages of the replication are not recorded.
	Applied func(context.Context) (uint64, error)
}

// retryPause lies between two tries of a write that was refused for now.
const retryPause = 100 * time.Millisecond

// Writer writes until it is stopped. It goes on through lost connections and
// temporary errors and ends, with the reason, at any other.
type Writer struct {
	options  Options
	workload *Workload
	db       *sql.DB
	begin    time.Time
	tokens   <-chan struct{} // nil: no rate
	ledger   *ledger
	holds    *holds
	gate     gate
	stands   atomic.Int64 // how often it stood
	hurries  atomic.Int64 // above 0: it writes past its pace

	stop   func()             // no further writes
	halt   context.Context    // done when stop was called
	cancel context.CancelFunc // breaks off writes in flight
	done   chan struct{}      // closed when all connections have ended; then err and ended may be read
	err    error
	ended  time.Duration

	mu    sync.Mutex
	tally tally
}

// Start makes database and tables where they are missing, begins the ledger and
// then to write. Keys go on after the highest ones in the tables, so writers may
// follow one another. The writer ends when ctx does; end it with Stop, for what is
// in flight when ctx ends is unknown.
func Start(ctx context.Context, db *sql.DB, o Options) (*Writer, error) {
	if o.Workload.Name == "" {
		o.Workload = Inserts()
	}
	o.Engine, o.Connections, o.Patience = cmp.Or(o.Engine, "NDBCLUSTER"), cmp.Or(max(o.Connections, 0), 2), cmp.Or(max(o.Patience, 0), time.Minute)
	w := &Writer{options: o, workload: &o.Workload, db: db, done: make(chan struct{}), holds: newHolds(o.Connections), gate: newGate(o.Connections), tally: newTally()}
	first, err := prepare(ctx, db, w.workload, o)
	if err == nil {
		w.ledger, err = createLedger(o.Ledger, Header{
			Workload: o.Workload.Name, Engine: o.Engine, Seed: o.Seed, Connections: o.Connections, First: first,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("start workload %s: %w", o.Workload.Name, err)
	}
	w.begin = time.Now()
	ctx, w.cancel = context.WithCancel(ctx)
	w.halt, w.stop = context.WithCancel(ctx)
	if o.Rate > 0 {
		w.tokens = pace(w.halt, o.Rate)
	}
	go w.run(ctx, first)
	if o.Lag != nil {
		go w.watchLag()
	}
	if o.Applied != nil {
		go w.watchApplied()
	}
	return w, nil
}

func (w *Writer) run(ctx context.Context, first []uint64) {
	defer close(w.done)
	var g errgroup.Group
	for conn := range w.options.Connections {
		g.Go(func() error {
			// One connection's end ends all, but their writes in flight may land.
			defer w.stop()
			return w.write(ctx, conn, newDealer(w.workload, w.options.Seed, conn, w.options.Connections, first))
		})
	}
	w.err = g.Wait()
	w.err = errors.Join(w.err, w.ledger.close())
	w.ended = time.Since(w.begin)
	w.cancel()
}

// watchLag asks once a second how far the replica is behind.
func (w *Writer) watchLag() {
	_ = poll.Every(w.halt, time.Second, "the writer to stop", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if lag, err := w.options.Lag(ctx); err == nil {
			s := lag.Seconds()
			w.mu.Lock()
			w.tally.at(time.Since(w.begin)).Lag = &s
			w.mu.Unlock()
		}
		return errWriting
	})
}

var (
	errWriting = errors.New("it is writing")
	errStopped = errors.New("it was stopped")
)

// Workload is what is written.
func (w *Writer) Workload() Workload { return *w.workload }

// Counts tells what was done so far.
func (w *Writer) Counts() Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := time.Since(w.begin)
	if w.isDone() {
		since = w.ended
	}
	return w.tally.snapshot(since)
}

// Stop ends the writer when its writes in flight have been answered, or breaks
// them off when ctx ends first. It gives the reason when the writer had ended by
// itself. It may be called more than once.
func (w *Writer) Stop(ctx context.Context) (Counts, error) {
	w.stop()
	select {
	case <-w.done:
		return w.Counts(), w.err
	case <-ctx.Done():
	}
	w.cancel()
	<-w.done
	return w.Counts(), fmt.Errorf("stop workload %s: writes in flight were broken off (%w): %w",
		w.workload.Name, context.Cause(ctx), cmp.Or(w.err, errStopped))
}

// Hurry has the writer write as fast as it goes, whatever its pace, until the
// function that it gives is called.
func (w *Writer) Hurry() (calm func()) {
	w.hurries.Add(1)
	return sync.OnceFunc(func() { w.hurries.Add(-1) })
}

// Age is how long the writer has run, as its outages count.
func (w *Writer) Age() time.Duration { return time.Since(w.begin) }

// Wait returns when writes have been acknowledged and the writer has run for d.
func (w *Writer) Wait(ctx context.Context, writes int64, d time.Duration) error {
	what := fmt.Sprintf("%d writes and %s of workload %s", writes, d, w.workload.Name)
	return poll.Until(ctx, what, func(context.Context) error {
		acked, age, errs := w.progress()
		switch {
		case w.isDone():
			return poll.Stop(fmt.Errorf("the writer has ended after %d writes: %w", acked, cmp.Or(w.err, errStopped)))
		case acked >= writes && age >= d:
			return nil
		}
		return fmt.Errorf("%d writes acknowledged in %.1f s, errors: %s", acked, age.Seconds(), errs)
	})
}

// progress is what of Counts costs nothing.
func (w *Writer) progress() (acked int64, age time.Duration, errs string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.tally.kinds {
		acked += k.Acked
	}
	errs = "none"
	if len(w.tally.errors) > 0 {
		errs = fmt.Sprint(w.tally.errors)
	}
	return acked, time.Since(w.begin), errs
}

// Ended is why the writer does not write any more; nil while it does.
func (w *Writer) Ended() error {
	if !w.isDone() {
		return nil
	}
	return cmp.Or(w.err, errStopped)
}

// Book reads the ledger. While the writer runs, what is in flight counts as of
// unknown fate.
func (w *Writer) Book() (*Book, error) { return openBook(w.options.Ledger) }

func (w *Writer) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}
