package load

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTally(t *testing.T) {
	y := newTally()
	for range 4 {
		y.began(Update)
	}
	y.settled(Update, acked, 3*time.Millisecond, 0)
	y.settled(Update, acked, time.Millisecond, 900*time.Millisecond)
	y.settled(Update, acked, 5*time.Millisecond, 3*time.Second)
	y.failed(refused, "1297", 3*time.Second)
	y.settled(Update, unknown, time.Hour, 3*time.Second)
	c := y.snapshot(5 * time.Second)
	assert.Equal(t, KindCounts{4, 3, 0, 1}, c.Kinds["update"])
	assert.Equal(t, c.KindCounts, c.Kinds["update"])
	assert.Equal(t, []Second{{Acked: 2}, {}, {}, {Acked: 1, Errors: 1}, {}, {}}, c.PerSecond)
	assert.InEpsilon(t, 3*time.Millisecond, c.Latency.P50, 0.01)
	assert.InEpsilon(t, 5*time.Millisecond, c.Latency.Max, 0.01)
	assert.InEpsilon(t, 3*time.Millisecond, c.Latency.Mean, 0.01)
	assert.Equal(t, int64(1), c.Retries)
	y.settled(Update, acked, 0, 0)
	assert.Equal(t, int64(3), c.Acked, "a snapshot stands still")
}

func TestEnoughIsTheFloor(t *testing.T) {
	require.NoError(t, Enough(Counts{KindCounts: KindCounts{Acked: 10}}, 10))
	require.ErrorContains(t, Enough(Counts{KindCounts: KindCounts{Acked: 9, Sent: 20}}, 10), "9 writes acknowledged of 20 sent")
	require.Error(t, Enough(Counts{}, 0), "no write at all proves nothing, whatever was asked for")
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

// A writer that hurries does not wait for its pace, and afterwards does again.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		halt, stop := context.WithCancel(t.Context())
		w := &Writer{gate: newGate(1), halt: halt, tokens: make(chan struct{})}
		next := func() bool {
			defer w.gate.places.Release(1)
			return w.next()
		}
		calm := w.Hurry()
		assert.True(t, next())
		calm()
		calm()
		waits := make(chan bool)
		go func() { waits <- w.next() }()
		synctest.Wait()
		select {
		case <-waits:
			t.Fatal("it went past its pace")
		default:
		}
		stop()
		assert.False(t, <-waits)
	})
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
