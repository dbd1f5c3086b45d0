package compare

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
)

// reason is why an upgrade is not taken: it is violated, or it could not be
// looked at.
type reason struct {
	exit evidence.Exit
	text string
}

func violated(format string, args ...any) reason {
	return reason{evidence.ExitViolated, brief.Line(fmt.Sprintf(format, args...))}
}

func notLooked(format string, args ...any) reason {
	return reason{evidence.ExitNotLooked, "could not look: " + brief.Line(fmt.Sprintf(format, args...))}
}

// Conclude gives r with its schema, verdict and exit, the outcomes of defects
// and the causes of failed steps filled in. Exit 0 is taken; 1 not taken; 3 not
// taken, because something could not be looked at. It is pure, and concluding
// again changes nothing.
func Conclude(r Report) Report {
	r.Schema = Schema
	r.Defects = slices.Clone(r.Defects)
	for i := range r.Defects {
		r.Defects[i].Outcome = r.Defects[i].outcome()
	}
	r.Steps = slices.Clone(r.Steps)
	for i := range r.Steps {
		if c := r.Steps[i].Cause; c != nil {
			explained := c.Explain()
			r.Steps[i].Cause = &explained
		}
	}
	why := r.why()
	exits := []evidence.Exit{evidence.ExitHeld}
	r.Verdict = Verdict{Taken: len(why) == 0, Reasons: []string{}}
	for _, w := range why {
		exits = append(exits, w.exit)
		r.Verdict.Reasons = append(r.Verdict.Reasons, w.text)
	}
	r.Exit = evidence.Worst(exits...)
	r.Verdict.Headline = r.headline()
	return r
}

// why gives all reasons, the cause first. What could not be looked at because
// the plan was stopped follows from what stopped it, and is none of its own.
func (r Report) why() []reason {
	why := slices.Concat(r.ended(), r.failed(), r.violations())
	stopped := len(why) > 0
	if r.RowsLost > 0 {
		why = append(why, violated("%s lost", count(int(r.RowsLost), "acknowledged row")))
	}
	for _, d := range r.Defects {
		if d.news() {
			why = append(why, violated("defect %s (%s) was seen, and %s is not known to have it: %s", d.ID, d.Title, r.To, d.Text))
		}
	}
	why = append(why, r.broken()...)
	if !stopped {
		why = append(why, r.blind()...)
	}
	return append(why, r.unlooked()...)
}

// ended is what ended the run outside of a step.
func (r Report) ended() []reason {
	if r.Error == nil {
		return nil
	}
	exit := evidence.Worst(r.Error.Exit)
	if exit == evidence.ExitHeld || exit == evidence.ExitWorkedAround {
		exit = evidence.ExitNotLooked // a failure is never held
	}
	where := strings.TrimSpace(r.Error.Side + " " + r.Error.Node)
	if where != "" {
		where = " at " + where
	}
	return []reason{{exit, brief.Line(fmt.Sprintf("%s in %s%s: %s", exit, r.Error.Where, where, r.Error.Text))}}
}

// failed are the steps that failed. When the run was ended by what is in Error,
// a step that has no cause of its own failed for that.
func (r Report) failed() []reason {
	var why []reason
	for _, s := range r.Steps {
		if s.Status != evidence.StepFailed {
			continue
		}
		switch {
		case s.Cause != nil:
			why = append(why, violated("step %s: %s", s.ID, s.Cause))
		case slices.ContainsFunc(s.Checks, ended(evidence.Violated)): // violations tells
		case r.Error != nil:
		case s.Error != "":
			why = append(why, violated("step %s: %s", s.ID, s.Error))
		case slices.ContainsFunc(s.Checks, ended(evidence.NotLooked)): // unlooked tells
		default:
			why = append(why, violated("step %s failed, and did not say why", s.ID))
		}
	}
	return why
}

// violations are the checks that did not hold.
func (r Report) violations() []reason {
	var why []reason
	for _, s := range r.Steps {
		for _, c := range s.Checks {
			if c.status() == evidence.Violated {
				why = append(why, violated("step %s: %s", s.ID, c.said()))
			}
		}
	}
	return why
}

// broken is what the new release is worse in than the old one, or does not hold.
func (r Report) broken() []reason {
	var why []reason
	for _, c := range r.Claims {
		switch {
		case c.To == evidence.Violated && c.From == evidence.Violated:
			why = append(why, violated("claim %s is violated, as it was under %s: %s", c.ID, r.From, c.Text))
		case c.To == evidence.Violated:
			why = append(why, violated("claim %s is violated (it was %s): %s", c.ID, c.From, c.Text))
		case c.bad():
			why = append(why, notLooked("claim %s is %s: %s", c.ID, c.To, c.Text))
		}
	}
	for _, d := range r.Differences {
		switch {
		case !d.Fails:
		case d.Area == AreaClaim && d.To != string(evidence.NotApplicable): // said above
		case d.Area == AreaGap && d.To == gapNotLooked, d.Area == AreaGap && d.From == gapNotLooked:
			why = append(why, notLooked("%s", d))
		default:
			why = append(why, violated("%s", d))
		}
	}
	return why
}

// blind is what a plan that went to its end left without a look.
func (r Report) blind() []reason {
	var why []reason
	if len(r.Steps) == 0 {
		why = append(why, notLooked("the plan has no step"))
	}
	for _, s := range r.Steps {
		if s.Status != evidence.StepDone && s.Status != evidence.StepFailed {
			why = append(why, notLooked("step %s was not reached", s.ID))
		}
	}
	if r.Rows == 0 {
		why = append(why, notLooked("no acknowledged row was looked for at the end"))
	}
	if len(r.Looked) == 0 && r.RollbackAt == "" {
		why = append(why, notLooked("the two releases were not compared"))
	}
	for _, l := range r.Looked {
		if l.blind() {
			why = append(why, notLooked("%s", l))
		}
	}
	return why
}

// unlooked are the checks that saw nothing.
func (r Report) unlooked() []reason {
	var why []reason
	for _, s := range r.Steps {
		for _, c := range s.Checks {
			if c.status() == evidence.NotLooked {
				why = append(why, notLooked("step %s: %s", s.ID, c.said()))
			}
		}
	}
	return why
}

// status of a check: one that saw nothing did not hold.
func (c Check) status() evidence.Status {
	switch {
	case c.Status == evidence.Violated, c.Status == evidence.NotApplicable:
		return c.Status
	case c.Status == evidence.Held && c.Seen > 0:
		return c.Status
	}
	return evidence.NotLooked
}

func ended(as evidence.Status) func(Check) bool {
	return func(c Check) bool { return c.status() == as }
}

func (c Check) said() string {
	if c.Text != "" {
		return c.Text
	}
	return fmt.Sprintf("%s (%s) is %s", c.ID, c.Title, c.status())
}
