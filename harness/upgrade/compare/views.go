package compare

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/evidence"
)

// AreaDifferences are those of one area that count, and how many do not.
type AreaDifferences struct {
	Area        Area
	Differences []Difference // those that fail first
	Ignored     int
}

// ByArea groups the differences: areas in which something fails come first.
func (r Report) ByArea() []AreaDifferences {
	var all []AreaDifferences
	for _, a := range areas {
		g := AreaDifferences{Area: a}
		for _, d := range r.Differences {
			switch {
			case d.Area != a:
			case d.Ignored != "":
				g.Ignored++
			default:
				g.Differences = append(g.Differences, d)
			}
		}
		if g.Ignored+len(g.Differences) > 0 {
			all = append(all, g)
		}
	}
	slices.SortStableFunc(all, func(a, b AreaDifferences) int { return cmp.Compare(a.rank(), b.rank()) })
	return all
}

// rank orders areas: failing, shown, ignored.
func (g AreaDifferences) rank() int {
	if len(g.Differences) == 0 {
		return 2
	}
	return g.Differences[0].rank()
}

// Totals are the steps' times added up, and the longest outages.
func (r Report) Totals() StepResult {
	var t StepResult
	for _, s := range r.Steps {
		t.Seconds += s.Seconds
		t.WritersStoodMS += s.WritersStoodMS
		t.WriteOutageMS = max(t.WriteOutageMS, s.WriteOutageMS)
		t.ReplicationOutageMS = max(t.ReplicationOutageMS, s.ReplicationOutageMS)
	}
	return t
}

// Held counts the step's checks that held, and those that were judged.
func (s StepResult) Held() (held, judged int) {
	for _, c := range s.Checks {
		if c.status() != evidence.NotApplicable {
			judged++
		}
		if c.status() == evidence.Held {
			held++
		}
	}
	return held, judged
}

// Fell are the checks that did not hold, a line each.
func (s StepResult) Fell() []string {
	var out []string
	for _, c := range s.Checks {
		if st := c.status(); st != evidence.Held && st != evidence.NotApplicable {
			out = append(out, fmt.Sprintf("%s is %s: %s", c.ID, st, c.said()))
		}
	}
	return out
}

// Spent is where some of the time went.
type Spent struct {
	What    string
	Seconds float64
}

// Longest gives where the time went, the longest first.
func (r Report) Longest() []Spent {
	var all []Spent
	for _, what := range union(r.Seconds, nil) {
		all = append(all, Spent{what, r.Seconds[what]})
	}
	slices.SortStableFunc(all, func(a, b Spent) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return all
}

// Coverage is Looked by area.
func (r Report) Coverage() []Looked {
	var all []Looked
	for _, l := range r.Looked {
		n := len(all) - 1
		if n < 0 || all[n].Area != l.Area {
			all = append(all, Looked{Area: l.Area})
			n++
		}
		all[n].From += l.From
		all[n].To += l.To
	}
	return all
}

// Programs are those of the last step after which they were looked at.
func (r Report) Programs() []Program {
	for _, s := range slices.Backward(r.Steps) {
		if len(s.Programs) > 0 {
			return s.Programs
		}
	}
	return nil
}

// Took is the length of the run; 0 when it is not known.
func (r Report) Took() time.Duration {
	if r.Start.IsZero() || r.End.IsZero() {
		return 0
	}
	return r.End.Sub(r.Start).Round(time.Second)
}

// Unit is what the figures of an area are given in: "s", "rows/s"; "" of an area
// without figures.
func (a Area) Unit() string { return quantities[a].unit }
