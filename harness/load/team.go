package load

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// BesideRate is the pace of the workload beside the inserts, in writes a second:
// enough for every kind to come often in a minute, and little beside the inserts.
const BesideRate = 100

// FloorShare is the share of the pace asked for that a writer must keep over all:
// claims stop the channel and lock tables while it writes, but not that much.
const FloorShare = 0.1

// TeamOptions say what a team is asked for.
type TeamOptions struct {
	Rows     int64         // that the inserts are asked for
	Rate     int           // their pace, in rows a second; 0: as fast as it goes
	Duration time.Duration // that all are to write for
	Seed     uint64
	First    int    // number of the first ledger
	Before   uint64 // the last epoch that the replica had applied when they begin
	Dir      *evidence.Dir
	Sever    func()
	Lag      func(context.Context) (time.Duration, error)
	Applied  func(context.Context) (uint64, error)
}

// Team is what writes to one pair at once: the procedure's inserts first, and another
// workload beside them. One without writers has written nothing yet.
type Team struct {
	options TeamOptions
	all     []*Writer
	books   Books
	seen    map[topology.Side][]Findings
	settled bool
	totals  Totals
	paused  []func() // each lets one writer write again
}

// NewTeam is a team that does not write yet.
func NewTeam(o TeamOptions) *Team {
	return &Team{options: o, seen: map[topology.Side][]Findings{}}
}

// Start begins to write: the procedure's workload at its rate, another one beside it.
// Each writer keeps a ledger of its own in the run's folder.
func (t *Team) Start(ctx context.Context, db *sql.DB, first, beside Workload) error {
	o := t.options
	for i, w := range []Options{{Workload: first, Rate: o.Rate, Applied: o.Applied}, {Workload: beside, Rate: BesideRate}} {
		w.Seed, w.Lag, w.Sever = o.Seed, o.Lag, o.Sever
		w.Ledger = o.Dir.Path(t.ledger(i, w.Workload.Name))
		one, err := Start(ctx, db, w)
		if err != nil {
			return err
		}
		t.all = append(t.all, one)
	}
	return nil
}

// ledger is the path, below the run's folder, of a writer's ledger.
func (t *Team) ledger(i int, workload string) string {
	return fmt.Sprintf("ledger/%02d-%s", t.options.First+i, workload)
}

// NextLedger is the number of the first ledger of a team that follows.
func (t *Team) NextLedger() int { return t.options.First + len(t.all) }

// Writers are those of the team, the inserts first.
func (t *Team) Writers() []*Writer { return t.all }

// Totals tells what the inserts have written so far.
func (t *Team) Totals() Totals {
	if len(t.all) == 0 {
		return Totals{Wanted: t.options.Rows}
	}
	if t.settled {
		return t.totals
	}
	c := t.all[0].Counts()
	floor := 1.0
	if t.options.Rate > 0 {
		floor = FloorShare * float64(t.options.Rate)
	}
	return Totals{
		Database: "test1", Table: "t1", Acked: c.Acked, Wanted: t.options.Rows, Seconds: c.Seconds,
		Floor: floor, Before: t.options.Before,
	}
}

// Settle lets the writers go on until they have written for as long and as much as was
// asked, stops them, and reads their ledgers. A second call gives the same again.
func (t *Team) Settle(ctx context.Context) (Totals, error) {
	if t.settled {
		return t.totals, nil
	}
	rows := t.options.Rows
	for _, w := range t.all {
		if err := w.Wait(ctx, rows, t.options.Duration); err != nil {
			return t.Totals(), fmt.Errorf("write for %s: %w", t.options.Duration, err)
		}
		rows = Soon // beside the inserts
	}
	if err := t.stop(ctx); err != nil {
		return t.Totals(), err
	}
	t.totals, t.settled = t.Totals(), true
	return t.totals, nil
}

