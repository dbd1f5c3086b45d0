package parity

import (
	"context"
	"errors"
	"fmt"
)

// tally is all rows of one side in little room, however many they are and in
// whatever order they come: rows fall into buckets by key, and of a bucket the
// number of rows and the sum of their digests are kept. Equal buckets have the same
// rows but for the chance that two digests collide; only unequal ones are read again,
// to tell which rows differ.
type tally struct {
	rows []int64
	sums []Digest
}

const buckets = 1 << 16

func newTally() tally { return tally{make([]int64, buckets), make([]Digest, buckets)} }

func (t tally) add(e entry) {
	b := bucket(e.key)
	t.rows[b]++
	// Added and not xored: two copies of a row must not be none.
	t.sums[b][0] += e.row[0]
	t.sums[b][1] += e.row[1]
}

func (t tally) clear() {
	clear(t.rows)
	clear(t.sums)
}

func bucket(key Digest) int { return int(key[1] % buckets) }

// unequal lists the buckets that two sides differ in, in groups of at most held rows
// of a side, but for a bucket that has more by itself.
func unequal(source, replica tally, held int64) [][]int {
	var groups [][]int
	var size [2]int64
	for b := range buckets {
		if source.rows[b] == replica.rows[b] && source.sums[b] == replica.sums[b] {
			continue
		}
		size[0], size[1] = size[0]+source.rows[b], size[1]+replica.rows[b]
		if len(groups) == 0 || max(size[0], size[1]) > held {
			groups = append(groups, nil)
			size = [2]int64{source.rows[b], replica.rows[b]}
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], b)
	}
	return groups
}

// held is how many rows a side may hold at once where they differ.
const held = 1 << 18

// tallied compares a table whose order the servers cannot be asked for, because it
// would be the one of their collations, or because there is none.
func (j *job) tallied(ctx context.Context) error {
	tallies := [2]tally{newTally(), newTally()}
	err := j.both(ctx, func(ctx context.Context, i int, s *session) error {
		told := 0
		forget := func() {
			j.advance(i, -told)
			told = 0
			tallies[i].clear()
		}
		return j.rows(ctx, i, s, forget, func(block []entry) {
			for _, e := range block {
				tallies[i].add(e)
			}
			told += len(block)
			j.advance(i, len(block))
		})
	})
	if err != nil {
		return err
	}
	groups := unequal(tallies[0], tallies[1], j.held)
	for _, group := range groups {
		var in [buckets]bool
		rows := int64(0)
		for _, b := range group {
			in[b] = true
			rows += max(tallies[0].rows[b], tallies[1].rows[b])
		}
		if err := j.collect(ctx, rows, func(key Digest) bool { return in[bucket(key)] }); err != nil {
			return err
		}
	}
	if len(groups) > 0 && j.Live == nil && j.differing() == 0 {
		return j.moved()
	}
	return nil
}

// moved is the error of a table of which nothing differs any more.
func (j *job) moved() error {
	return fmt.Errorf("compare %s: %w: it differed, and did not when it was read again", j.name, errMoving)
}

// errMoving is a table that is written to while it is compared as if it were not.
var errMoving = errors.New("it changes while it is compared: stop the writers and let the replica catch up, or compare it live")

// collect reads a table on both sides and joins the rows whose keys are wanted, of
// which there are some number on each.
func (j *job) collect(ctx context.Context, some int64, wanted func(key Digest) bool) error {
	var got [2][]entry
	err := j.both(ctx, func(ctx context.Context, i int, s *session) error {
		rows := make(map[Digest]Digest, some)
		err := j.rows(ctx, i, s, func() { clear(rows) }, func(block []entry) {
			for _, e := range block {
				switch {
				case !wanted(e.key):
				case j.keys == 0:
					rows[e.key] = Digest{0, rows[e.key][1] + 1}
				default:
					rows[e.key] = e.row
				}
			}
		})
		got[i] = make([]entry, 0, len(rows))
		for key, row := range rows {
			got[i] = append(got[i], entry{key, row})
		}
		sortEntries(got[i])
		return err
	})
	if err != nil {
		return err
	}
	return join(once(got[0]), once(got[1]), j.differ)
}
