package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"ndbproof/harness/evidence"
)

// JUnit writes junit.xml: one test case for each claim (held passes, violated
// fails, not-looked is an error, not-applicable is skipped), one for each known
// defect, and one for what ended the run. It has a failure or an error exactly
// when the run's exit is not 0.
func JUnit(w io.Writer, r evidence.Results) error {
	suite := junit.Testsuite{Name: "ndbproof " + orUnknown(r.Release) + " " + orUnknown(r.Profile.Name), Package: "ndbproof"}
	if p := r.Provenance; !p.Start.IsZero() {
		suite.SetTimestamp(p.Start.UTC())
		suite.Time = seconds(p.End.Sub(p.Start).Seconds())
	}
	for _, p := range [][2]string{
		{"headline", r.Verdict.Headline},
		{"exit", fmt.Sprint(int(r.Exit))},
		{"run", r.Run},
		{"release", r.Release},
		{"profile", r.Profile.Name},
		{"commit", r.Provenance.Commit},
	} {
		suite.AddProperty(p[0], p[1])
	}
	for _, c := range r.Claims {
		suite.AddTestcase(claimCase(c))
	}
	if r.Sabotage != nil {
		for _, c := range sabotageCases(*r.Sabotage) {
			suite.AddTestcase(c)
		}
	}
	for _, d := range r.Defects {
		suite.AddTestcase(defectCase(d))
	}
	if r.Error != nil {
		suite.AddTestcase(junit.Testcase{Classname: "ndbproof.run", Name: orUnknown(r.Error.Where), Error: result(r.Error.ExitCode().String(), r.Error.Text)})
	}
	if r.Exit != evidence.ExitHeld && suite.Failures+suite.Errors == 0 {
		suite.AddTestcase(junit.Testcase{Classname: "ndbproof.run", Name: "verdict", Error: result(r.Exit.String(), r.Verdict.Headline)})
	}
	all := junit.Testsuites{Name: "ndbproof", Time: suite.Time}
	all.AddSuite(suite)
	if err := all.WriteXML(w); err != nil {
		return fmt.Errorf("write %s: %w", evidence.JUnitFile, err)
	}
	return nil
}

func claimCase(c evidence.Outcome) junit.Testcase {
	subject, _, _ := strings.Cut(c.ID, ".")
	tc := junit.Testcase{Classname: "ndbproof." + subject, Name: c.ID, Time: seconds(c.Seconds), Status: string(c.Status)}
	tc.SystemOut = &junit.Output{Data: strings.TrimSpace(c.Title + "\n" + c.Evidence)}
	details := strings.Join(c.Details(), "\n")
	switch c.Status {
	case evidence.Held:
	case evidence.NotApplicable:
		tc.Skipped = result(string(c.Status), details)
	case evidence.Violated:
		tc.Failure = result(string(c.Status), details)
	default:
		tc.Error = result(string(evidence.NotLooked), details)
	}
	return tc
}

// sabotageCases are those of a matrix: one for each row, and one for each control.
func sabotageCases(s evidence.Sabotage) []junit.Testcase {
	var out []junit.Testcase
	add := func(name string, took float64, wrong string, details []string) {
		tc := junit.Testcase{Classname: "ndbproof.sabotage", Name: name, Time: seconds(took)}
		if wrong != "" {
			tc.Failure = result(wrong, strings.Join(details, "\n"))
		}
		out = append(out, tc)
	}
	for _, r := range s.Rows {
		wrong := r.Word()
		if r.Caught && len(r.FalseAlarms) == 0 {
			wrong = "" // that it did not heal is no failure of the claims
		}
		add(r.Claim+": "+r.Name, r.Seconds, wrong, r.Details())
	}
	for _, c := range s.Controls {
		wrong, details := "", []string(nil)
		for _, f := range c.Fell {
			wrong, details = "false alarm", append(details, f.String())
		}
		add("nothing broken, after all that "+c.After, c.Seconds, wrong, details)
	}
	return out
}

func defectCase(d evidence.DefectResult) junit.Testcase {
	tc := junit.Testcase{Classname: "ndbproof.defects", Name: d.ID, Status: string(d.Status)}
	tc.SystemOut = &junit.Output{Data: strings.TrimSpace(d.Title + "\n" + d.Text)}
	if d.WorkedAround && !d.Accepted {
		tc.Failure = result("worked-around", fmt.Sprintf("%s was worked around; --accept %s accepts that", d.ID, d.ID))
	}
	return tc
}

// result has the first line as its message and all of them as its content.
func result(kind, details string) *junit.Result {
	first, _, _ := strings.Cut(details, "\n")
	return &junit.Result{Message: first, Type: kind, Data: details}
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
