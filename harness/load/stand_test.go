package load

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A writer that stands sends nothing, and goes on when it is let in. What it did
// not write while it stood is an outage in its own series.
func TestWriterStands(t *testing.T) {
	f := &fakeServer{}
	play(t, f, Options{Rate: 200}, func(t bubble) {
		require.NoError(t, t.w.Wait(t.Context(), 0, 2*time.Second))
		letIn, err := t.w.Stand(t.Context())
		require.NoError(t, err)
		from, before := t.w.Age(), t.w.Counts()
		require.Equal(t, before.Sent, before.Acked, "nothing is in flight")
		standFor(t, 3*time.Second)
		require.Equal(t, before.Sent, t.w.Counts().Sent)
		letIn()
		require.NoError(t, t.w.Wait(t.Context(), before.Acked+100, 0))
		c, _ := stopped(t)
		assert.InDelta(t, 3*time.Second, Longest(c.Outages, from, from+4*time.Second), float64(50*time.Millisecond))
		assert.Zero(t, Longest(c.Outages, 0, from-time.Second), "before it stood it wrote")
		assert.Equal(t, 4, f.closed, "its two connections from before, and the two from after it was stopped")
	})
}

// standFor lets fake time pass.
func standFor(t bubble, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

// Stop does not wait for a writer that stands, and Stand returns an error when a
// write in flight gets no answer.
func TestWriterIsStoppedWhileItStands(t *testing.T) {
	play(t, &fakeServer{}, Options{}, func(t bubble) {
		letIn, err := t.w.Stand(t.Context())
		require.NoError(t, err)
		defer letIn()
		stopped(t)
	})
	play(t, &fakeServer{delay: time.Hour}, Options{}, func(t bubble) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("a second is over"))
		defer cancel()
		_, err := t.w.Stand(ctx)
		require.ErrorContains(t, err, "a write in flight had no answer: a second is over")
		ended, done := context.WithCancel(t.Context())
		done()
		_, err = t.w.Stop(ended)
		require.Error(t, err)
	})
}

// Epochs that are applied, or not, on the replica are a series of their own; a
// replica that does not answer stands still.
func TestReplicationOutages(t *testing.T) {
	begin := time.Now
	var start time.Time
	applied := func(context.Context) (uint64, error) {
		if start.IsZero() {
			start = begin()
		}
		since := begin().Sub(start)
		switch {
		case since > 2*time.Second && since < 4*time.Second:
			return 0, errors.New("the replica is away")
		case since >= 4*time.Second && since < 5*time.Second:
			return 1, nil // it answers, and applies nothing
		}
		return uint64(since / (100 * time.Millisecond)), nil
	}
	play(t, &fakeServer{}, Options{Rate: 100, Applied: applied}, func(t bubble) {
		require.NoError(t, t.w.Wait(t.Context(), 0, 8*time.Second))
		c, _ := stopped(t)
		assert.InDelta(t, 2*time.Second, Longest(c.Unapplied, 0, 8*time.Second), float64(200*time.Millisecond))
		assert.Zero(t, Longest(c.Unapplied, 0, time.Second))
		assert.Empty(t, c.Outages)
	})
}

func TestLongest(t *testing.T) {
	all := []Outage{{0, 2 * time.Second}, {5 * time.Second, 4 * time.Second}}
	for _, c := range []struct{ from, to, want time.Duration }{
		{0, 10, 4}, {0, 6, 2}, {6, 8, 2}, {2, 5, 0}, {1, 2, 1}, {20, 30, 0},
	} {
		assert.Equal(t, c.want*time.Second, Longest(all, c.from*time.Second, c.to*time.Second), "%d to %d", c.from, c.to)
	}
	f := flow{least: time.Second}
	f.forward(500 * time.Millisecond)
	f.forward(3 * time.Second)
	assert.Equal(t, []Outage{{500 * time.Millisecond, 2500 * time.Millisecond}}, f.until(3500*time.Millisecond))
	assert.Len(t, f.until(4*time.Second), 2, "one that goes on counts")
}
