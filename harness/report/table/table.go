// Package table draws rows of text as a table for a terminal or a log.
package table

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// narrowest is how many columns of text are left for the last column of a
// table at the least, however narrow the terminal.
const narrowest = 20

// Draw lays rows of text out as a table of at most that many columns of text; 0 or
// less: of no limit. The last column is wrapped where it must be; a line break in it
// stays one. It ends with a newline.
func Draw(header []string, rows [][]string, width int) string {
	cells := make([]table.Row, 0, len(rows))
	for _, r := range rows {
		cells = append(cells, cellsOf(r))
	}
	return render(cellsOf(header), cells, width)
}

// Paragraph wraps lines of text by themselves to a width, as Draw takes it, and ends
// with a newline.
func Paragraph(s string, width int) string { return trimmed(wrap(s, lineWidth(width))) }

// cellsOf turns whole numbers into ints, which go-pretty aligns to the right.
func cellsOf(texts []string) table.Row {
	var row table.Row
	for _, t := range texts {
		if n, err := strconv.Atoi(t); err == nil {
			row = append(row, n)
		} else {
			row = append(row, t)
		}
	}
	return row
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
