package parity

import (
	"context"
	"database/sql/driver"
)

// held is how many entries of 32 bytes a side may hold at once: 64 MiB for both.
// Only tables whose key is not one integer come near: a larger one is read several
// times, each time a part of its keys, so the bound holds whatever its size.
const held = 1 << 20

// whole compares a table whose order the server cannot be asked for without
// asking its collations, or that has no key: all entries are held and sorted here.
func (j *job) whole(ctx context.Context) error {
	var counts [2]int64
	err := j.both(ctx, func(ctx context.Context, i int, s *session) (err error) {
		counts[i], err = s.count(ctx, j.name)
		return err
	})
	if err != nil {
		return err
	}
	parts := uint64(max(1, (max(counts[0], counts[1])+j.held-1)/j.held))
	for part := range parts {
		var got [2][]entry
		err := j.both(ctx, func(ctx context.Context, i int, s *session) (err error) {
			got[i] = make([]entry, 0, (counts[i]+counts[i]/64)/int64(parts)+64) //nolint:gosec // a small number
			got[i], err = j.part(ctx, i, s, got[i], part, parts)
			return err
		})
		if err != nil {
			return err
		}
		if err := join(once(got[0]), once(got[1]), j.differ); err != nil {
			return err
		}
	}
	return nil
}

// part reads the table and keeps the entries whose key falls into one of parts.
func (j *job) part(ctx context.Context, i int, s *session, got []entry, part, parts uint64) ([]entry, error) {
	told := 0
	forget := func() {
		j.advance(i, -told)
		got, told = got[:0], 0
	}
	err := s.scan(ctx, j.selectFrom(i, s), len(j.columns[i]), forget, func(row []driver.Value) error {
		e, err := s.entry(row, j.columns[i], j.keys)
		if err != nil {
			return err
		}
		if e.key[1]%parts != part {
			return nil
		}
		got = append(got, e)
		if len(got)-told == j.Chunk {
			j.advance(i, j.Chunk)
			told = len(got)
		}
		return nil
	})
	j.advance(i, len(got)-told)
	sortEntries(got)
	if j.keys == 0 {
		got = runs(got)
	}
	return got, err
}
