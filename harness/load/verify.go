package load

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// kept is how many findings are shown.
const kept = 100

// stored is a row as a server gives it. Its cells are valid until the next one.
type stored struct {
	key   uint64
	cells []cell
}

// Check reads all of the workload's tables on a server and holds them against
// the ledger. The writer must have stopped, and a replica must have caught up. What
// NDB refuses for now is read once more, from the beginning.
func (b *Book) Check(ctx context.Context, side topology.Side, db *sql.DB) (found Findings, err error) {
	limited, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	_ = poll.Every(limited, retryPause, "NDB to answer a read", func(context.Context) error { // err is the last one seen
		// Not limited: a reading that was begun is ended.
		if found, err = b.check(ctx, side, db); err != nil && fateOf(err) != refused {
			return poll.Stop(err)
		}
		return err
	})
	return found, cmp.Or(err, ctx.Err())
}

// readPatience is for how long a reading is begun again that NDB refuses for now.
const readPatience = 30 * time.Second

func (b *Book) check(ctx context.Context, side topology.Side, db *sql.DB) (Findings, error) {
	j := newJudge(b, side)
	for table := range b.tables {
		if err := j.table(table, read(ctx, db, &b.workload, table, b.from(table))); err != nil {
			return j.found, fmt.Errorf("check %s.%s on the %s against the ledger: %w", b.workload.Database, b.workload.Tables[table].Name, side, err)
		}
	}
	j.torn()
	return j.found, nil
}

// from is the lowest key that is the writer's business: all of them when the
// table was empty.
func (b *Book) from(table int) uint64 {
	if b.First[table] == 1 {
		return 0
	}
	return b.First[table]
}

