package compare

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
)

//go:embed upgrade.md.tmpl
var markdownText string

var markdown = template.Must(template.New(MarkdownFile).Funcs(template.FuncMap{
	"cell":    cell,
	"code":    code,
	"quoted":  quoted,
	"lines":   func(l []string) string { return strings.Join(l, "\n") },
	"num":     func(f float64) string { return fmt.Sprintf("%.2f", f) },
	"secs":    func(f float64) string { return fmt.Sprintf("%.1f", f) },
	"stamp":   utc,
	"strong":  strong,
	"unknown": orUnknown,
	"unit":    func(a Area) string { return quantities[a].unit },
}).Parse(markdownText))

// Markdown is upgrade.md: the verdict first, then what it rests on, and what it
// does not prove.
func (r Report) Markdown() ([]byte, error) {
	var b bytes.Buffer
	if err := markdown.Execute(&b, r); err != nil {
		return nil, fmt.Errorf("write %s: %w", MarkdownFile, err)
	}
	// A list without an entry leaves more than one empty line.
	return append(bytes.TrimSpace(emptyLines.ReplaceAll(b.Bytes(), []byte("\n\n"))), '\n'), nil
}

var emptyLines = regexp.MustCompile(`\n{3,}`)

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

// Held says how many of a step's checks held.
func (s StepResult) Held() string {
	held, judged := 0, 0
	for _, c := range s.Checks {
		if c.status() != evidence.NotApplicable {
			judged++
		}
		if c.status() == evidence.Held {
			held++
		}
	}
	switch {
	case judged == 0:
		return "none"
	case held < judged:
		return fmt.Sprintf("**%d of %d held**", held, judged)
	}
	return fmt.Sprintf("%d held", held)
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

// Path is the way that the pair went: "9.7.2 -> 9.7.4".
func (r Report) Path() string { return r.path() }

// cell keeps a text from ending its table cell or being taken for HTML.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(brief.Line(s))
}

// code is a value in back quotes, in a cell.
func code(s string) string {
	if s == "" {
		return "(empty)"
	}
	return "`" + strings.NewReplacer("|", `\|`, "`", "'").Replace(brief.Line(s)) + "`"
}

// quoted is a text between lines of back quotes, which cannot end it.
func quoted(s string) string {
	return "```\n" + strings.ReplaceAll(strings.TrimSpace(s), "```", "'''") + "\n```"
}

// strong makes what is wrong stand out.
func strong(s any) string {
	switch w := fmt.Sprint(s); w {
	case string(evidence.Held), string(evidence.NotApplicable), string(evidence.StepDone):
		return w
	default:
		return "**" + w + "**"
	}
}

func utc(t time.Time) string {
	if t.IsZero() {
		return evidence.Unknown
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func orUnknown(s string) string {
	if s == "" {
		return evidence.Unknown
	}
	return s
}
