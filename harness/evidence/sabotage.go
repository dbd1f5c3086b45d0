package evidence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Sabotage is what came of breaking, one thing after the other, what the claims
// are about. Its rows are sabotages, its columns claims.
type Sabotage struct {
	Caught      int               `json:"caught"`       // rows in which the claim that must fall fell as it must
	Total       int               `json:"total"`        // sabotages asked for; those without a row were not come to
	FalseAlarms int               `json:"false_alarms"` // claims that fell and may not, over all rows and controls
	Claims      []string          `json:"claims"`       // the columns
	Rows        []SabotageRow     `json:"rows"`
	Controls    []SabotageControl `json:"controls"`
}

// SabotageRow is one sabotage, and how the claims ended while it was in force.
type SabotageRow struct {
	Name        string   `json:"name"`
	Claim       string   `json:"claim"`             // that must fall
	Effect      string   `json:"effect"`            // "disturbs", "restarts"
	Want        string   `json:"want"`              // code of the violation that must follow
	Got         []string `json:"got"`               // codes of the violations of that claim
	Also        []string `json:"also"`              // claims that may fall with it
	Done        bool     `json:"done"`              // it could be brought about, and was judged
	Caught      bool     `json:"caught"`            // the claim is violated, with the code
	Reason      string   `json:"reason,omitempty"`  // why it was not done, or not caught
	FalseAlarms []string `json:"false_alarms"`      // claims that did not hold and may not fall
	Cells       []Status `json:"cells"`             // how each claim ended, by column; "" when it was not judged
	Fell        []Fall   `json:"fell"`              // every claim that did not hold
	Healed      bool     `json:"healed"`            // undone, and the claims that were judged hold again
	Trouble     string   `json:"trouble,omitempty"` // what kept it from healing; the pair is replaced then
	Evidence    string   `json:"evidence,omitempty"`
	Seconds     float64  `json:"seconds"`
}

// SabotageControl is a look for all claims while nothing is broken: none may
// fall.
type SabotageControl struct {
	After   string   `json:"after"` // effect of the sabotages before it
	Cells   []Status `json:"cells"`
	Fell    []Fall   `json:"fell"`
	Seconds float64  `json:"seconds"`
}

// Fall is a claim that did not hold, and what it said.
type Fall struct {
	Claim   string   `json:"claim"`
	Status  Status   `json:"status"`
	Details []string `json:"details"`
}

// Stands tells whether a claim held, or does not apply to the release.
func (o Outcome) Stands() bool { return o.Status == Held || o.Status == NotApplicable }

// Falls are those of outcomes that do not stand.
func Falls(outcomes []Outcome) []Fall {
	var out []Fall
	for _, o := range outcomes {
		if !o.Stands() {
			out = append(out, Fall{o.ID, o.Status, o.Details()})
		}
	}
	return out
}

func (f Fall) String() string {
	return fmt.Sprintf("%s %s: %s", f.Claim, f.Status, strings.Join(f.Details, "; "))
}

// FallWords tells of claims that fell, in one line.
func FallWords(falls []Fall) string {
	var words []string
	for _, f := range falls {
		words = append(words, f.String())
	}
	return strings.Join(words, "; ")
}

// Cells puts outcomes in the order of the columns.
func Cells(columns []string, outcomes []Outcome) []Status {
	cells := make([]Status, len(columns))
	for _, o := range outcomes {
		if i := slices.Index(columns, o.ID); i >= 0 {
			cells[i] = o.Status
		}
	}
	return cells
}

// Scored gives s with its three numbers counted.
func (s Sabotage) Scored(total int) Sabotage {
	s.Caught, s.Total, s.FalseAlarms = 0, total, 0
	for _, r := range s.Rows {
		if r.Caught {
			s.Caught++
		}
		s.FalseAlarms += len(r.FalseAlarms)
	}
	for _, c := range s.Controls {
		s.FalseAlarms += len(c.Fell)
	}
	return s
}

// Score is the matrix in a few words.
func (s *Sabotage) Score() string {
	words := fmt.Sprintf("caught %d/%d, false alarms %d", s.Caught, s.Total, s.FalseAlarms)
	if n := len(s.replaced()); n > 0 {
		words += fmt.Sprintf(", %d did not heal", n)
	}
	return words
}

// replaced are the rows after which the pair had to be replaced.
func (s *Sabotage) replaced() []SabotageRow {
	return slices.DeleteFunc(slices.Clone(s.Rows), func(r SabotageRow) bool { return r.Healed })
}

