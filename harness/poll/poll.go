// Package poll holds the one wait loop of the project. Everything that waits
// for a running server waits here, and a wait that ends in vain says what was
// wanted, how long and how often it looked, and what it saw last.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Interval is the pause between two probes. A probe that costs more than this
// (an exec in a container, say) sets the pace itself.
const Interval = 50 * time.Millisecond

// stop marks an error after which waiting on is pointless.
type stop struct{ err error }

func (s stop) Error() string { return s.err.Error() }
func (s stop) Unwrap() error { return s.err }

// Stop wraps err so that Until gives up at once: the thing waited for can no
// longer come (a container that exited, a thread that reports a fatal error).
func Stop(err error) error { return stop{err} }

// Timeout is what Until returns when ctx ended first.
type Timeout struct {
	What    string
	Waited  time.Duration
	Probes  int
	Last    error // what the last probe reported; nil when none ran to its end
	Context error // why ctx ended
}

func (t *Timeout) Error() string {
	last := "no probe ended"
	if t.Last != nil {
		last = t.Last.Error()
	}
	return fmt.Sprintf("wait for %s: gave up after %s and %d probes (%v); last seen: %s",
		t.What, t.Waited.Round(time.Millisecond), t.Probes, t.Context, last)
}

// Unwrap lets callers test for context.DeadlineExceeded, context.Canceled and
// for the last probe's own error.
func (t *Timeout) Unwrap() []error { return []error{t.Context, t.Last} }

// Until calls probe until it returns nil, returns a Stop, or ctx ends. The
// probe's error is the reason why the wait goes on, worded for the reader of a
// timeout ("node 3: starting, phase 5"). What names the thing waited for.
func Until(ctx context.Context, what string, probe func(context.Context) error) error {
	return Every(ctx, Interval, what, probe)
}

// Every is Until with a pause of its own, for probes that cost the thing they
// look at.
func Every(ctx context.Context, pause time.Duration, what string, probe func(context.Context) error) error {
	begin, probes := time.Now(), 0
	var last error
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return &Timeout{what, time.Since(begin), probes, last, context.Cause(ctx)}
		case <-tick.C:
		}
		err := probe(ctx)
		if err == nil {
			return nil
		}
		probes++
		var s stop
		if errors.As(err, &s) {
			return fmt.Errorf("wait for %s: %w", what, s.err)
		}
		// A probe cut off by ctx reports the cut, not what it saw.
		if ctx.Err() == nil || last == nil {
			last = err
		}
		tick.Reset(pause)
	}
}
