package parity

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A comparison counts what two maps of rows differ in, whatever the chunks, the
// connections and the parts.
func TestTableFindsWhatMapsFind(t *testing.T) {
	rows := rapid.MapOf(rapid.Int64Range(-20, 20), rapid.SampledFrom([]string{"", "a", "b"}))
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s, r := rows.Draw(t, "source"), rows.Draw(t, "replica")
				want := TableReport{
					Database: "d", Name: "t", Keyed: !w.keyless,
					RowsSource: int64(len(s)), RowsReplica: int64(len(r)),
				}
				for id, v := range s {
					switch w, both := r[id]; {
					case both && v == w:
					case both && want.Keyed:
						want.Mismatched++
					default:
						want.OnlySource++
					}
				}
				for id, w := range r {
					if v, both := s[id]; !both || (v != w && !want.Keyed) {
						want.OnlyReplica++
					}
				}
				n := rapid.IntRange(1, 9)
				o := Options{Chunk: n.Draw(t, "chunk"), Connections: n.Draw(t, "connections"), First: 1000}
				o.held = int64(n.Draw(t, "held"))
				c, p, done := fakeComparison(t, o, w, [2]*fakeServer{w.server(s), w.server(r)})
				defer done()
				got, err := c.table(t.Context(), p)
				require.NoError(t, err)
				require.Len(t, got.First, int(want.Mismatched+want.OnlySource+want.OnlyReplica))
				require.Equal(t, want.Mismatched+want.OnlySource+want.OnlyReplica == 0, got.Equal())
				got.First = nil
				require.Equal(t, want, got)
				require.Equal(t, int64(len(s)+len(r)), c.progress.Rows)
			})
		})
	}
}

func TestDuplicatesAreAnOutcomeOfTheirOwn(t *testing.T) {
	row := func(id int64) []driver.Value { return []driver.Value{id, []byte("v")} }
	s, r := byNothing.server(nil), byNothing.server(nil)
	s.set([][]driver.Value{row(1), row(1), row(2), row(3), row(3)})
	r.set([][]driver.Value{row(1), row(2), row(2), row(2), row(4)})
	c, p, done := fakeComparison(t, Options{Chunk: 10, Connections: 1, First: 10}, byNothing, [2]*fakeServer{s, r})
	defer done()
	got, err := c.table(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, int64(3), got.Duplicates)
	assert.Equal(t, int64(2), got.OnlySource)
	assert.Equal(t, int64(1), got.OnlyReplica)
	assert.False(t, got.Equal())
	assert.Contains(t, got.First, Mismatch{
		Source: `id=2, v="v"`, Replica: `id=2, v="v"`, Note: "copies: 1 on the source, 3 on the replica",
	})
	assert.Contains(t, got.First, Mismatch{Source: `id=3, v="v"`, Note: "copies: 2 on the source, 0 on the replica"})
}

func TestMismatchesAreShownByColumn(t *testing.T) {
	for _, w := range ways[:4] {
		s := w.server(map[int64]string{1: "same", 2: "old", 3: "lost"})
		r := w.server(map[int64]string{1: "same", 2: "new", 4: "strange"})
		c, p, done := fakeComparison(t, Options{Chunk: 2, Connections: 1, First: 10}, w, [2]*fakeServer{s, r})
		got, err := c.table(t.Context(), p)
		done()
		require.NoError(t, err)
		assert.ElementsMatch(t, []Mismatch{
			{Key: w.shown(2), Column: "v", Source: `"old"`, Replica: `"new"`},
			{Key: w.shown(3), Source: w.shown(3) + `, v="lost"`, Note: "only on the source"},
			{Key: w.shown(4), Replica: w.shown(4) + `, v="strange"`, Note: "only on the replica"},
		}, got.First, w.name)
	}
}

func TestTotalsAreKeptBeyondTheFirst(t *testing.T) {
	s, r := map[int64]string{}, map[int64]string{}
	for i := range int64(50) {
		s[i], r[i] = "a", "b"
	}
	c, p, done := fakeComparison(t, Options{Chunk: 7, Connections: 2, First: 3}, byInteger, [2]*fakeServer{byInteger.server(s), byInteger.server(r)})
	defer done()
	got, err := c.table(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, int64(50), got.Mismatched)
	assert.Len(t, got.First, 3)
}