// exit of a matrix: one that was not asked for says nothing, one that did not
// come to its end proves too little.
func (s *Sabotage) exit() Exit {
	switch {
	case s == nil:
		return ExitHeld
	case s.FalseAlarms > 0, slices.ContainsFunc(s.Rows, func(r SabotageRow) bool { return !r.Caught }):
		return ExitViolated
	case len(s.Rows) < s.Total, s.Total == 0:
		return ExitNotLooked
	}
	return ExitHeld
}

// Word is how a row ended.
func (r SabotageRow) Word() string {
	switch {
	case !r.Done:
		return "not done"
	case !r.Caught:
		return "not caught"
	case len(r.FalseAlarms) > 0:
		return "false alarm"
	}
	return "caught"
}

// Fine tells whether a row is as it must be.
func (r SabotageRow) Fine() bool { return r.Word() == "caught" && r.Healed }

// Details are the lines that explain why a row is not fine; none when it is.
func (r SabotageRow) Details() []string {
	var out []string
	if r.Fine() {
		return out
	}
	if r.Reason != "" {
		out = append(out, r.Reason)
	}
	for _, f := range r.Fell {
		if f.Claim == r.Claim || slices.Contains(r.FalseAlarms, f.Claim) {
			out = append(out, f.String())
		}
	}
	if !r.Healed {
		out = append(out, "did not heal: "+r.Trouble)
	}
	return out
}

// Marks of a matrix's cells.
const (
	markCaught    = "X" // fell as it must
	markMissed    = "?" // must fall, and did not as it must
	markAlso      = "x" // fell, and may
	markAlarm     = "!" // fell, and may not
	markHeld      = "."
	markNone      = "-" // does not apply to the release
	markNotJudged = " "
)

// markWords explains them.
const markWords = "X fell as it must, ? did not, x fell and may, ! fell and may not (a false alarm), . held, - not applicable, blank: not judged"

// MarkWords explains the marks in the cells.
func (s *Sabotage) MarkWords() string { return markWords }

// Marks are a row's cells, one character each.
func (s *Sabotage) Marks(r SabotageRow) []string {
	out := make([]string, len(s.Claims))
	for i, id := range s.Claims {
		status := Status("")
		if i < len(r.Cells) {
			status = r.Cells[i]
		}
		switch {
		case id == r.Claim && r.Caught:
			out[i] = markCaught
		case id == r.Claim:
			out[i] = markMissed
		case slices.Contains(r.FalseAlarms, id):
			out[i] = markAlarm
		case status == "":
			out[i] = markNotJudged
		case status == Held:
			out[i] = markHeld
		case status == NotApplicable:
			out[i] = markNone
		default:
			out[i] = markAlso
		}
	}
	return out
}

// ControlMarks are a control's cells: nothing may fall in it.
func (s *Sabotage) ControlMarks(c SabotageControl) []string {
	r := SabotageRow{Cells: c.Cells}
	for _, f := range c.Fell {
		r.FalseAlarms = append(r.FalseAlarms, f.Claim)
	}
	return s.Marks(r)
}

// columnLetters head the columns: a claim's id would be too wide.
const columnLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Letters are the columns' heads.
func (s *Sabotage) Letters() []string {
	out := make([]string, len(s.Claims))
	for i := range out {
		out[i] = columnLetters[i%len(columnLetters):][:1]
	}
	return out
}

// Legend says which column is which claim.
func (s *Sabotage) Legend() string {
	var words []string
	for i, l := range s.Letters() {
		words = append(words, l+" "+s.Claims[i])
	}
	return strings.Join(words, ", ")
}

// Bad are the rows that are not as they must be, for people.
func (s *Sabotage) Bad() []SabotageRow {
	return slices.DeleteFunc(slices.Clone(s.Rows), SabotageRow.Fine)
}

// MarshalJSON writes lists without an entry as [].
func (s Sabotage) MarshalJSON() ([]byte, error) {
	type plain Sabotage // without this method
	p := plain(s)
	p.Claims, p.Rows, p.Controls = list(p.Claims), list(slices.Clone(p.Rows)), list(slices.Clone(p.Controls))
	for i := range p.Rows {
		r := &p.Rows[i]
		r.Got, r.Also, r.FalseAlarms = list(r.Got), list(r.Also), list(r.FalseAlarms)
		r.Cells, r.Fell = list(r.Cells), list(r.Fell)
	}
	for i := range p.Controls {
		c := &p.Controls[i]
		c.Cells, c.Fell = list(c.Cells), list(c.Fell)
	}
	return json.Marshal(p)
}
