package load

import (
	"context"
	"slices"
	"time"

	"ndbproof/harness/poll"
)

// Outage is a stretch of a writer's life, from its start on, in which nothing
// went forward: no write was acknowledged, or no epoch applied on the replica.
type Outage struct {
	Begin  time.Duration `json:"begin_ns"`
	Length time.Duration `json:"length_ns"`
}

// Stretches that are shorter are not kept: they are the pace of the writes
// themselves, and of the epochs (TimeBetweenEpochs, 100 ms).
const (
	leastWrites = 100 * time.Millisecond
	leastEpochs = 300 * time.Millisecond
)

// flow keeps the outages of something that goes forward in steps.
type flow struct {
	least time.Duration
	last  time.Duration // when it last went forward
	all   []Outage
}

// forward notes a step at a time since the start.
func (f *flow) forward(since time.Duration) {
	if gap := since - f.last; gap >= f.least {
		f.all = append(f.all, Outage{f.last, gap})
	}
	f.last = max(f.last, since)
}

// until gives all outages, one that goes on at the end among them.
func (f *flow) until(since time.Duration) []Outage {
	all := slices.Clone(f.all)
	if gap := since - f.last; gap >= f.least {
		all = append(all, Outage{f.last, gap})
	}
	return all
}

// Longest is the longest of the outages within a stretch of the writer's life; of
// one that reaches over its ends only what lies within counts.
func Longest(all []Outage, from, to time.Duration) time.Duration {
	longest := time.Duration(0)
	for _, o := range all {
		longest = max(longest, min(to, o.Begin+o.Length)-max(from, o.Begin))
	}
	return longest
}

// pauseApplied lies between two looks at what the replica has applied.
const pauseApplied = 50 * time.Millisecond

// watchApplied looks at how far the replica has applied. A replica that does not
// answer does not go forward.
func (w *Writer) watchApplied() {
	before := uint64(0)
	_ = poll.Every(w.halt, pauseApplied, "the writer to stop", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		now, err := w.options.Applied(ctx)
		if err == nil && now != before && now != 0 { // 0: nothing yet, of the server that logs now
			before = now
			w.mu.Lock()
			w.tally.epochs.forward(time.Since(w.begin))
			w.mu.Unlock()
		}
		return errWriting
	})
}
