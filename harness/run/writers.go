package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/topology"
)

// besideRate is the pace of the workload beside the inserts, in writes a second: enough for
// every kind to come often in a minute, and little beside the inserts.
const besideRate = 100

// floorShare is the share of the pace asked for that the inserts must keep over
// all: claims stop the channel and hold tables meanwhile, but not that much.
const floorShare = 0.1

// writers are what writes to a pair: the procedure's inserts first, and the
// mixed workload beside them. Without one (all is empty) nothing was written yet.
type writers struct {
	rows     int64         // that the inserts are asked for
	rate     int           // their pace, in rows a second; 0: as fast as it goes
	duration time.Duration // that all are to write for
	first    int           // number of the first ledger
	before   uint64        // the last epoch that the replica had applied when they began

	all     []*load.Writer
	books   load.Books
	seen    map[topology.Side][]load.Findings
	settled bool
	totals  load.Totals
}

// startWriters begins to write to the pair at hand: the procedure's workload at
// its rate, another one beside it. Each writer keeps a ledger of its own in the
// run's folder.
func (r *runner) startWriters(ctx context.Context, first, beside load.Workload) error {
	before, err := r.pair.Channel.Applied(ctx)
	if err != nil {
		return err
	}
	w := &writers{
		rows: r.Rows, rate: r.Rate, duration: r.Duration, first: r.writer.first + len(r.writer.all), before: uint64(before),
		seen: map[topology.Side][]load.Findings{},
	}
	r.writer = w
	db, sever, err := r.pair.Writing()
	if err != nil {
		return err
	}
	for i, o := range []load.Options{{Workload: first, Rate: r.Rate, Applied: r.applied}, {Workload: beside, Rate: besideRate}} {
		o.Seed, o.Lag, o.Sever = r.Seed, r.pair.Channel.Behind, sever
		o.Ledger = r.dir.Path(w.ledger(i, o.Workload.Name))
		one, err := load.Start(ctx, db, o)
		if err != nil {
			return err
		}
		w.all = append(w.all, one)
	}
	return nil
}

// ledger is the path, below the run's folder, of a writer's ledger.
func (w *writers) ledger(i int, workload string) string {
	return fmt.Sprintf("ledger/%02d-%s", w.first+i, workload)
}

// applied is how far the replica has applied.
func (r *runner) applied(ctx context.Context) (uint64, error) {
	e, err := r.pair.Channel.Applied(ctx)
	return uint64(e), err
}

// Totals tells what the inserts have written so far.
func (w *writers) Totals() load.Totals {
	if len(w.all) == 0 {
		return load.Totals{Wanted: w.rows}
	}
	if w.settled {
		return w.totals
	}
	c := w.all[0].Counts()
	floor := 1.0
	if w.rate > 0 {
		floor = floorShare * float64(w.rate)
	}
	return load.Totals{
		Database: "test1", Table: "t1", Acked: c.Acked, Wanted: w.rows, Seconds: c.Seconds,
		Floor: floor, Before: w.before,
	}
}

// Settle lets the writers go on until they have written for as long and as much
// as was asked, stops them, and reads their ledgers. A second call gives the same
// again.
func (w *writers) Settle(ctx context.Context) (load.Totals, error) {
	if w.settled {
		return w.totals, nil
	}
	rows := w.rows
	for _, one := range w.all {
		if err := one.Wait(ctx, rows, w.duration); err != nil {
			return w.Totals(), fmt.Errorf("write for %s: %w", w.duration, err)
		}
		rows = load.Soon // beside the inserts
	}
	if err := w.stop(ctx); err != nil {
		return w.Totals(), err
	}
	w.totals, w.settled = w.Totals(), true
	return w.totals, nil
}

// stop ends all writers and reads their ledgers.
func (w *writers) stop(ctx context.Context) error {
	var errs []error
	for _, one := range w.all {
		if _, err := one.Stop(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	if w.books == nil {
		for _, one := range w.all {
			b, err := one.Book()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			w.books = append(w.books, b)
		}
	}
	return errors.Join(errs...)
}

// stopWriters ends the writers of a run that ended early, and puts into the results
// what was written.
func (r *runner) stopWriters() {
	w := r.writer
	if len(w.all) == 0 {
		return
	}
	note := func(err error) {
		if err != nil {
			r.say("workload", topology.Source, "", err.Error())
		}
	}
	if !w.settled {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) //nolint:forbidigo // bounded cleanup
		defer cancel()
		note(w.stop(ctx))
	}
	if r.results.Workload == nil {
		r.results.Workload = w.written()
	}
	for i, one := range w.all {
		note(r.dir.JSON(w.ledger(i, one.Workload().Name)+".json", one.Counts()))
	}
}

// Ledger is the writers' own account of every write.
func (w *writers) Ledger() load.Ledger { return w }

// Check compares the rows of a side with the ledgers.
func (w *writers) Check(ctx context.Context, side topology.Side, db *sql.DB) ([]load.Findings, error) {
	f, err := w.books.Check(ctx, side, db)
	if err == nil {
		w.seen[side] = f
	}
	return f, err
}

// Opinion is what the ledgers say of a key.
func (w *writers) Opinion(database, table string, key uint64) string {
	return w.books.Opinion(database, table, key)
}

// written tells of each kind how much was sent, acknowledged, and seen to be
// there on both sides.
func (w *writers) written() *evidence.Workload {
	t := w.Totals()
	out := &evidence.Workload{Database: t.Database, Table: t.Table, Seconds: t.Seconds, Wanted: w.rows}
	for k := load.Insert; k <= load.DDL; k++ {
		one := evidence.WorkloadKind{Kind: k.String()}
		for i, writer := range w.all {
			c := writer.Counts().Kinds[one.Kind]
			one.Sent, one.Acked = one.Sent+c.Sent, one.Acked+c.Acked
			one.Compared += w.compared(i, one.Kind)
		}
		out.Kinds = append(out.Kinds, one)
	}
	return out
}

// compared counts what was seen of one writer's writes of a kind on both sides.
func (w *writers) compared(i int, kind string) int64 {
	source, replica := w.seen[topology.Source], w.seen[topology.Replica]
	if i >= len(source) || i >= len(replica) {
		return 0
	}
	return min(source[i].Compared[kind], replica[i].Compared[kind])
}
