package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"ndbproof/harness/brief"
	"ndbproof/harness/upgrade/compare"
)

//go:embed upgrade.md.tmpl
var upgradeText string

var upgradeTemplate = template.Must(template.New(compare.MarkdownFile).Funcs(template.FuncMap{
	"cell":     cell,
	"code":     code,
	"held":     heldChecks,
	"quoted":   quoted,
	"lines":    func(l []string) string { return strings.Join(l, "\n") },
	"num":      func(f float64) string { return fmt.Sprintf("%.2f", f) },
	"secs":     func(f float64) string { return fmt.Sprintf("%.1f", f) },
	"stamp":    utc,
	"strong":   strong,
	"unknown":  orUnknown,
	"unproven": unprovenByUpgrade,
}).Parse(upgradeText))

// Upgrade is upgrade.md: the verdict first, then what it rests on, and what it
// does not prove.
func Upgrade(r compare.Report) (string, error) {
	var b bytes.Buffer
	if err := upgradeTemplate.Execute(&b, r); err != nil {
		return "", fmt.Errorf("write %s: %w", compare.MarkdownFile, err)
	}
	// A list without an entry leaves more than one empty line.
	return strings.TrimSpace(emptyLines.ReplaceAllString(b.String(), "\n\n")) + "\n", nil
}

var emptyLines = regexp.MustCompile(`\n{3,}`)

// heldChecks says how many of a step's checks held.
func heldChecks(s compare.StepResult) string {
	held, judged := s.Held()
	switch {
	case judged == 0:
		return "none"
	case held < judged:
		return fmt.Sprintf("**%d of %d held**", held, judged)
	}
	return fmt.Sprintf("%d held", held)
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
