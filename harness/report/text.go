package report

import (
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
)

func utc(t time.Time) string {
	if t.IsZero() {
		return evidence.Unknown
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// cell keeps a text from ending its table cell or being taken for HTML.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(brief.Line(s))
}

// strong makes a status stand out that is not as it should be: of a claim, a gap or a
// step.
func strong(status any) string {
	switch w := fmt.Sprint(status); w {
	case string(evidence.Held), string(evidence.NotApplicable), string(evidence.StepDone):
		return w
	default:
		return "**" + w + "**"
	}
}

func orUnknown(s string) string {
	if s == "" {
		return evidence.Unknown
	}
	return s
}
