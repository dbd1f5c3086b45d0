package compare

import (
	"fmt"
	"strings"

	"ndbproof/harness/evidence"
)

// headlineText is how much of a reason, in characters, fits the headline;
// upgrade.json has all of it.
const headlineText = 300

// headline is the verdict in one line.
func (r Report) headline() string {
	name := r.Path() + ": "
	if r.Verdict.Taken {
		return name + r.word() + "; " + strings.Join(r.facts(), "; ")
	}
	first := []rune(r.Verdict.Reasons[0])
	if len(first) > headlineText {
		first = append(first[:headlineText], '…')
	}
	s := name + r.word() + ": " + string(first)
	if n := len(r.Verdict.Reasons) - 1; n > 0 {
		s += fmt.Sprintf("; %s", count(n, "more reason"))
	}
	return s
}

// Path is the way that the pair went.
func (r Report) Path() string {
	p := r.build(r.From) + " -> " + r.build(r.To)
	if r.RollbackAt != "" {
		p += " -> " + r.From
	}
	return p
}

// build names a release, and says when images/releases.json does not list its build.
func (r Report) build(name string) string {
	for _, b := range r.Builds {
		if b.Release == name && !b.Listed {
			return name + " (unlisted build)"
		}
	}
	if name == "" {
		return evidence.Unknown
	}
	return name
}

func (r Report) word() string {
	word := "taken"
	if r.RollbackAt != "" {
		word = "rolled back at step " + r.RollbackAt
	}
	if !r.Verdict.Taken {
		return "not " + word
	}
	return word
}

// facts of an upgrade that is taken: what was done, and what is new.
func (r Report) facts() []string {
	done := []string{count(len(r.Steps), "step"), fmt.Sprintf("%d rows lost", r.RowsLost)}
	for _, d := range r.Defects {
		if w := d.words(); w != "" {
			done = append(done, w)
		}
	}
	facts := []string{strings.Join(done, ", ")}
	if len(r.Looked) == 0 {
		return facts // rolled back, and not compared
	}
	switch n := len(r.Shown()); n {
	case 0:
		facts = append(facts, "no difference")
	case 1:
		facts = append(facts, "1 difference, which does not fail")
	default:
		facts = append(facts, fmt.Sprintf("%d differences, none of them fails", n))
	}
	return facts
}

// Shown are the differences that count, those that fail first.
func (r Report) Shown() []Difference {
	var out []Difference
	for _, d := range r.Differences {
		if d.Ignored == "" {
			out = append(out, d)
		}
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
