package compare

import (
	"fmt"
	"strings"

	"ndbproof/harness/evidence"
)

// ClaimResult is how a claim ended under both releases.
type ClaimResult struct {
	ID    string          `json:"id"`
	Title string          `json:"title"`
	From  evidence.Status `json:"from"`           // Absent when it was not judged
	To    evidence.Status `json:"to"`             // as above
	Text  string          `json:"text,omitempty"` // of one that does not hold under the new release: why
}

// bad tells that the claim does not hold under the new release although it
// applies there.
func (c ClaimResult) bad() bool { return c.To != evidence.Held && c.To != evidence.NotApplicable }

// lost tells that the new release does not keep a promise that the old one kept.
func (c ClaimResult) lost() bool {
	return c.bad() || c.From == evidence.Held && c.To != evidence.Held
}

// results joins the claims of both releases, in the order of the new one's.
func results(from, to []evidence.Outcome) []ClaimResult {
	was := map[string]evidence.Outcome{}
	for _, o := range from {
		was[o.ID] = o
	}
	var all []ClaimResult
	for _, o := range to {
		c := ClaimResult{ID: o.ID, Title: o.Title, From: Absent, To: o.Status}
		if before, ok := was[o.ID]; ok {
			c.From = before.Status
			delete(was, o.ID)
		}
		if c.lost() {
			c.Text = strings.Join(o.Details(), "; ")
		}
		all = append(all, c)
	}
	for _, o := range from {
		if _, left := was[o.ID]; left {
			all = append(all, ClaimResult{ID: o.ID, Title: o.Title, From: o.Status, To: Absent, Text: "it was not judged"})
		}
	}
	return all
}

// claims gives those that ended in another way. One that holds and was not judged
// before has not changed: that about rows needs the writers to stop.
func claims(from, to Snapshot) []Difference {
	var out []Difference
	for _, c := range results(from.Claims, to.Claims) {
		if c.From != c.To && (c.From != Absent || c.To != evidence.Held) {
			out = append(out, Difference{
				Area: AreaClaim, Name: c.ID, From: string(c.From), To: string(c.To), Why: c.Text, Fails: c.lost(),
			})
		}
	}
	return out
}

// gapNotLooked is the state of a gap that is said to be open for want of a look.
const gapNotLooked = string(evidence.NotLooked)

// stateOf a gap: one that is open without evidence was not looked at.
func stateOf(g evidence.GapResult) string {
	if g.Status == evidence.GapOpen && g.Evidence == "" {
		return gapNotLooked
	}
	return string(g.Status)
}

// gaps gives those that opened or were closed. One that is open under the new
// release fails unless it was seen open under the old one; one that is closed and was
// not looked at before says nothing.
func gaps(from, to Snapshot) []Difference {
	states := func(all []evidence.GapResult) map[string]evidence.GapResult {
		m := map[string]evidence.GapResult{}
		for _, g := range all {
			m[g.ID] = g
		}
		return m
	}
	was, is := states(from.Gaps), states(to.Gaps)
	var out []Difference
	for _, id := range union(was, is) {
		d := Difference{Area: AreaGap, Name: id, From: Absent, To: Absent, Why: is[id].Title}
		if g, ok := was[id]; ok {
			d.From = stateOf(g)
		}
		if g, ok := is[id]; ok {
			d.To = stateOf(g)
			d.Why = fmt.Sprintf("%s: %s", g.Title, g.Text)
		}
		if d.From == d.To || d.From == gapNotLooked && d.To == string(evidence.GapClosed) {
			continue
		}
		d.Fails = d.To != string(evidence.GapClosed) && d.From != string(evidence.GapOpen)
		out = append(out, d)
	}
	return out
}
