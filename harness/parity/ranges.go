package parity

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/secure"
)

// ranges compares a table with an integer key: each side walks its own index,
// about Chunk rows a statement, and what comes out is joined as it comes. With more
// connections the keys are cut into as many spans.
func (j *job) ranges(ctx context.Context, estimate int64) error {
	spans := []span{{}}
	if estimate > int64(j.Chunk) {
		var err error
		if spans, err = j.spans(ctx, estimate); err != nil {
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
type span struct {
	after, last *Digest
	// Up to known, where the table ended when it was looked at, keys are read in
	// windows of a width that promises Chunk rows; nil: not in windows.
	known *Digest
	width uint64
}

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

// spans cuts the source's keys into equal widths, one for each connection. Where
// keys lie unevenly the spans take unequal time; none is left out, for the outer
// ones are open.
func (j *job) spans(ctx context.Context, estimate int64) ([]span, error) {
	s, c := j.sides[0].sessions[0], secure.QuoteName(j.columns[0][0].name)
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
	spans := cut(ends[0], ends[1], uint64(j.Connections)) //nolint:gosec // at least 1
	keys, _ := bits.Sub64(ends[1][1], ends[0][1], 0)
	for n := range spans {
		spans[n].known, spans[n].width = &ends[1], max(1, keys/uint64(estimate)*uint64(j.Chunk)) //nolint:gosec // above Chunk
	}
	return spans, nil
}

// window is the part of a span that is to be read next without asking for an
// order; false where the rest of the span must be read in order, because its
// begin or its end is not known.
func (s span) window() (span, bool) {
	if s.after == nil || s.known == nil {
		return s, false
	}
	low, carry := bits.Add64(s.after[1], s.width, 0)
	end := Digest{s.after[0] + carry, low}
	if s.last != nil && end.compare(*s.last) >= 0 {
		return s, true
	}
	s.last = &end
	return s, end.compare(*s.known) < 0
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
// Rows of a window come as they lie and are sorted here: to have them merged in
// order costs NDB more. The first block of a span that is open below, and what lies
// above the known keys, come in order.
func (j *job) stream(ctx context.Context, i int, s *session, sp span, blocks chan<- []entry) error {
	var spare []entry // what sorting a window has left over
	for size := 0; ; size = j.Chunk {
		part, bounded := sp.window()
		block, err := slices.Grow(spare[:0], size), error(nil)
		spare = nil
		if bounded {
			if block, err = j.window(ctx, i, s, part, block); errors.Is(err, errDense) {
				bounded, sp.width = false, max(1, sp.width/dense)
			} else {
				block, spare = sortOrdinals(block, part.after[1])
			}
		}
		if !bounded {
			block, err = j.block(ctx, i, s, sp, block[:0])
		}
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
		switch {
		case bounded && part.last == sp.last, !bounded && len(block) < j.Chunk:
			return nil
		case bounded:
			sp.after, sp.width = part.last, fitting(sp.width, len(block), j.Chunk)
		default:
			sp.after = &block[len(block)-1].key
		}
	}
}

// fitting is the next window's width: keys need not lie evenly.
func fitting(width uint64, rows, wanted int) uint64 {
	switch {
	case rows < wanted/2 && width < 1<<62:
		return width * 2
	case rows > 2*wanted:
		return max(1, width/2)
	}
	return width
}

// errDense is a window that holds more rows than memory has room for.
var errDense = errors.New("too many rows in a window")

// dense is how many times Chunk a window may hold.
const dense = 4

// window reads all rows of a window, in whatever order they come.
func (j *job) window(ctx context.Context, i int, s *session, part span, block []entry) ([]entry, error) {
	columns, key := j.columns[i], secure.QuoteName(j.columns[i][0].name)
	query := j.selectFrom(i, s) + " FORCE INDEX (PRIMARY)" + part.where(key)
	err := s.scan(ctx, query, len(columns), func() { block = block[:0] }, func(row []driver.Value) error {
		if len(block) == dense*j.Chunk {
			return errDense
		}
		e, err := s.entry(row, columns, 0)
		if err != nil {
			return err
		}
		e.key, err = ordinalOf(row[0])
		block = append(block, e)
		return err
	})
	return block, err
}

// block reads the first Chunk rows of a span. The index is forced: without it
// NDB may scan the table and sort it for every block.
func (j *job) block(ctx context.Context, i int, s *session, sp span, block []entry) ([]entry, error) {
	columns, key := j.columns[i], secure.QuoteName(j.columns[i][0].name)
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
