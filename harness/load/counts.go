package load

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Counts is what a writer has done so far.
type Counts struct {
	Sent      int64            `json:"sent"` // keys begun: acked, failed, unknown and those in flight
	Acked     int64            `json:"acked"`
	Failed    int64            `json:"failed"`           // refused for good: the row is not there
	Unknown   int64            `json:"unknown"`          // the answer was lost: the row may be there
	Retries   int64            `json:"retries"`          // refusals for now, after which the same row was sent again
	Errors    map[string]int64 `json:"errors,omitempty"` // of all tries, by number ("1297 NDB 4010") or kind
	FirstKey  uint64           `json:"first_key"`        // lowest and highest key that was acked; 0 when none was
	LastKey   uint64           `json:"last_key"`         //
	Latency   Latency          `json:"latency"`          // of acked rows, refusals included
	PerSecond []int64          `json:"acked_per_second"` // from the start; a second without rows is 0
	Seconds   float64          `json:"seconds"`          // since the start, or until the writer ended
}

// Latency of writes, from the first try to the acknowledgement.
type Latency struct {
	Min  time.Duration `json:"min_ns"`
	Mean time.Duration `json:"mean_ns"`
	Max  time.Duration `json:"max_ns"`
}

// Enough guards against a workload that proves nothing: it fails when fewer rows
// were acknowledged than were asked for.
func Enough(c Counts, rows int64) error {
	if c.Acked >= max(rows, 1) {
		return nil
	}
	return fmt.Errorf("check the workload: %d rows acknowledged of %d sent in %.1f s, at least %d wanted: too few to prove anything (errors: %v)",
		c.Acked, c.Sent, c.Seconds, max(rows, 1), c.Errors)
}

// tally gathers counts. Its owner guards it.
type tally struct {
	counts Counts
	sum    time.Duration
}

func newTally() tally { return tally{counts: Counts{Errors: map[string]int64{}}} }

// acked counts a row that was acknowledged after took, since the start.
func (t *tally) acked(key uint64, took, since time.Duration) {
	c := &t.counts
	c.Acked++
	if c.FirstKey == 0 {
		c.FirstKey, c.Latency.Min = key, took
	}
	c.FirstKey, c.LastKey = min(c.FirstKey, key), max(c.LastKey, key)
	c.Latency.Min, c.Latency.Max = min(c.Latency.Min, took), max(c.Latency.Max, took)
	t.sum += took
	t.upTo(since)
	c.PerSecond[len(c.PerSecond)-1]++
}

// upTo makes the series reach the second that since lies in.
func (t *tally) upTo(since time.Duration) {
	if n := int(since/time.Second) + 1 - len(t.counts.PerSecond); n > 0 {
		t.counts.PerSecond = append(t.counts.PerSecond, make([]int64, n)...)
	}
}

// snapshot is a copy that later writes do not touch.
func (t *tally) snapshot(since time.Duration) Counts {
	t.upTo(since)
	c := t.counts
	c.Errors, c.PerSecond = maps.Clone(c.Errors), slices.Clone(c.PerSecond)
	c.Seconds = since.Seconds()
	if c.Acked > 0 {
		c.Latency.Mean = t.sum / time.Duration(c.Acked)
	}
	return c
}
