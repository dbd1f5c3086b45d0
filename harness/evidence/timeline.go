package evidence

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Event is one line of timeline.jsonl.
type Event struct {
	At     time.Time      `json:"at"`             // UTC; zero: now
	Since  float64        `json:"since"`          // seconds since the timeline began; filled by Add
	Kind   string         `json:"kind"`           // "phase", "step", "claim", "node", "workload", ...
	Side   string         `json:"side,omitempty"` // "source" or "replica"
	Node   string         `json:"node,omitempty"` // "mgm", "ndb1", "sql", ...
	Text   string         `json:"text"`
	Fields map[string]any `json:"fields,omitempty"`
}

// Timeline is the run's diary: one JSON object a line, in the order in which
// they were added. Safe for concurrent use.
type Timeline struct {
	mu    sync.Mutex
	w     io.WriteCloser
	begin time.Time
	err   error
}

// NewTimeline begins the timeline of a run.
func NewTimeline(dir *Dir) (*Timeline, error) {
	w, err := dir.Append(TimelineFile)
	if err != nil {
		return nil, err
	}
	return &Timeline{w: w, begin: time.Now()}, nil
}

// Add writes an event. An event that cannot be written does not stop its
// caller: the first such error is kept for Close.
func (t *Timeline) Add(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.Since = e.At.Sub(t.begin).Round(time.Millisecond).Seconds()
	e.At = e.At.UTC()
	if err := t.write(e); err != nil && t.err == nil {
		t.err = fmt.Errorf("write timeline: %w", err)
	}
}

func (t *Timeline) write(e Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = t.w.Write(append(b, '\n'))
	return err
}

// Err is the first error that an Add met.
func (t *Timeline) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Close ends the timeline and returns the first error that it met.
func (t *Timeline) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.w.Close(); err != nil && t.err == nil {
		t.err = fmt.Errorf("close timeline: %w", err)
	}
	return t.err
}
