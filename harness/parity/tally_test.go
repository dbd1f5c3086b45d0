package parity

import (
	"database/sql/driver"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Exactly the buckets that differ are read again, each in one group, and no group
// asks for more rows than there is room for.
func TestUnequalBuckets(t *testing.T) {
	row := rapid.Custom(func(t *rapid.T) entry {
		text := rapid.StringMatching(`[ab][ab]`).Draw(t, "row")
		return entry{digestOf([]byte(text[:1])), digestOf([]byte(text))}
	})
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.Int64Range(1, 9).Draw(t, "room")
		tallies := [2]tally{newTally(), newTally()}
		var in [2]map[int]map[entry]int
		for i, name := range []string{"source", "replica"} {
			in[i] = map[int]map[entry]int{}
			for _, e := range rapid.SliceOf(row).Draw(t, name) {
				tallies[i].add(e)
				b := bucket(e.key)
				if in[i][b] == nil {
					in[i][b] = map[entry]int{}
				}
				in[i][b][e]++
			}
		}
		var want []int
		for b := range buckets {
			if !maps.Equal(in[0][b], in[1][b]) {
				want = append(want, b)
			}
		}
		groups := unequal(tallies[0], tallies[1], room)
		require.Equal(t, want, slices.Concat(groups...))
		for _, g := range groups {
			for i := range in {
				rows := int64(0)
				for _, b := range g {
					rows += tallies[i].rows[b]
				}
				require.True(t, len(g) == 1 || rows <= room, "%d rows in %v", rows, g)
			}
		}
	})
}

// Two copies of a row are not none, in sums of digests.
func TestCopiesCount(t *testing.T) {
	a, b := newTally(), newTally()
	for range 2 {
		a.add(entry{Digest{}, digestOf([]byte("a"))})
		b.add(entry{Digest{}, digestOf([]byte("b"))})
	}
	assert.Equal(t, [][]int{{0}}, unequal(a, b, held))
}

// A writer changed what differs at first and does not when it is read again: that is
// no comparison of two moments' rows, and neither equal nor unequal.
func TestTableThatMovesIsAnError(t *testing.T) {
	for _, w := range []way{byText, byHash, byTwo, byNothing} {
		want := map[int64]string{1: "a", 2: "b"}
		servers := [2]*fakeServer{w.server(want), w.server(map[int64]string{1: "a", 2: "late"})}
		c, p, done := fakeComparison(t, Options{Chunk: 10, Connections: 1, First: 1}, w, servers)
		reads := 0
		servers[1].moves = func(f *fakeServer) {
			if reads++; reads > 2 { // the rows and their count
				f.rows = w.server(want).rows
			}
		}
		if w.hashOnly || w.keyless {
			reads++ // nothing is counted
		}
		_, err := c.table(t.Context(), p)
		done()
		require.ErrorIs(t, err, errMoving, w.name)
	}
}

// A row that a range does not find on either side would be equal on both.
func TestRowsThatNoRangeFindsAreAnError(t *testing.T) {
	for _, w := range []way{byText, byTwo} {
		rows := map[int64]string{1: "a", 2: "b", 3: "c"}
		servers := [2]*fakeServer{w.server(rows), w.server(rows)}
		servers[0].hides, servers[1].hides = 1, 1
		c, p, done := fakeComparison(t, Options{Chunk: 10, Connections: 1, First: 1}, w, servers)
		_, err := c.table(t.Context(), p)
		done()
		require.ErrorContains(t, err, "2 rows in order of the key, and 3 when they are counted", w.name)
	}
}

// A server that gives a row again that it was not asked for is not asked for ever.
func TestWalkGoesOn(t *testing.T) {
	servers := [2]*fakeServer{byText.server(map[int64]string{1: "a", 2: "b"}), byText.server(map[int64]string{1: "a", 2: "b"})}
	servers[1].deaf = true
	c, p, done := fakeComparison(t, Options{Chunk: 1, Connections: 1, First: 1}, byText, servers)
	defer done()
	_, err := c.table(t.Context(), p)
	require.ErrorContains(t, err, "compare d.t on the replica: read in order of the key: (_utf8mb4 x'31') came after itself")
}

// Where the writers never rest every look finds rows that have not come yet: those
// that differed at first decide, whatever else differs later.
func TestLiveEndsBesideAWriter(t *testing.T) {
	for _, w := range []way{byText, byHash, byTwo, byNothing} {
		synctest.Test(t, func(t *testing.T) {
			servers := [2]*fakeServer{w.server(map[int64]string{1: "a"}), w.server(map[int64]string{1: "a"})}
			id := int64(1)
			servers[0].moves = func(f *fakeServer) { // the replica is one row behind, always
				servers[1].set(f.rows)
				id++
				f.rows = append(slices.Clone(f.rows), append(w.values(id), driver.Value([]byte("new"))))
			}
			c, p, done := fakeComparison(t, Options{Chunk: 1000, Connections: 1, First: 10, Live: &Live{}}, w, servers)
			defer done()
			got, err := c.table(t.Context(), p)
			require.NoError(t, err)
			assert.True(t, got.Equal(), "%s: %+v", w.name, got)

			servers[0].moves = func(f *fakeServer) {
				id++
				f.rows = append(slices.Clone(f.rows), append(w.values(id), driver.Value([]byte("lost"))))
			}
			got, err = c.table(t.Context(), p)
			require.NoError(t, err)
			assert.False(t, got.Equal(), w.name)
		})
	}
}

func TestLiterals(t *testing.T) {
	for want, of := range map[string]struct {
		kind      kind
		canonical string
	}{
		"_latin1 x'e927'":              {kindText, "\xe9'"},
		"_latin1 x''":                  {kindText, ""},
		"x'00ff'":                      {kindBytes, "\x00\xff"},
		"-12":                          {kindInteger, "-12"},
		"0.5":                          {kindDecimal, "0.5"},
		"'2024-02-29 23:59:59.000001'": {kindTemporal, "2024-02-29 23:59:59.000001"},
	} {
		assert.Equal(t, want, literal(of.kind, "latin1", []byte(of.canonical)))
	}
	// A server that stores another character set is asked for utf8mb4, and told of it.
	j := &job{keys: 1}
	j.columns[0], j.columns[1] = []column{{kind: kindText, charset: "latin1"}}, []column{{kind: kindText, charset: "utf8mb4"}}
	got, err := j.literals(0, []driver.Value{[]byte("é")})
	require.NoError(t, err)
	assert.Equal(t, []string{"_utf8mb4 x'c3a9'"}, got)
}
