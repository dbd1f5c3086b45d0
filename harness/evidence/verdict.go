package evidence

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/brief"
)

// Exit is the exit code of a run.
type Exit int

// Exit codes.
const (
	ExitHeld         Exit = 0
	ExitViolated     Exit = 1
	ExitUsage        Exit = 2
	ExitNotLooked    Exit = 3 // something could not be looked at
	ExitNotStarted   Exit = 4 // failed before the marker row
	ExitWorkedAround Exit = 5 // held, but a known defect was worked around and not accepted
)

// worstFirst is the order in which exits count.
var worstFirst = []Exit{ExitUsage, ExitNotStarted, ExitViolated, ExitNotLooked, ExitWorkedAround, ExitHeld}

var exitWords = map[Exit]string{
	ExitHeld:         "held",
	ExitViolated:     "violated",
	ExitUsage:        "usage",
	ExitNotLooked:    "could not look",
	ExitNotStarted:   "could not start",
	ExitWorkedAround: "held, with a known defect worked around",
}

func (e Exit) String() string {
	if w, ok := exitWords[e]; ok {
		return w
	}
	return fmt.Sprintf("exit %d", int(e))
}

// Worst gives the one of several exits that counts. It takes an empty list,
// or an exit that this package does not define, for could-not-look.
func Worst(exits ...Exit) Exit {
	worst := len(worstFirst)
	for _, e := range exits {
		i := slices.Index(worstFirst, e)
		if i < 0 {
			i = slices.Index(worstFirst, ExitNotLooked)
		}
		worst = min(worst, i)
	}
	if worst == len(worstFirst) {
		return ExitNotLooked
	}
	return worstFirst[worst]
}

// Conclude gives r with its schema, verdict and exit filled in, and the defects
// named in accept marked as accepted. It is pure, and concluding again with the
// same ids changes nothing.
func Conclude(r Results, accept []string) Results {
	r.Schema = Schema
	r.Defects = slices.Clone(r.Defects)
	for i := range r.Defects {
		d := &r.Defects[i]
		d.Accepted = slices.Contains(accept, d.ID)
	}
	r.Exit = exit(r)
	r.Verdict.Headline = headline(r)
	return r
}

// tally is how many claims ended how; those that did not hold by id.
type tally struct {
	held, notApplicable int
	violated, notLooked []string
}

func count(claims []Outcome) tally {
	var t tally
	for _, c := range claims {
		switch c.Status {
		case Held:
			t.held++
		case NotApplicable:
			t.notApplicable++
		case Violated:
			t.violated = append(t.violated, c.ID)
		default:
			t.notLooked = append(t.notLooked, c.ID)
		}
	}
	return t
}

// judged is how many claims are about this release.
func (t tally) judged() int { return t.held + len(t.violated) + len(t.notLooked) }

func exit(r Results) Exit {
	t := count(r.Claims)
	exits := []Exit{ExitHeld}
	if r.Error != nil {
		exits = append(exits, r.Error.ExitCode())
	}
	if len(t.violated) > 0 {
		exits = append(exits, ExitViolated)
	}
	if len(t.notLooked) > 0 || t.judged() == 0 {
		exits = append(exits, ExitNotLooked)
	}
	exits = append(exits, r.Sabotage.exit())
	if r.Upgrade != nil {
		exits = append(exits, r.Upgrade.Exit)
	}
	for _, d := range r.Defects {
		if d.WorkedAround && !d.Accepted {
			exits = append(exits, ExitWorkedAround)
		}
	}
	return Worst(exits...)
}

// ExitCode of a failure is never held: one without an exit is could-not-look.
func (f Failure) ExitCode() Exit {
	if f.Exit == ExitHeld || f.Exit == ExitWorkedAround {
		return ExitNotLooked
	}
	return Worst(f.Exit)
}

