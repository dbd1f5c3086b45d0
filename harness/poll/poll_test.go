package poll_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/golden"
	"ndbproof/harness/poll"
)

var errStarting = errors.New("node 3: starting, phase 5")

// atMost bounds a wait between two probes, so that the last one is certain.
func atMost(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestUntilReturnsWhenTheProbeDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, probes := time.Now(), 0
		err := poll.Until(t.Context(), "node 3 started", func(context.Context) error {
			if probes++; probes < 4 {
				return errStarting
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 4, probes)
		assert.Equal(t, 3*poll.Interval, time.Since(begin), "the first probe waits for nothing, the others for one interval each")
	})
}

func TestUntilTimesOutWithTheLastReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := poll.Until(atMost(t, 2*time.Second+10*time.Millisecond), "node 3 started", func(context.Context) error { return errStarting })
		golden.Equal(t, "testdata/timeout.golden", err.Error()+"\n")

		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errStarting)
		var timeout *poll.Timeout
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, 41, timeout.Probes)
		assert.Equal(t, 2*time.Second+10*time.Millisecond, timeout.Waited)
	})
}

func TestUntilStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("container exited with 139")
		begin, probes := time.Now(), 0
		err := poll.Until(t.Context(), "node 3 started", func(context.Context) error {
			probes++
			return fmt.Errorf("inspect node 3: %w", poll.Stop(gone))
		})
		require.EqualError(t, err, "wait for node 3 started: container exited with 139")
		require.ErrorIs(t, err, gone)
		assert.Equal(t, 1, probes)
		assert.Zero(t, time.Since(begin))
	})
}

func TestUntilTellsWhyItWasCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		err := poll.Until(ctx, "node 3 started", func(context.Context) error {
			cancel(interrupted)
			return errStarting
		})
		require.ErrorIs(t, err, interrupted)
		assert.ErrorContains(t, err, "(interrupted); last seen: node 3: starting, phase 5")
	})
}

// A probe that ctx cuts off says so; what the one before it saw is the reason.
func TestUntilKeepsTheReasonOfTheProbeBeforeTheCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		err := poll.Until(atMost(t, time.Second), "node 3 started", func(ctx context.Context) error {
			if probes++; probes == 1 {
				return errStarting
			}
			<-ctx.Done()
			return ctx.Err()
		})
		assert.ErrorContains(t, err, "after 1s and 2 probes (context deadline exceeded); last seen: node 3: starting, phase 5")
	})
}

func TestUntilNamesTheCutWhenNothingElseWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := poll.Until(atMost(t, time.Second), "node 3 started", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("exec: cut off")
		})
		assert.ErrorContains(t, err, "1 probes (context deadline exceeded); last seen: exec: cut off")
	})
}

func TestEveryKeepsItsOwnPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		err := poll.Every(atMost(t, 10*time.Second+time.Millisecond), 5*time.Second, "checkpoint", func(context.Context) error {
			probes++
			return errStarting
		})
		require.Error(t, err)
		assert.Equal(t, 3, probes, "at 0, 5 and 10 s")
	})
}

// A timeout before the first probe has no last error, and errors.Is and
// errors.As must bear that.
func TestTimeoutWithoutAProbe(t *testing.T) {
	err := error(&poll.Timeout{What: "node 3 started", Context: context.Canceled})
	require.EqualError(t, err, "wait for node 3 started: gave up after 0s and 0 probes (context canceled); last seen: no probe ended")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, errStarting)
	var path *os.PathError
	assert.NotErrorAs(t, err, &path)
}