// stop ends all writers and reads their ledgers.
func (t *Team) stop(ctx context.Context) error {
	var errs []error
	for _, w := range t.all {
		if _, err := w.Stop(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	if t.books == nil {
		for _, w := range t.all {
			b, err := w.Book()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			t.books = append(t.books, b)
		}
	}
	return errors.Join(errs...)
}

// Close ends the writers, also those of a run that ended early, and keeps the counts of
// each beside its ledger.
func (t *Team) Close() error {
	var errs []error
	if !t.settled {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) //nolint:forbidigo // bounded cleanup
		defer cancel()
		errs = append(errs, t.stop(ctx))
	}
	for i, w := range t.all {
		errs = append(errs, t.options.Dir.JSON(t.ledger(i, w.Workload().Name)+".json", w.Counts()))
	}
	return errors.Join(errs...)
}

// Ledger is the writers' own account of every write.
func (t *Team) Ledger() Ledger { return t }

// Check compares the rows of a side with the ledgers.
func (t *Team) Check(ctx context.Context, side topology.Side, db *sql.DB) ([]Findings, error) {
	f, err := t.books.Check(ctx, side, db)
	if err == nil {
		t.seen[side] = f
	}
	return f, err
}

// Checked is what the last Check of a side found.
func (t *Team) Checked(side topology.Side) []Findings { return t.seen[side] }

// Opinion is what the ledgers say of a key.
func (t *Team) Opinion(database, table string, key uint64) string {
	return t.books.Opinion(database, table, key)
}

// Written counts of each kind how much was sent, acknowledged, and seen to be there on
// both sides. It is nil where there was no writer.
func (t *Team) Written() *evidence.Workload {
	if len(t.all) == 0 {
		return nil
	}
	sum := t.Totals()
	out := &evidence.Workload{Database: sum.Database, Table: sum.Table, Seconds: sum.Seconds, Wanted: t.options.Rows}
	for k := Insert; k <= DDL; k++ {
		one := evidence.WorkloadKind{Kind: k.String()}
		for i, w := range t.all {
			c := w.Counts().Kinds[one.Kind]
			one.Sent, one.Acked = one.Sent+c.Sent, one.Acked+c.Acked
			one.Compared += t.compared(i, one.Kind)
		}
		out.Kinds = append(out.Kinds, one)
	}
	return out
}

// compared counts what was seen of one writer's writes of a kind on both sides.
func (t *Team) compared(i int, kind string) int64 {
	source, replica := t.seen[topology.Source], t.seen[topology.Replica]
	if i >= len(source) || i >= len(replica) {
		return 0
	}
	return min(source[i].Compared[kind], replica[i].Compared[kind])
}

// Pause has all writers stand, until Resume is called, also where it fails half way.
func (t *Team) Pause(ctx context.Context) error {
	for _, w := range t.all {
		resume, err := w.Stand(ctx)
		if err != nil {
			return err
		}
		t.paused = append(t.paused, resume)
	}
	return nil
}

// Resume lets the writers write again. It does nothing where none stands.
func (t *Team) Resume() {
	for _, resume := range t.paused {
		resume()
	}
	t.paused = nil
}

// Paused tells whether writers stand.
func (t *Team) Paused() bool { return len(t.paused) > 0 }

// Lock keeps all writers from a row, until release is called.
func (t *Team) Lock(ctx context.Context, database, table string, key uint64) (release func(), err error) {
	var all []func()
	release = func() {
		for _, one := range all {
			one()
		}
	}
	for _, w := range t.all {
		one, err := w.Hold(ctx, database, table, key)
		if err != nil {
			release()
			return nil, err
		}
		all = append(all, one)
	}
	return release, nil
}

// ReadBooks reads the ledgers of writers that stand, as far as they have come.
func (t *Team) ReadBooks() (Books, error) {
	var books Books
	for _, w := range t.all {
		b, err := w.Book()
		if err != nil {
			return nil, err
		}
		books = append(books, b)
	}
	return books, nil
}
