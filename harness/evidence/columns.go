package evidence

import "github.com/jedib0t/go-pretty/v6/table"

// Columns lays rows of text out as a table of at most that many columns of
// text; 0 or less: of no limit. The last column is wrapped where it must be; a
// line break in it stays one. It ends with a newline.
func Columns(header []string, rows [][]string, width int) string {
	cells := make([]table.Row, 0, len(rows))
	for _, r := range rows {
		cells = append(cells, cellsOf(r))
	}
	return render(cellsOf(header), cells, width)
}

func cellsOf(texts []string) table.Row {
	var row table.Row
	for _, t := range texts {
		row = append(row, t)
	}
	return row
}
