package load

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"ndbproof/harness/topology"
)

// Findings is what the ledger says of the rows on one server.
type Findings struct {
	Side     topology.Side `json:"side"`
	Rows     int64         `json:"rows"`     // read, from the writer's first key on
	Expected int64         `json:"expected"` // acknowledged, so they must be there
	Missing  int64         `json:"missing"`  // acknowledged and not there
	Wrong    int64         `json:"wrong"`    // there with other values than were sent
	Strange  int64         `json:"strange"`  // there, but never sent, or refused
	Unknown  int64         `json:"unknown"`  // keys whose answer was lost: there or not
	There    []uint64      `json:"unknown_there,omitempty"`
	First    []Finding     `json:"first,omitempty"` // the first hundred
}

// Finding is one row that is not as it should be.
type Finding struct {
	Key  uint64 `json:"key"`
	What string `json:"what"` // "missing", "wrong", "strange"
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}

// OK tells that every acknowledged row is there as it was sent, and nothing else.
// That nothing was acknowledged is not for it to judge: see Enough.
func (f Findings) OK() bool { return f.Missing+f.Wrong+f.Strange == 0 }

// Unlike gives the keys of unknown fate that are on one side only: they may be
// there or not, but alike on both.
func Unlike(source, replica Findings) []uint64 {
	on := map[uint64]int{}
	for _, f := range []Findings{source, replica} {
		for _, key := range f.There {
			on[key]++
		}
	}
	var out []uint64
	for _, f := range []Findings{source, replica} {
		for _, key := range f.There {
			if on[key] == 1 {
				out = append(out, key)
			}
		}
	}
	return out
}

// kept is how many findings are shown.
const kept = 100

// stored is a row as a server gives it. Its bytes are valid until the next one.
type stored struct {
	id       uint64
	n        int64
	c, at, b []byte // b nil: NULL
}

// Verify reads the table on a server and compares it with the ledger. The writer
// must have stopped, and the replica must have caught up.
func (w *Writer) Verify(ctx context.Context, db *sql.DB, side topology.Side) (Findings, error) {
	if !w.isDone() {
		return Findings{}, fmt.Errorf("verify %s on the %s: the writer is still running: stop it first", w.options.name(), side)
	}
	w.mu.Lock()
	l := w.ledger.clone()
	w.mu.Unlock()
	f, err := judge(&l, w.options.Seed, read(ctx, db, w.options, l.first))
	f.Side = side
	if err != nil {
		return f, fmt.Errorf("verify %s on the %s: %w", w.options.name(), side, err)
	}
	return f, nil
}

// read gives the rows from a key on, in order. Text comes as the bytes stored.
func read(ctx context.Context, db *sql.DB, o Options, first uint64) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		//nolint:gosec // a quoted name and a number
		q := fmt.Sprintf("SELECT id, n, CAST(c AS BINARY), CAST(at AS CHAR), b FROM %s WHERE id >= %d ORDER BY id", o.quoted(), first)
		rows, err := db.QueryContext(ctx, q)
		if err != nil {
			yield(stored{}, err)
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var s stored
			if err := rows.Scan(&s.id, &s.n, (*sql.RawBytes)(&s.c), (*sql.RawBytes)(&s.at), (*sql.RawBytes)(&s.b)); err != nil {
				yield(stored{}, err)
				return
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

// judge compares rows, which come in order of keys, with the ledger.
func judge(l *ledger, seed uint64, rows iter.Seq2[stored, error]) (Findings, error) {
	f, next, end := Findings{}, l.first, l.end()
	for range l.keys(unknown) {
		f.Unknown++
	}
	for s, err := range rows {
		switch {
		case err != nil:
			return f, err
		case f.Rows > 0 && s.id < next:
			return f, errors.New("read in order of the key: key " + strconv.FormatUint(s.id, 10) + " came too late")
		}
		f.Rows++
		for ; next < min(s.id, end); next++ {
			f.absent(l, seed, next)
		}
		f.present(l, seed, s)
		next = s.id + 1
	}
	for ; next < end; next++ {
		f.absent(l, seed, next)
	}
	return f, nil
}

func (f *Findings) absent(l *ledger, seed, key uint64) {
	if l.fate(key) != acked {
		return
	}
	f.Expected++
	f.Missing++
	f.add(Finding{Key: key, What: "missing", Want: RowOf(seed, key).String()})
}

func (f *Findings) present(l *ledger, seed uint64, s stored) {
	switch l.fate(s.id) {
	case acked:
		f.Expected++
	case unknown:
		f.There = append(f.There, s.id)
	case unsent, pending, failed, refused:
		f.Strange++
		f.add(Finding{Key: s.id, What: "strange", Got: s.String()})
		return
	}
	if want := RowOf(seed, s.id); !s.is(want) {
		f.Wrong++
		f.add(Finding{Key: s.id, What: "wrong", Want: want.String(), Got: s.String()})
	}
}

func (f *Findings) add(one Finding) {
	if len(f.First) < kept {
		f.First = append(f.First, one)
	}
}

func (s stored) is(r Row) bool {
	return s.id == r.ID && s.n == int64(r.N) && string(s.c) == r.C && string(s.at) == r.At &&
		(s.b == nil) == (r.B == nil) && bytes.Equal(s.b, r.B)
}

func (s stored) String() string { return show(s.n, string(s.c), string(s.at), s.b) }

func (r Row) String() string { return show(int64(r.N), r.C, r.At, r.B) }

func show(n int64, c, at string, b []byte) string {
	bytes := "NULL"
	if b != nil {
		bytes = fmt.Sprintf("0x%x", b)
	}
	return fmt.Sprintf("n=%d c=%q at=%s b=%s", n, c, at, bytes)
}
