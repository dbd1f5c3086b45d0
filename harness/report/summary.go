package report

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"ndbproof/harness/evidence"
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
func Summary(r evidence.Results) (string, error) {
	var b strings.Builder
	if err := summary.Execute(&b, r); err != nil {
		return "", fmt.Errorf("write %s: %w", evidence.SummaryFile, err)
	}
	// A list without an entry leaves two empty lines.
	return strings.ReplaceAll(b.String(), "\n\n\n", "\n\n"), nil
}

func gib(n int64) string {
	if n == 0 {
		return evidence.Unknown + " memory"
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
