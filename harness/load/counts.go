package load

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Counts is what a writer has done so far.
type Counts struct {
	KindCounts
	Kinds     map[string]KindCounts `json:"kinds"`                         // those that there were
	Retries   int64                 `json:"retries"`                       // refusals for now, after which the same write was sent again
	Errors    map[string]int64      `json:"errors,omitempty"`              // of all tries, by number ("1297 NDB 4010") or kind
	Latency   Latency               `json:"latency"`                       // of acknowledged writes, refusals included
	Ledger    time.Duration         `json:"ledger_ns"`                     // mean, that noting a write in the ledger took, before it and after
	PerSecond []Second              `json:"per_second"`                    // from the start
	Outages   []Outage              `json:"outages,omitempty"`             // without an acknowledged write, of 100 ms or more
	Unapplied []Outage              `json:"replication_outages,omitempty"` // without an epoch applied on the replica, of 300 ms or more
	Seconds   float64               `json:"seconds"`                       // since the start, or until the writer ended
}

// Second is one second of a writer's life.
type Second struct {
	Acked  int64    `json:"acked"`
	Errors int64    `json:"errors,omitempty"`
	Lag    *float64 `json:"lag_s,omitempty"` // seconds that the replica was behind, when it was asked and answered
}

// Latency of writes, from the first try to the acknowledgement: quantiles of an
// HDR histogram with two digits.
type Latency struct {
	Min  time.Duration `json:"min_ns"`
	Mean time.Duration `json:"mean_ns"`
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// Enough guards against a workload that proves nothing: it fails when fewer writes
// were acknowledged than were asked for.
func Enough(c Counts, writes int64) error {
	if c.Acked >= max(writes, 1) {
		return nil
	}
	return fmt.Errorf("check the workload: %d writes acknowledged of %d sent in %.1f s, at least %d wanted: too few to prove anything (errors: %v)",
		c.Acked, c.Sent, c.Seconds, max(writes, 1), c.Errors)
}

// tally gathers counts. Its owner guards it.
type tally struct {
	kinds   [kinds]KindCounts
	retries int64
	errors  map[string]int64
	latency *hdrhistogram.Histogram // in microseconds
	noting  time.Duration           // in the ledger, of all writes
	series  []Second
	acks    flow
	epochs  flow
}

// longest is the latency that the histogram ends at, in microseconds.
const longest = int64(time.Hour / time.Microsecond)

func newTally() tally {
	return tally{
		errors: map[string]int64{}, latency: hdrhistogram.New(1, longest, 2),
		acks: flow{least: leastWrites}, epochs: flow{least: leastEpochs},
	}
}

func (t *tally) began(k Kind) { t.kinds[k].Sent++ }

// settled counts a write that ended after took, since the start.
func (t *tally) settled(k Kind, f fate, took, since time.Duration) {
	c := &t.kinds[k]
	switch f {
	case acked:
		c.Acked++
		_ = t.latency.RecordValue(min(took.Microseconds(), longest)) // a value in its range is taken
		t.at(since).Acked++
		t.acks.forward(since)
	case failed, refused:
		c.Failed++
	default:
		c.Unknown++
	}
}

// failed counts a try that came to nothing.
func (t *tally) failed(f fate, kind string, since time.Duration) {
	t.errors[kind]++
	t.at(since).Errors++
	if f == refused {
		t.retries++
	}
}

// at is the second that since lies in.
func (t *tally) at(since time.Duration) *Second {
	n := int(since / time.Second)
	if more := n + 1 - len(t.series); more > 0 {
		t.series = append(t.series, make([]Second, more)...)
	}
	return &t.series[n]
}

// snapshot is a copy that later writes do not touch.
func (t *tally) snapshot(since time.Duration) Counts {
	t.at(since)
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	c := Counts{
		Kinds: map[string]KindCounts{}, Retries: t.retries, Errors: maps.Clone(t.errors),
		PerSecond: slices.Clone(t.series), Seconds: since.Seconds(), Outages: t.acks.until(since),
		Latency: Latency{
			Min: us(t.latency.Min()), Mean: time.Duration(t.latency.Mean() * 1000), P50: us(t.latency.ValueAtQuantile(50)),
			P99: us(t.latency.ValueAtQuantile(99)), P999: us(t.latency.ValueAtQuantile(99.9)), Max: us(t.latency.Max()),
		},
	}
	if t.epochs.last > 0 {
		c.Unapplied = t.epochs.until(since)
	}
	for k, n := range t.kinds {
		if n.Sent > 0 {
			c.Kinds[Kind(k).String()] = n
		}
		c.Sent, c.Acked, c.Failed, c.Unknown = c.Sent+n.Sent, c.Acked+n.Acked, c.Failed+n.Failed, c.Unknown+n.Unknown
	}
	c.Ledger = t.noting / time.Duration(max(c.Sent, 1))
	return c
}
