package parity

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// ranges compares a table with an integer key: each side walks its own index,
// Chunk rows a statement, and what comes out is joined as it comes. With more
// connections the keys are cut into as many spans.
func (j *job) ranges(ctx context.Context, estimate int64) error {
	spans := []span{{}}
	if j.Connections > 1 && estimate > int64(j.Chunk) {
		var err error
		if spans, err = j.spans(ctx); err != nil {
			return j.failed(0, err)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for n, sp := range spans {
		var feeds [2]feed
		for i, side := range j.sides {
			blocks := make(chan []entry, 1)
			feeds[i] = j.receive(ctx, i, blocks)
			g.Go(func() error {
				defer close(blocks)
				return j.failed(i, j.stream(ctx, i, side.sessions[n], sp, blocks))
			})
		}
		g.Go(func() error { return join(feeds[0], feeds[1], j.differ) })
	}
	return g.Wait()
}

// receive is the feed behind a channel; a side that failed is not one that ended.
func (j *job) receive(ctx context.Context, i int, blocks <-chan []entry) feed {
	return func() ([]entry, error) {
		select {
		case b := <-blocks:
			j.advance(i, len(b))
			return b, nil
		case <-ctx.Done():
			return nil, j.failed(i, context.Cause(ctx))
		}
	}
}

// span is a range of ordinals: above after, up to and including last; nil is open.
type span struct{ after, last *Digest }

func (s span) where(column string) string {
	var parts []string
	if s.after != nil {
		parts = append(parts, column+" > "+s.after.literal())
	}
	if s.last != nil {
		parts = append(parts, column+" <= "+s.last.literal())
	}
	if len(parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(parts, " AND ")
}

// spans cuts the source's keys into equal widths. Where keys lie unevenly the
// spans take unequal time; none is left out, for the outer ones are open.
func (j *job) spans(ctx context.Context) ([]span, error) {
	s, c := j.sides[0].sessions[0], quote(j.columns[0][0].name)
	var ends [2]Digest
	err := s.scan(ctx, "SELECT MIN("+c+"), MAX("+c+") FROM "+j.name.quoted(), 2, nil, func(row []driver.Value) error {
		for i, v := range row {
			if v == nil {
				continue
			}
			var err error
			if ends[i], err = ordinalOf(v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || ends[0] == ends[1] {
		return []span{{}}, err
	}
	return cut(ends[0], ends[1], uint64(j.Connections)), nil //nolint:gosec // at least 1
}

func cut(first, last Digest, n uint64) []span {
	// Negative ordinals {1, x} run into the others {2, x} by a carry; the distance
	// fits 64 bits, for a column is signed or unsigned and not both.
	width, _ := bits.Sub64(last[1], first[1], 0)
	out := []span{{}}
	for i := uint64(1); i < n && width/n > 0; i++ {
		low, carry := bits.Add64(first[1], width/n*i, 0)
		at := Digest{first[0] + carry, low}
		out[len(out)-1].last = &at
		out = append(out, span{after: &at})
	}
	return out
}

// stream sends the rows of one span in order of keys, a statement for each block.
func (j *job) stream(ctx context.Context, i int, s *session, sp span, blocks chan<- []entry) error {
	for size := 0; ; size = j.Chunk {
		block, err := j.block(ctx, i, s, sp, make([]entry, 0, size))
		if err != nil {
			return err
		}
		if len(block) > 0 {
			select {
			case blocks <- block:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if len(block) < j.Chunk {
			return nil
		}
		sp.after = &block[len(block)-1].key
	}
}

// block reads the first Chunk rows of a span. The index is forced: without it
// NDB may scan the table and sort it for every block.
func (j *job) block(ctx context.Context, i int, s *session, sp span, block []entry) ([]entry, error) {
	columns, key := j.columns[i], quote(j.columns[i][0].name)
	query := j.selectFrom(i, s) + " FORCE INDEX (PRIMARY)" + sp.where(key) + " ORDER BY " + key + " LIMIT " + strconv.Itoa(j.Chunk)
	var last Digest
	begin := func() {
		block, last = block[:0], Digest{} // no ordinal is as low as this one
		if sp.after != nil {
			last = *sp.after
		}
	}
	begin()
	err := s.scan(ctx, query, len(columns), begin, func(row []driver.Value) error {
		e, err := s.entry(row, columns, 0)
		if err != nil {
			return err
		}
		if e.key, err = ordinalOf(row[0]); err != nil {
			return err
		}
		if e.key.compare(last) <= 0 {
			return fmt.Errorf("read in order of the key: %s came after %s", e.key.literal(), last.literal())
		}
		last = e.key
		block = append(block, e)
		return nil
	})
	return block, err
}
