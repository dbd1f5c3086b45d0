package load

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTally(t *testing.T) {
	y := newTally()
	y.acked(7, 3*time.Millisecond, 0)
	y.acked(5, time.Millisecond, 900*time.Millisecond)
	y.acked(9, 5*time.Millisecond, 3*time.Second)
	c := y.snapshot(5 * time.Second)
	assert.Equal(t, int64(3), c.Acked)
	assert.Equal(t, []int64{2, 0, 0, 1, 0, 0}, c.PerSecond)
	assert.Equal(t, Latency{time.Millisecond, 3 * time.Millisecond, 5 * time.Millisecond}, c.Latency)
	assert.Equal(t, [2]uint64{5, 9}, [2]uint64{c.FirstKey, c.LastKey})
	y.acked(1, 0, 0)
	assert.Equal(t, int64(3), c.Acked, "a snapshot stands still")
	assert.Zero(t, newTally().counts.Latency)
}

func TestEnoughIsTheFloor(t *testing.T) {
	require.NoError(t, Enough(Counts{Acked: 10}, 10))
	require.ErrorContains(t, Enough(Counts{Acked: 9, Sent: 20}, 10), "9 rows acknowledged of 20 sent")
	require.Error(t, Enough(Counts{}, 0), "no row at all proves nothing, whatever was asked for")
}

func TestPaceIsEven(t *testing.T) {
	for _, rate := range []int{1, 7, 100, 5000} {
		synctest.Test(t, func(t *testing.T) {
			tokens := pace(t.Context(), rate)
			begin := time.Now()
			for range 3 * rate {
				<-tokens
			}
			assert.InDelta(t, 3.0, time.Since(begin).Seconds(), 0.02)
		})
	}
}

func TestPaceDoesNotCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := pace(t.Context(), 1000)
		away := time.NewTimer(time.Minute)
		<-away.C
		synctest.Wait()
		begin := time.Now()
		for range 1000 {
			<-tokens
		}
		assert.InDelta(t, 0.9, time.Since(begin).Seconds(), 0.02, "a tenth of a second may have been saved up")
	})
}
