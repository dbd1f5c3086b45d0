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
// mixed workload beside them.
type writers struct {
	all    []*load.Writer
	books  load.Books
	seen   map[topology.Side][]load.Findings
	before uint64 // the last epoch that the replica had applied when they began
}

// startWriters begins to write to the pair at hand: the procedure's workload at
// its rate, another one beside it. Each writer keeps a ledger of its own in the
// run's folder.
func (r *runner) startWriters(ctx context.Context, first, beside load.Workload) error {
	before, err := r.pair.Applied(ctx)
	if err != nil {
		return err
	}
	r.writer, r.settled = &writers{seen: map[topology.Side][]load.Findings{}, before: uint64(before)}, false
	db, sever, err := r.pair.Writing()
	if err != nil {
		return err
	}
	for _, o := range []load.Options{{Workload: first, Rate: r.Rate, Applied: r.applied}, {Workload: beside, Rate: besideRate}} {
		r.ledgers++
		o.Seed, o.Lag, o.Sever = r.Seed, r.pair.Behind, sever
		o.Ledger = r.dir.Path(fmt.Sprintf("ledger/%02d-%s", r.ledgers, o.Workload.Name))
		w, err := load.Start(ctx, db, o)
		if err != nil {
			return err
		}
		r.writer.all = append(r.writer.all, w)
	}
	return nil
}

// applied is how far the replica has applied.
func (r *runner) applied(ctx context.Context) (uint64, error) {
	e, err := r.pair.Applied(ctx)
	return uint64(e), err
}

// Workload tells what the inserts have written so far.
func (s *subject) Workload() load.Totals {
	if s.writer == nil || len(s.writer.all) == 0 {
		return load.Totals{Wanted: s.Rows}
	}
	c := s.writer.all[0].Counts()
	floor := 1.0
	if s.Rate > 0 {
		floor = floorShare * float64(s.Rate)
	}
	return load.Totals{
		Database: "test1", Table: "t1", Acked: c.Acked, Wanted: s.Rows, Seconds: c.Seconds,
		Floor: floor, Before: s.writer.before,
	}
}

// Settle lets the writers go on until they have written for as long and as much
// as was asked, stops them, and reads their ledgers. A second call tells the same
// again.
func (s *subject) Settle(ctx context.Context) (load.Totals, error) {
	if s.settled {
		return s.workload, nil
	}
	rows := s.Rows
	for _, w := range s.writer.all {
		if err := w.Wait(ctx, rows, s.Duration); err != nil {
			return s.Workload(), fmt.Errorf("write for %s: %w", s.Duration, err)
		}
		rows = load.Soon // beside the inserts
	}
	if err := s.writer.stop(ctx); err != nil {
		return s.Workload(), err
	}
	s.workload, s.settled = s.Workload(), true
	return s.workload, nil
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

// stop ends the writers of a run that ended early, and tells in the results what
// was written.
func (s *subject) stop() {
	if s.writer == nil {
		return
	}
	if !s.settled {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) //nolint:forbidigo // bounded cleanup
		defer cancel()
		if err := s.writer.stop(ctx); err != nil {
			s.say("workload", topology.Source, "", err.Error())
		}
		s.workload = s.Workload()
	}
	if s.results.Workload == nil {
		s.results.Workload = s.written()
	}
	for i, w := range s.writer.all {
		name := fmt.Sprintf("ledger/%02d-%s.json", s.ledgers-len(s.writer.all)+i+1, w.Workload().Name)
		if err := s.dir.JSON(name, w.Counts()); err != nil {
			s.say("workload", topology.Source, "", err.Error())
		}
	}
}

// Ledger is the writers' own account of every write.
func (s *subject) Ledger() load.Ledger { return s.writer }

// Check holds what stands on a side against the ledgers.
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
func (s *subject) written() *evidence.Workload {
	out := &evidence.Workload{Database: s.workload.Database, Table: s.workload.Table, Seconds: s.workload.Seconds, Wanted: s.Rows}
	for k := load.Insert; k <= load.DDL; k++ {
		one := evidence.WorkloadKind{Kind: k.String()}
		for i, w := range s.writer.all {
			c := w.Counts().Kinds[one.Kind]
			one.Sent, one.Acked = one.Sent+c.Sent, one.Acked+c.Acked
			one.Compared += s.writer.compared(i, one.Kind)
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
