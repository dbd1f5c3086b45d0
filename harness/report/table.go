package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
	"ndbproof/harness/report/table"
)

// Table writes the run's tables for a terminal of that many columns; 0 or less:
// of no limit. The headline is not among them: it goes first and by itself.
func Table(w io.Writer, r evidence.Results, width int) error {
	var blocks []string
	add := func(header []string, rows [][]string) {
		if len(rows) > 0 {
			blocks = append(blocks, table.Draw(header, rows, width))
		}
	}
	add([]string{"claim", "status", "seen", "s", "promise, or what was seen instead"}, claimRows(r.Claims))
	if s := r.Sabotage; s != nil {
		add([]string{"must fall", "ended", strings.Join(s.Letters(), ""), "s", "sabotage (" + s.Score() + "), and what was seen instead"}, sabotageRows(s))
		blocks = append(blocks, table.Paragraph(s.MarkWords()+"\n"+s.Legend(), width))
	}
	add([]string{"defect", "status", "worked around", "known defect of the release"}, defectRows(r.Defects))
	add([]string{"gap", "status", "what profile " + orUnknown(r.Profile.Name) + " may leave open"}, gapRows(r.Gaps))
	add([]string{"phase", "s"}, timingRows(r.Timings))
	if _, err := io.WriteString(w, strings.Join(blocks, "\n")); err != nil {
		return fmt.Errorf("write the table of results: %w", err)
	}
	return nil
}

func claimRows(claims []evidence.Outcome) [][]string {
	var rows [][]string
	for _, c := range claims {
		rows = append(rows, []string{c.ID, string(c.Status), strconv.Itoa(c.Seen), fmt.Sprintf("%.1f", c.Seconds), above(c.Title, c.Details())})
	}
	return rows
}

func sabotageRows(s *evidence.Sabotage) [][]string {
	var rows [][]string
	for _, r := range s.Rows {
		rows = append(rows, []string{r.Claim, r.Word(), strings.Join(s.Marks(r), ""), fmt.Sprintf("%.1f", r.Seconds), above(r.Name, r.Details())})
	}
	for _, c := range s.Controls {
		ended, details := "held", []string(nil)
		for _, f := range c.Fell {
			ended, details = "false alarm", append(details, f.String())
		}
		rows = append(rows, []string{"none", ended, strings.Join(s.ControlMarks(c), ""), fmt.Sprintf("%.1f", c.Seconds), above("nothing broken, after all that "+c.After, details)})
	}
	return rows
}

// above puts a line above others.
func above(first string, others []string) string {
	lines := []string{first}
	for _, l := range others {
		lines = append(lines, brief.Line(l))
	}
	return strings.Join(lines, "\n")
}

func defectRows(defects []evidence.DefectResult) [][]string {
	var rows [][]string
	for _, d := range defects {
		around := "no"
		switch {
		case d.WorkedAround && d.Accepted:
			around = "yes, accepted"
		case d.WorkedAround:
			around = "yes"
		}
		rows = append(rows, []string{d.ID, string(d.Status), around, d.Title})
	}
	return rows
}

func gapRows(gaps []evidence.GapResult) [][]string {
	var rows [][]string
	for _, g := range gaps {
		rows = append(rows, []string{g.ID, string(g.Status), g.Title})
	}
	return rows
}

func timingRows(timings []evidence.Timing) [][]string {
	var rows [][]string
	for _, t := range timings {
		rows = append(rows, []string{t.Phase, fmt.Sprintf("%.1f", t.Seconds)})
	}
	return rows
}
