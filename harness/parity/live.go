package parity

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
)

// Live says how to compare while writers go on. A row that differs at first may
// only not have come to the replica yet: it is read again on both sides, and is a
// mismatch if it still differs then.
type Live struct {
	// Settle is how long differing rows are read again where they cannot be held, and
	// schemas that differ; 0: 10 s.
	Settle time.Duration
	// Hold keeps the writers from a row until release is called; nil: they cannot
	// be asked.
	Hold func(ctx context.Context, database, table string, key uint64) (release func(), err error)
	// Fence waits until what the source has now is on the replica; nil: there
	// is no fence, and the comparison only waits.
	Fence func(context.Context) error
}

const (
	settle     = 10 * time.Second
	pause      = 200 * time.Millisecond
	againLimit = 100_000 // rows of a table that are read again; 4 MiB
	againBatch = 500     // by one statement
)

// errDiffer is the reason for reading again.
var errDiffer = errors.New("rows differ")

// again reads what differed again, until both sides agree or it is settled that
// they do not. release lets the writers go on where they were held.
func (j *job) again(ctx context.Context) (release func(), err error) {
	release = func() {}
	if j.Live == nil || j.differing() == 0 {
		return release, nil
	}
	begun := j.differing()
	if j.more {
		return release, fmt.Errorf("compare %s while it is written to: %d rows differ, which is too many to be read again: let the replica catch up first", j.name, begun)
	}
	switch {
	case j.ordinal:
		if release, err = j.hold(ctx); err != nil {
			return release, err
		}
		err = j.until(ctx, j.reread)
	case j.walks:
		if err = j.locate(ctx); err == nil {
			err = j.until(ctx, j.reread)
		}
	default:
		err = j.until(ctx, j.rescan)
	}
	if err != nil {
		return release, err
	}
	j.report.Again = max(0, begun-j.differing()) // copies of a row may differ by more than at first
	return release, nil
}

// until reads again until nothing differs or the time is over. Behind a fence,
// with the rows held, one look is enough.
func (j *job) until(ctx context.Context, look func(context.Context) error) error {
	if j.Live.Fence != nil {
		if err := j.Live.Fence(ctx); err != nil {
			return fmt.Errorf("compare %s while it is written to: %w", j.name, err)
		}
		if j.ordinal && j.Live.Hold != nil {
			return look(ctx)
		}
	}
	limited, cancel := context.WithTimeout(ctx, cmp.Or(j.Live.Settle, settle))
	defer cancel()
	var broken error
	_ = poll.Every(limited, pause, "both sides to agree", func(context.Context) error { // what still differs is in the report
		// Not limited: a look that was begun is ended, so that what it says is whole.
		if broken = look(ctx); broken != nil {
			return poll.Stop(broken)
		}
		if n := j.differing(); n > 0 {
			return fmt.Errorf("%w: %d", errDiffer, n)
		}
		return nil
	})
	return cmp.Or(broken, ctx.Err())
}

func (j *job) differing() int64 {
	r := j.report
	return r.Mismatched + r.OnlySource + r.OnlyReplica + r.Duplicates
}

// hold keeps the writers from all rows that differ.
func (j *job) hold(ctx context.Context) (release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	if j.Live.Hold == nil {
		return release, nil
	}
	for _, f := range j.kept {
		if f.key[0] != 2 { // negative: no row of the project's writers
			continue
		}
		r, err := j.Live.Hold(ctx, j.name.database, j.name.table, f.key[1])
		if err != nil {
			return release, fmt.Errorf("hold %s of %s: %w", f.key.literal(), j.name, err)
		}
		held = append(held, r)
	}
	return release, nil
}

