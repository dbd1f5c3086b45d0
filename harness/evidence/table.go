package evidence

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"ndbproof/harness/brief"
)

// narrowest is how many columns of text are left for the last column of a
// table at the least, however narrow the terminal.
const narrowest = 20

// Table writes the run's tables for a terminal of that many columns; 0 or less:
// of no limit. The headline is not among them: it goes first and by itself.
func Table(w io.Writer, r Results, width int) error {
	var blocks []string
	add := func(header table.Row, rows []table.Row) {
		if len(rows) > 0 {
			blocks = append(blocks, render(header, rows, width))
		}
	}
	add(table.Row{"claim", "status", "seen", "s", "promise, or what was seen instead"}, claimRows(r.Claims))
	if s := r.Sabotage; s != nil {
		add(table.Row{"must fall", "ended", strings.Join(s.Letters(), ""), "s", "sabotage (" + s.Score() + "), and what was seen instead"}, sabotageRows(s))
		blocks = append(blocks, trimmed(wrap(markWords+"\n"+s.Legend(), lineWidth(width))))
	}
	add(table.Row{"defect", "status", "worked around", "known defect of the release"}, defectRows(r.Defects))
	add(table.Row{"gap", "status", "what profile " + orUnknown(r.Profile.Name) + " may leave open"}, gapRows(r.Gaps))
	add(table.Row{"phase", "s"}, timingRows(r.Timings))
	if _, err := io.WriteString(w, strings.Join(blocks, "\n")); err != nil {
		return fmt.Errorf("write the table of results: %w", err)
	}
	return nil
}

func claimRows(claims []Outcome) []table.Row {
	var rows []table.Row
	for _, c := range claims {
		rows = append(rows, table.Row{c.ID, c.Status, c.Seen, fmt.Sprintf("%.1f", c.Seconds), above(c.Title, c.Details())})
	}
	return rows
}

func sabotageRows(s *Sabotage) []table.Row {
	var rows []table.Row
	for _, r := range s.Rows {
		rows = append(rows, table.Row{r.Claim, r.Word(), strings.Join(s.Marks(r), ""), fmt.Sprintf("%.1f", r.Seconds), above(r.Name, r.Details())})
	}
	for _, c := range s.Controls {
		ended, details := "held", []string(nil)
		for _, f := range c.Fell {
			ended, details = "false alarm", append(details, f.String())
		}
		rows = append(rows, table.Row{"none", ended, strings.Join(s.ControlMarks(c), ""), fmt.Sprintf("%.1f", c.Seconds), above("nothing broken, after all that "+c.After, details)})
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

func defectRows(defects []DefectResult) []table.Row {
	var rows []table.Row
	for _, d := range defects {
		around := "no"
		switch {
		case d.WorkedAround && d.Accepted:
			around = "yes, accepted"
		case d.WorkedAround:
			around = "yes"
		}
		rows = append(rows, table.Row{d.ID, d.Status, around, d.Title})
	}
	return rows
}

func gapRows(gaps []GapResult) []table.Row {
	var rows []table.Row
	for _, g := range gaps {
		rows = append(rows, table.Row{g.ID, g.Status, g.Title})
	}
	return rows
}

func timingRows(timings []Timing) []table.Row {
	var rows []table.Row
	for _, t := range timings {
		rows = append(rows, table.Row{t.Phase, fmt.Sprintf("%.1f", t.Seconds)})
	}
	return rows
}

// render wraps the last column so that a row fits the width, and ends every
// line with its last character.
func render(header table.Row, rows []table.Row, width int) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(header)
	t.AppendRows(rows)
	if width > 0 {
		last := len(header)
		left := width - 1
		for col := range last - 1 {
			left -= columnWidth(header, rows, col) + 3 // a blank on each side and a line
		}
		t.SetColumnConfigs([]table.ColumnConfig{{Number: last, WidthMax: max(left-1, narrowest), WidthMaxEnforcer: wrap}})
	}
	return trimmed(t.Render())
}

// trimmed ends every line with its last character, and the text with a newline.
func trimmed(s string) string {
	var b strings.Builder
	for l := range strings.Lines(s + "\n") {
		b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
	return b.String()
}

// wrap wraps each line by itself: text.WrapSoft would join them.
func wrap(s string, width int) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = text.WrapSoft(l, width)
	}
	return strings.Join(lines, "\n")
}

// lineWidth is how long a line of text by itself may be.
func lineWidth(width int) int {
	if width <= 0 {
		return 160
	}
	return max(width, narrowest)
}

func columnWidth(header table.Row, rows []table.Row, col int) int {
	widest := text.LongestLineLen(fmt.Sprint(header[col]))
	for _, r := range rows {
		widest = max(widest, text.LongestLineLen(fmt.Sprint(r[col])))
	}
	return widest
}
