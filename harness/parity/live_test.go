package parity

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows that have come to the replica when they are read again are no mismatch;
// those that have not come within the time are.
func TestLiveReadsAgain(t *testing.T) {
	for _, w := range ways {
		synctest.Test(t, func(t *testing.T) {
			have := map[int64]string{1: "a", 2: "new", 3: "come"}
			late := map[int64]string{1: "a", 2: "old"}
			servers := [2]*fakeServer{w.server(have), w.server(late)}
			o := Options{Chunk: 2, Connections: 1, First: 10, Live: &Live{}}
			c, p, done := fakeComparison(t, o, w, servers)
			defer done()
			catchUp := time.AfterFunc(3*time.Second, func() {
				servers[1].set(w.server(have).rows)
			})
			defer catchUp.Stop()
			got, err := c.table(t.Context(), p)
			require.NoError(t, err)
			assert.True(t, got.Equal(), "%s: %+v", w.name, got)
			assert.Positive(t, got.Again)

			servers[1].set(w.server(late).rows)
			begin := time.Now()
			got, err = c.table(t.Context(), p)
			require.NoError(t, err)
			assert.False(t, got.Equal(), w.name)
			assert.NotEmpty(t, got.First)
			assert.InDelta(t, 10.0, time.Since(begin).Seconds(), 1, w.name)
		})
	}
}

// With holds and a fence one more look decides, while the rows are held.
func TestLiveHoldsRowsBehindAFence(t *testing.T) {
	have := map[int64]string{1: "a", 2: "new", -3: "negative"}
	servers := [2]*fakeServer{byInteger.server(have), byInteger.server(map[int64]string{1: "a", 2: "old"})}
	held := map[uint64]bool{}
	arrive := func() {}
	o := Options{Chunk: 2, Connections: 1, First: 10, Live: &Live{
		Hold: func(_ context.Context, database, table string, key uint64) (func(), error) {
			assert.Equal(t, "d.t", database+"."+table)
			held[key] = true
			return func() { delete(held, key) }, nil
		},
		Fence: func(context.Context) error {
			assert.Equal(t, map[uint64]bool{2: true}, maps.Clone(held))
			arrive()
			return nil
		},
	}}
	c, p, done := fakeComparison(t, o, byInteger, servers)
	defer done()
	got, err := c.table(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, int64(1), got.Mismatched)
	assert.Equal(t, int64(1), got.OnlySource)
	assert.Zero(t, got.Again)
	assert.Empty(t, held)

	arrive = func() { servers[1].set(byInteger.server(have).rows) }
	got, err = c.table(t.Context(), p)
	require.NoError(t, err)
	assert.True(t, got.Equal())
	assert.Equal(t, int64(2), got.Again)

	lost := errors.New("lost")
	c.Live.Fence = func(context.Context) error { return lost }
	servers[1].set(nil)
	_, err = c.table(t.Context(), p)
	require.ErrorIs(t, err, lost)
	assert.Empty(t, held)
}

func TestFinishedTablesAreNotReadAgain(t *testing.T) {
	rows := map[int64]string{1: "a"}
	var told []TableReport
	o := Options{Chunk: 2, Connections: 1, First: 10, Finish: func(r TableReport) error { told = append(told, r); return nil }}
	c, p, done := fakeComparison(t, o, byInteger, [2]*fakeServer{byInteger.server(rows), byInteger.server(rows)})
	defer done()
	first, err := c.orFinished(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, []TableReport{first}, told)
	c.Finished = []TableReport{{Database: "d", Name: "t", RowsSource: 7}}
	again, err := c.orFinished(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, int64(7), again.RowsSource)
	assert.Len(t, told, 1)
	full := errors.New("disk full")
	c.Finished, c.Finish = nil, func(TableReport) error { return full }
	_, err = c.orFinished(t.Context(), p)
	require.ErrorIs(t, err, full)
}