// reread reads the rows that differed, by key, and forgets those that agree.
func (j *job) reread(ctx context.Context) error {
	kept := j.kept
	j.forget()
	for len(kept) > 0 {
		n := min(againBatch, len(kept))
		batch := kept[:n]
		kept = kept[n:]
		var rows [2]map[Digest]Digest
		err := j.both(ctx, func(ctx context.Context, i int, s *session) (err error) {
			rows[i], err = j.digests(ctx, i, s, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range batch {
			s, onSource := rows[0][f.key]
			r, onReplica := rows[1][f.key]
			if j.differAgain(entry{f.key, s}, entry{f.key, r}, onSource, onReplica) {
				j.kept[len(j.kept)-1].literals = f.literals
			}
		}
	}
	return nil
}

func (j *job) differAgain(s, r entry, onSource, onReplica bool) bool {
	switch {
	case onSource && onReplica && s.row != r.row:
		j.differ(&s, &r)
	case onSource && !onReplica:
		j.differ(&s, nil)
	case onReplica && !onSource:
		j.differ(nil, &r)
	default:
		return false
	}
	return true
}

// digests reads some rows of one side.
func (j *job) digests(ctx context.Context, i int, s *session, batch []found) (map[Digest]Digest, error) {
	out := map[Digest]Digest{}
	where := j.where(i, batch)
	if where == "" {
		return out, nil
	}
	err := s.scan(ctx, j.selectFrom(i, s)+where, len(j.columns[i]), func() { clear(out) }, func(row []driver.Value) error {
		e, err := j.entryOf(i, s, row)
		out[e.key] = e.row
		return err
	})
	return out, err
}

// entryOf is a row with the key by which it is joined.
func (j *job) entryOf(i int, s *session, row []driver.Value) (entry, error) {
	if !j.ordinal {
		return s.entry(row, j.columns[i], j.keys)
	}
	e, err := s.entry(row, j.columns[i], 0)
	if err == nil {
		e.key, err = ordinalOf(row[0])
	}
	return e, err
}

// where is the condition that finds some rows by their keys; "": none of them can
// be found, because they are on no side any more.
func (j *job) where(i int, batch []found) string {
	var all []string
	for _, f := range batch {
		switch {
		case j.ordinal:
			all = append(all, f.key.literal())
		case f.literals != nil:
			parts := make([]string, j.keys)
			for n, c := range j.columns[i][:j.keys] {
				parts[n] = secure.QuoteName(c.name) + " = " + f.literals[n]
			}
			all = append(all, "("+strings.Join(parts, " AND ")+")")
		}
	}
	switch {
	case len(all) == 0:
		return ""
	case j.ordinal:
		return " WHERE " + secure.QuoteName(j.columns[i][0].name) + " IN (" + strings.Join(all, ", ") + ")"
	}
	return " WHERE " + strings.Join(all, " OR ")
}

// locate finds the literals of the keys that differ, by which their rows can be
// asked for: from here on a row is read again by itself.
func (j *job) locate(ctx context.Context) error {
	at := map[Digest]int{}
	for n, f := range j.kept {
		at[f.key] = n
	}
	return j.both(ctx, func(ctx context.Context, i int, s *session) error {
		columns := j.columns[i][:j.keys]
		return s.scan(ctx, j.selectFirst(i, s, j.keys), j.keys, nil, func(row []driver.Value) error {
			e, err := s.entry(row, columns, j.keys)
			n, differs := at[e.key]
			if err != nil || !differs {
				return err
			}
			literals, err := j.literals(i, row)
			j.mu.Lock()
			defer j.mu.Unlock()
			j.kept[n].literals = literals
			return err
		})
	})
}

// rescan reads the table once more for the rows that differed, which cannot be asked
// for one by one, and forgets those that agree. What differs for the first time is
// none of them: writers go on, and every look would find some.
func (j *job) rescan(ctx context.Context) error {
	differed := map[Digest]bool{}
	for _, f := range j.kept {
		differed[f.key] = true
	}
	j.forget()
	return j.collect(ctx, int64(len(differed)), func(key Digest) bool { return differed[key] })
}

// forget begins a count anew.
func (j *job) forget() {
	j.kept, j.more = nil, false
	j.report.Mismatched, j.report.OnlySource, j.report.OnlyReplica, j.report.Duplicates = 0, 0, 0, 0
}
