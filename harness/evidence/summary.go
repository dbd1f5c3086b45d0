package evidence

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"ndbproof/harness/brief"
)

//go:embed summary.md.tmpl
var summaryText string

var summary = template.Must(template.New("summary.md").Funcs(template.FuncMap{
	"cell":     cell,
	"gib":      gib,
	"secs":     func(s float64) string { return fmt.Sprintf("%.1f", s) },
	"stamp":    utc,
	"strong":   strong,
	"unknown":  orUnknown,
	"unproven": unproven,
	"where":    func(side, node string) string { return strings.TrimSpace(side + " " + node) },
}).Parse(summaryText))

// Summary is summary.md: the verdict first, then what it rests on, and what it
// does not prove.
func Summary(r Results) (string, error) {
	var b strings.Builder
	if err := summary.Execute(&b, r); err != nil {
		return "", fmt.Errorf("write %s: %w", SummaryFile, err)
	}
	// A list without an entry leaves two empty lines.
	return strings.ReplaceAll(b.String(), "\n\n\n", "\n\n"), nil
}

func gib(n int64) string {
	if n == 0 {
		return Unknown + " memory"
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func utc(t time.Time) string {
	if t.IsZero() {
		return Unknown
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// cell keeps a text from ending its table cell or being taken for HTML.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(brief.Line(s))
}

// strong makes what is wrong stand out.
func strong(s Status) string {
	if s == Held || s == NotApplicable {
		return string(s)
	}
	return "**" + string(s) + "**"
}