// A side that breaks off is an error with its name, never a table that ended early.
func TestBrokenSideIsAnError(t *testing.T) {
	lost := errors.New("lost")
	for _, w := range ways {
		for i, name := range []string{"source", "replica"} {
			servers := [2]*fakeServer{w.server(map[int64]string{1: "a", 2: "b"}), w.server(map[int64]string{1: "a", 2: "b"})}
			servers[i].fails = lost
			c, p, done := fakeComparison(t, Options{Chunk: 10, Connections: 1, First: 1}, w, servers)
			_, err := c.table(t.Context(), p)
			done()
			require.ErrorIs(t, err, lost)
			require.ErrorContains(t, err, "compare d.t on the "+name)
		}
	}
}

// Windows find every row, however the keys lie and whatever the servers guess: none
// where there are no keys, more than memory has room for where they are dense, rows
// above what was the last one.
func TestWindows(t *testing.T) {
	for _, estimate := range []int64{1, 20, 300, 1 << 40} {
		for _, connections := range []int{1, 2, 3} {
			s, r := map[int64]string{}, map[int64]string{}
			for i := range int64(100) {
				s[i-50], s[i*1_000_003], s[1<<50+i] = "a", "b", "c"
			}
			for k, v := range s {
				r[k] = v
			}
			s[-50], r[1<<50+50] = "other", "other"
			delete(r, 1<<50+99)
			c, p, done := fakeComparison(t, Options{Chunk: 10, Connections: connections, First: 3}, byInteger, [2]*fakeServer{byInteger.server(s), byInteger.server(r)})
			p.on[0].estimate = estimate
			got, err := c.table(t.Context(), p)
			done()
			require.NoError(t, err)
			assert.Equal(t, []int64{int64(len(s)), int64(len(r)), 2, 1, 0},
				[]int64{got.RowsSource, got.RowsReplica, got.Mismatched, got.OnlySource, got.OnlyReplica}, "%d, %d", estimate, connections)
		}
	}
}

// What NDB refuses for now is read again from its beginning, and no row counts
// twice: not in the numbers, and not in a multiset.
func TestReadsBeginAgain(t *testing.T) {
	for _, number := range []uint16{1205, 1297} {
		for _, w := range ways {
			servers := [2]*fakeServer{w.server(map[int64]string{1: "a", 2: "b", 3: "c"}), w.server(map[int64]string{1: "a", 2: "b", 3: "c"})}
			servers[1].fails, servers[1].often = &mysql.MySQLError{Number: number, Message: "Got temporary error 266"}, 2
			c, p, done := fakeComparison(t, Options{Chunk: 1, Connections: 1, First: 1}, w, servers)
			got, err := c.table(t.Context(), p)
			done()
			require.NoError(t, err)
			assert.True(t, got.Equal(), "%+v", got)
			assert.Equal(t, int64(3), got.RowsReplica)
			assert.Zero(t, servers[1].often, "it did fail")
		}
	}
}

func TestRowsOutOfOrderAreAnError(t *testing.T) {
	rows := map[int64]string{}
	for i := range int64(100) {
		rows[i] = "v"
	}
	servers := [2]*fakeServer{byInteger.server(rows), byInteger.server(rows)}
	servers[1].lies = true
	c, p, done := fakeComparison(t, Options{Chunk: 1000, Connections: 1, First: 1}, byInteger, servers)
	defer done()
	_, err := c.table(t.Context(), p)
	require.ErrorContains(t, err, "compare d.t on the replica: read in order of the key")
}

func TestCancelledComparisonEnds(t *testing.T) {
	rows := map[int64]string{}
	for i := range int64(100) {
		rows[i] = "v"
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Chunk: 1, Connections: 2, First: 1, Progress: func(Progress) { cancel() }}
	c, p, done := fakeComparison(t, o, byInteger, [2]*fakeServer{byInteger.server(rows), byInteger.server(rows)})
	defer done()
	_, err := c.table(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "compare d.t")
}

func TestTableOnOneSideOnly(t *testing.T) {
	c, p, done := fakeComparison(t, Options{Connections: 1}, byInteger, [2]*fakeServer{byInteger.server(nil), byInteger.server(map[int64]string{1: "a"})})
	defer done()
	p.on[0] = nil
	got, err := c.table(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, []Difference{{"table", Absent, "present"}}, got.Schema)
	assert.Equal(t, int64(1), got.OnlyReplica)
	assert.False(t, got.Equal())
}

// Without the same key on both sides nothing says which rows belong together.
func TestDifferentKeysMakeAMultiset(t *testing.T) {
	c, p, done := fakeComparison(t, Options{Connections: 1, Chunk: 1}, byInteger, [2]*fakeServer{byInteger.server(map[int64]string{1: "a"}), byInteger.server(map[int64]string{1: "a"})})
	defer done()
	p.on[1].key = []string{"v"}
	got, err := c.table(t.Context(), p)
	require.NoError(t, err)
	assert.False(t, got.Keyed)
	assert.True(t, got.Equal())
}