// Unlike lists the writes of unknown fate that are on one side only: they may be
// there or not, but alike on both.
func Unlike(source, replica Findings) []string {
	var out []string
	for _, f := range [][2]Findings{{source, replica}, {replica, source}} {
		for _, w := range f[0].There {
			if !slices.Contains(f[1].There, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// read gives the rows of a table from a key on, in order of keys. A table that is
// not there has none: what was written to it is missing.
func read(ctx context.Context, db *sql.DB, w *Workload, table int, first uint64) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		rows, err := db.QueryContext(ctx, w.selectFrom(table, first))
		if gone(err) {
			return
		}
		if err != nil {
			yield(stored{}, err)
			return
		}
		defer func() { _ = rows.Close() }()
		columns := w.Tables[table].Columns
		s := stored{cells: make([]cell, len(columns))}
		texts, into := make([]sql.RawBytes, len(columns)), []any{&s.key}
		for i := range texts {
			into = append(into, &texts[i])
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				yield(stored{}, err)
				return
			}
			for i, t := range texts {
				s.cells[i] = cellOf(columns[i], t, t == nil)
			}
			if !yield(s, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(stored{}, err)
		}
	}
}

// gone tells that a server does not have a table, or its database.
func gone(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && (server.Number == 1146 || server.Number == 1049)
}

// judge compares rows with a book.
type judge struct {
	*Book
	found Findings
	there map[int64]map[bool]int // writes of unknown fate: of their changes, how many are there, and are not
	names map[int64]written
}

func newJudge(b *Book, side topology.Side) *judge {
	return &judge{
		Book: b, there: map[int64]map[bool]int{}, names: map[int64]written{},
		found: Findings{Side: side, Workload: b.workload.Name, Database: b.workload.Database, Compared: b.workload.promised()},
	}
}

// table walks the rows of a table, which come in order of keys, beside the keys
// that the ledger knows.
func (j *judge) table(table int, rows iter.Seq2[stored, error]) error {
	keys, form := j.keys(table), j.workload.Tables[table].Form
	var last uint64
	var same int64 // rows of the last key, so far
	closed := func() {
		if same > 0 && form == Keyless {
			j.copies(table, last, same)
		}
	}
	for s, err := range rows {
		if err != nil {
			return err
		}
		again := same > 0 && s.key == last
		if same > 0 && s.key < last || again && form != Keyless {
			return fmt.Errorf("read in order of the key: key %d came after %d", s.key, last)
		}
		j.found.Rows++
		if again {
			same++
			j.present(table, s, true)
			continue
		}
		closed()
		for len(keys) > 0 && keys[0] < s.key {
			j.absent(table, keys[0])
			keys = keys[1:]
		}
		if len(keys) > 0 && keys[0] == s.key {
			keys = keys[1:]
		}
		j.present(table, s, false)
		last, same = s.key, 1
	}
	closed()
	for _, key := range keys {
		j.absent(table, key)
	}
	return nil
}

// absent judges a key that the server does not have.
func (j *judge) absent(table int, key uint64) {
	s := j.tables[table][key]
	if s.maybe != nil {
		j.found.Unknown++
		j.open(s.maybe, s.maybe.Gone)
	}
	expected := s.now != nil && !s.now.Gone
	if expected {
		j.found.Expected++
	}
	switch {
	case s.maybe != nil && s.maybe.Gone: // the server deleted it without an acknowledgement
	case expected:
		j.found.Missing++
		j.add(table, key, Finding{What: "missing", Want: j.sent(table, s.now)})
	case s.now != nil:
		j.compared(s.now)
	}
}

// present judges a row. again: it is one more of the same key.
func (j *judge) present(table int, r stored, again bool) {
	s, known := j.tables[table][r.key]
	has := digest(r.cells)
	is := func(w *written) bool { return w != nil && !w.Gone && w.Digest == has }
	if !again && s.maybe != nil {
		j.found.Unknown++
		j.open(s.maybe, is(s.maybe))
	}
	expected := s.now != nil && !s.now.Gone
	if expected && !again {
		j.found.Expected++
	}
	switch {
	case is(s.now):
		if !again {
			j.compared(s.now)
		}
	case is(s.maybe):
	case !known || s.now == nil && s.maybe == nil:
		j.found.Strange++
		j.add(table, r.key, Finding{What: "strange", Got: j.shown(table, r.cells)})
	case s.now != nil && s.now.Gone && s.maybe == nil:
		j.found.Back++
		j.add(table, r.key, Finding{What: "back", Got: j.shown(table, r.cells)})
	default:
		j.wrong(table, r, s)
	}
}

// wrong reports the first column that is not as it was sent.
func (j *judge) wrong(table int, r stored, s state) {
	j.found.Wrong++
	w := s.now
	if w == nil || w.Gone {
		w = s.maybe
	}
	f := Finding{What: "wrong", Got: j.shown(table, r.cells)}
	if w != nil && !w.Gone {
		t := j.workload.Tables[table]
		f.Want = j.sent(table, w)
		for i, c := range t.cells(j.workload.Values(j.Seed, table, w.Key, w.Version)) {
			if string(c) != string(r.cells[i]) || (c == nil) != (r.cells[i] == nil) {
				f.Column, f.Want, f.Got = t.Columns[i].Name, c.String(), r.cells[i].String()
				break
			}
		}
	}
	j.add(table, r.key, f)
}

// copies judges how many equal rows a key has in a table without primary key.
func (j *judge) copies(table int, key uint64, has int64) {
	s := j.tables[table][key]
	if want := copies(key); (s.now != nil || s.maybe != nil) && has != want {
		j.found.Wrong++
		j.add(table, key, Finding{What: "wrong", Want: fmt.Sprintf("%d rows", want), Got: fmt.Sprintf("%d rows", has)})
	}
}

// compared counts a write whose result was seen to be there.
func (j *judge) compared(w *written) {
	if w.leads {
		j.found.Compared[w.kind.String()]++
	}
}

// open notes whether a change of a write of unknown fate is there.
func (j *judge) open(w *written, is bool) {
	if is {
		j.found.There = append(j.found.There, fmt.Sprintf("%s %d", j.workload.Tables[w.Table].Name, w.Key))
	}
	if len(w.all) > 1 {
		if j.there[w.op] == nil {
			j.there[w.op] = map[bool]int{}
		}
		j.there[w.op][is]++
		j.names[w.op] = *w
	}
}

// torn looks for transactions of unknown fate that are there in part.
func (j *judge) torn() {
	for _, op := range slices.Sorted(maps.Keys(j.there)) {
		if n := j.there[op]; n[true] > 0 && n[false] > 0 {
			w := j.names[op]
			j.found.Torn++
			j.add(w.Table, w.Key, Finding{What: "torn", Got: fmt.Sprintf("%d changes of the transaction are there, %d are not", n[true], n[false])})
		}
	}
}

func (j *judge) add(table int, key uint64, f Finding) {
	if len(j.found.First) >= kept {
		return
	}
	f.Table, f.Key, f.Opinion = j.workload.Tables[table].Name, key, j.Opinion(table, key)
	j.found.First = append(j.found.First, f)
}

// sent shows what a write has left of a row.
func (j *judge) sent(table int, w *written) string {
	return j.shown(table, j.workload.Tables[table].cells(j.workload.Values(j.Seed, table, w.Key, w.Version)))
}

func (j *judge) shown(table int, cells []cell) string {
	parts := make([]string, len(cells))
	for i, c := range cells {
		parts[i] = j.workload.Tables[table].Columns[i].Name + "=" + c.String()
	}
	return strings.Join(parts, " ")
}

// Books are the ledgers of all writers of a run.
type Books []*Book

// errNoBook says that there is no ledger to check against.
var errNoBook = errors.New("no writer has kept a ledger")

// Check holds all tables of all workloads, on one side, against their ledgers.
func (bs Books) Check(ctx context.Context, side topology.Side, db *sql.DB) ([]Findings, error) {
	if len(bs) == 0 {
		return nil, errNoBook
	}
	var out []Findings
	for _, b := range bs {
		f, err := b.Check(ctx, side, db)
		out = append(out, f)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// Opinion is what the ledgers say of a key.
func (bs Books) Opinion(database, table string, key uint64) string {
	for _, b := range bs {
		if n := b.workload.number(database, table); n >= 0 {
			return b.Opinion(n, key)
		}
	}
	return ""
}

var _ Ledger = Books(nil)
