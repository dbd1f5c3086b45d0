package evidence

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Status is how a claim ended.
type Status string

// The four ends of a claim. Any other is taken for not-looked.
const (
	Held          Status = "held"
	Violated      Status = "violated"
	NotLooked     Status = "not-looked"
	NotApplicable Status = "not-applicable" // the release lacks the feature that the claim needs
)

// Violation is one way in which what was seen breaks the claim.
type Violation struct {
	Code string `json:"code"` // stable, "logs.binlog-encrypted.clear"; a sabotage names it
	Side string `json:"side,omitempty"`
	Node string `json:"node,omitempty"`
	Text string `json:"text"` // one line: what was seen, and what was expected
}

// String is the violation in one line: where, what, and its code.
func (v Violation) String() string {
	where := strings.TrimSpace(v.Side + " " + v.Node)
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s (%s)", where, v.Text, v.Code)
}

// Outcome is a claim's result.
type Outcome struct {
	ID         string      `json:"id"`                   // "logs.binlog-encrypted"
	Step       int         `json:"step,omitempty"`       // of the published procedure, 1 to 8; 0: of none
	Title      string      `json:"title"`                // the promise in plain words
	Status     Status      `json:"status"`               // held, violated, not-looked, not-applicable
	Seen       int         `json:"seen"`                 // how many things were looked at
	Reason     string      `json:"reason,omitempty"`     // of not-looked and not-applicable
	Violations []Violation `json:"violations,omitempty"` // of violated
	Evidence   string      `json:"evidence,omitempty"`   // file in the run's directory
	Seconds    float64     `json:"seconds"`              // that looking took
}

// Details are the lines that explain why a claim did not hold; none when it did.
func (o Outcome) Details() []string {
	var out []string
	for _, v := range o.Violations {
		out = append(out, v.String())
	}
	if o.Reason != "" {
		out = append(out, o.Reason)
	}
	if out == nil && o.Status != Held && o.Status != NotApplicable {
		out = append(out, "no reason was given")
	}
	return out
}

// CheckSet compares the ids of the claims that a run judged with those that its
// profile and release call for. A claim that is missing, was not asked for, or
// stands there twice is an error: a run with fewer claims than expected proves
// less than its headline says.
func CheckSet(got, want []string) error {
	if len(want) == 0 {
		return errors.New("check the set of claims: no claim is expected, so none would prove anything")
	}
	var wrong []string
	for _, id := range want {
		if !slices.Contains(got, id) {
			wrong = append(wrong, "missing "+id)
		}
	}
	for i, id := range got {
		switch {
		case slices.Contains(got[:i], id):
			wrong = append(wrong, "twice "+id)
		case !slices.Contains(want, id):
			wrong = append(wrong, "not expected "+id)
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("check the set of claims: %d judged, %d expected: %s", len(got), len(want), strings.Join(wrong, ", "))
}
