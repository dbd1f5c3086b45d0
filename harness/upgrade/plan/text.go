package plan

import (
	"fmt"
	"strings"

	"ndbproof/harness/report/table"
	"ndbproof/harness/topology"
)

// State is how far a step is.
type State string

// States of a step. One without a mark is waiting.
const (
	Waiting State = "waiting"
	AtIt    State = "at it"
	Done    State = "done"
	Failed  State = "failed"
)

// Mark tells how far a step is.
type Mark struct {
	State   State   `json:"state"`
	Seconds float64 `json:"seconds"` // that it has taken so far, or in all; 0: not measured
}

func (m Mark) String() string {
	switch {
	case m.State == "":
		return string(Waiting)
	case m.Seconds > 0:
		return fmt.Sprintf("%s %.1f s", m.State, m.Seconds)
	}
	return string(m.State)
}

// width is how many columns of text a plan has: it is read in logs.
const width = 99

// Text shows the plan, and by the steps' IDs how far each is: before it runs
// with nil. It ends with a newline.
func (p Plan) Text(marks map[string]Mark) string {
	var b strings.Builder
	for _, l := range p.words() {
		b.WriteString(l + "\n")
	}
	b.WriteString("\n")
	var rows [][]string
	for _, s := range p.Steps {
		var does []string
		for _, a := range s.Actions {
			does = append(does, string(a))
		}
		text := strings.Join(does, ", ")
		if s.Why != "" {
			text += "\n(" + s.Why + ")"
		}
		rows = append(rows, []string{s.ID, marks[s.ID].String(), text})
	}
	b.WriteString(table.Draw([]string{"step", "how far", "what is done, and why"}, rows, width))
	return b.String()
}

// words say what the plan is before its steps are read.
func (p Plan) words() []string {
	way, first := "upgrade", "replica cluster first, then source"
	if p.down() {
		way, first = "downgrade", "source cluster first, then replica"
	}
	switch p.About {
	case topology.Source, topology.Replica:
		first = fmt.Sprintf("of the %s cluster only", p.About)
	}
	forth, back := 0, 0
	for _, s := range p.Steps {
		if s.Back {
			back++
		} else {
			forth++
		}
	}
	lines := []string{fmt.Sprintf("%s from %s to %s: %s, in %d steps.", way, p.From, p.To, first, forth)}
	if back > 0 {
		lines = append(lines, fmt.Sprintf("Then it is rolled back to %s, in reverse order, in %d steps.", p.From, back))
	}
	return append(lines, "Same volumes, new image. No DDL while a cluster runs two releases: the cluster refuses it.")
}