// headline says first what counts most.
func headline(r Results) string {
	if r.Upgrade != nil && r.Upgrade.Headline != "" {
		return r.Upgrade.Headline
	}
	name := r.Release
	if name == "" {
		name = "ndbproof"
	}
	if words := r.BuildWords(); words != "" {
		name += " (" + words + ")"
	}
	parts := append([]string{claimWords(count(r.Claims)) + gapWords(r.Gaps)}, defectWords(r.Defects)...)
	switch {
	case r.Exit == ExitUsage || r.Exit == ExitNotStarted:
		parts = []string{r.Error.words()}
	case r.Error == nil:
	case r.Error.ExitCode() == r.Exit:
		parts = append([]string{r.Error.words()}, parts...)
	default:
		parts = append(parts, r.Error.words())
	}
	return name + ": " + strings.Join(withScore(parts, r.Sabotage), "; ")
}

// withScore puts a matrix's score behind the other parts, or before them when it
// is not as it must be.
func withScore(parts []string, s *Sabotage) []string {
	switch {
	case s == nil:
		return parts
	case s.exit() == ExitHeld:
		return append(parts, "sabotage: "+s.Score())
	}
	return append([]string{"sabotage: " + s.Score()}, parts...)
}

// Unlisted tells whether the run was on a build that images/releases.json does
// not know. Before an image was found there is no build to speak of, and a
// source without further patches is the release's own.
func (r Results) Unlisted() bool {
	p := r.Provenance
	return !p.Listed && !p.Build.Unmodified() && (p.TarballSHA256 != "" || p.ImageID != "")
}

// BuildWords says in what the build differs from a listed one; "" when it does
// not.
func (r Results) BuildWords() string {
	switch {
	case r.Unlisted():
		return "unlisted build"
	case r.Provenance.Build.Unmodified():
		return BuiltFromSource
	}
	return ""
}

// headlineText is how much of a failure's text, in characters, fits a headline;
// results.json has all of it.
const headlineText = 300

func (f Failure) words() string {
	text := []rune(brief.Line(f.Text))
	if len(text) > headlineText {
		text = append(text[:headlineText], '…')
	}
	return f.ExitCode().String() + ": " + string(text)
}

func claimWords(t tally) string {
	var words []string
	of := func(n int, verb string, ids []string) {
		switch {
		case n == 0:
		case words == nil:
			words = append(words, fmt.Sprintf("%d of %d claims %s%s", n, t.judged(), verb, inBrackets(ids)))
		default:
			words = append(words, fmt.Sprintf("%d %s%s", n, verb, inBrackets(ids)))
		}
	}
	of(len(t.violated), "violated", t.violated)
	of(len(t.notLooked), "not looked at", t.notLooked)
	of(t.held, "held", nil)
	if words == nil {
		words = append(words, "no claim was judged")
	}
	if t.notApplicable > 0 {
		words = append(words, fmt.Sprintf("%d not applicable to this release", t.notApplicable))
	}
	return strings.Join(words, ", ")
}

// gapWords counts the gaps that are open; a gap that was not looked at is open.
func gapWords(gaps []GapResult) string {
	open := 0
	for _, g := range gaps {
		if g.Status != GapClosed {
			open++
		}
	}
	switch open {
	case 0:
		return ""
	case 1:
		return ", 1 gap open"
	}
	return fmt.Sprintf(", %d gaps open", open)
}

// inBrackets names the first few ids.
func inBrackets(ids []string) string {
	const few = 5
	switch {
	case len(ids) == 0:
		return ""
	case len(ids) > few:
		return fmt.Sprintf(" (%s and %d more)", strings.Join(ids[:few], ", "), len(ids)-few)
	}
	return " (" + strings.Join(ids, ", ") + ")"
}

// defectWords names the defects that were worked around or seen.
func defectWords(defects []DefectResult) []string {
	var out []string
	for _, d := range defects {
		var words string
		switch {
		case d.WorkedAround && d.Accepted:
			words = "worked around, accepted"
		case d.WorkedAround:
			words = "worked around"
		case d.Status == DefectSeen:
			words = "seen"
		default:
			continue
		}
		out = append(out, d.ID+" "+words)
	}
	return out
}
