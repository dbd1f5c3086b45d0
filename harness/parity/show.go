package parity

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cell is one value of a row that was read again.
type cell struct {
	null bool
	size int    // of the canonical bytes
	sum  Digest // of all of them
	head []byte // the first of them, up to headSize
}

const (
	headSize = 64 << 10
	shown    = 64 // bytes of a value that are printed
)

// show reads the first rows that differ again on both sides and reports what
// differs in them.
func (j *job) show(ctx context.Context) error {
	if len(j.kept) == 0 {
		return nil
	}
	slices.SortFunc(j.kept, func(a, b found) int { return a.key.compare(b.key) })
	j.kept = j.kept[:min(len(j.kept), j.First)]
	if j.walks && j.Live == nil {
		if err := j.locate(ctx); err != nil {
			return err
		}
	}
	var rows [2]map[Digest][]cell
	err := j.both(ctx, func(ctx context.Context, i int, s *session) (err error) {
		rows[i], err = j.fetch(ctx, i, s)
		return err
	})
	if err != nil {
		return err
	}
	agree := 0
	for _, f := range j.kept {
		s, r := rows[0][f.key], rows[1][f.key]
		if j.keys > 0 && slices.EqualFunc(s, r, cell.equal) {
			agree++
		}
		j.report.First = append(j.report.First, j.mismatches(f, s, r)...)
	}
	if agree == len(j.kept) && j.Live == nil && !j.more {
		return j.moved()
	}
	return nil
}

// fetch reads the kept rows of one side: by key where they can be asked for, else by
// looking at every row once more.
func (j *job) fetch(ctx context.Context, i int, s *session) (map[Digest][]cell, error) {
	want := map[Digest]bool{}
	for _, f := range j.kept {
		want[f.key] = true
	}
	query, out := j.selectFrom(i, s), map[Digest][]cell{}
	if j.ordinal || j.walks {
		where := j.where(i, j.kept)
		if where == "" {
			return out, nil
		}
		query += where
	}
	err := s.scan(ctx, query, len(j.columns[i]), func() { clear(out) }, func(row []driver.Value) error {
		e, err := j.entryOf(i, s, row)
		if err == nil && want[e.key] {
			out[e.key], err = cells(row, j.columns[i])
		}
		return err
	})
	return out, err
}

func cells(row []driver.Value, columns []column) ([]cell, error) {
	out := make([]cell, len(row))
	for i, v := range row {
		if v == nil {
			out[i].null = true
			continue
		}
		b, err := appendValue(nil, columns[i].kind, v)
		if err != nil {
			return nil, err
		}
		out[i] = cell{size: len(b), sum: digestOf(b), head: slices.Clone(b[:min(len(b), headSize)])}
	}
	return out, nil
}

// mismatches describes one key: a line for each column that differs, or one line
// for the row.
func (j *job) mismatches(f found, s, r []cell) []Mismatch {
	m := Mismatch{Key: j.keyText(s, r)}
	if j.ordinal {
		m.Key = j.columns[0][0].name + "=" + f.key.literal()
	}
	switch {
	case j.keys == 0:
		m.Note = fmt.Sprintf("copies: %d on the source, %d on the replica", f.copies[0], f.copies[1])
	case f.copies[1] == 0:
		m.Note = "only on the source"
	case f.copies[0] == 0:
		m.Note = "only on the replica"
	}
	if s == nil || r == nil {
		m.Source, m.Replica = j.rowText(0, s), j.rowText(1, r)
		if s == nil && r == nil {
			m.Note = strings.TrimPrefix(m.Note+"; gone when read again", "; ")
		}
		return []Mismatch{m}
	}
	out := j.columnMismatches(m, s, r)
	if len(out) > 0 {
		return out
	}
	if j.keys == 0 {
		m.Source, m.Replica = j.rowText(0, s), j.rowText(1, r)
	} else {
		m.Note = strings.TrimPrefix(m.Note+"; equal when read again", "; ")
	}
	return []Mismatch{m}
}

func (c cell) equal(d cell) bool { return c.null == d.null && c.size == d.size && c.sum == d.sum }

func (j *job) columnMismatches(m Mismatch, s, r []cell) []Mismatch {
	var out []Mismatch
	for i := range s {
		if s[i].equal(r[i]) {
			continue
		}
		at := firstDifference(s[i].head, r[i].head)
		m.Column = j.columns[0][i].name
		m.Source, m.Replica = s[i].text(j.columns[0][i].kind, at), r[i].text(j.columns[1][i].kind, at)
		out = append(out, m)
	}
	return out
}

func (j *job) keyText(s, r []cell) string {
	i, row := 0, s
	if row == nil {
		i, row = 1, r
	}
	if row == nil {
		return ""
	}
	return assignments(j.columns[i][:j.keys], row[:j.keys])
}

func (j *job) rowText(i int, row []cell) string {
	if row == nil {
		return ""
	}
	return assignments(j.columns[i], row)
}

func assignments(columns []column, row []cell) string {
	parts := make([]string, len(row))
	for i := range row {
		parts[i] = columns[i].name + "=" + row[i].text(columns[i].kind, 0)
	}
	return strings.Join(parts, ", ")
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// text shows a value; at is the byte that must be in what is shown of a long one.
func (c cell) text(k kind, at int) string {
	switch {
	case c.null:
		return "NULL"
	case k == kindFloat && len(c.head) == 8:
		return strconv.FormatFloat(math.Float64frombits(binary.BigEndian.Uint64(c.head)), 'g', -1, 64)
	case k == kindInteger || k == kindDecimal:
		return string(c.head)
	}
	show := strconv.Quote
	if k == kindBytes || !utf8.Valid(c.whole()) {
		show = func(s string) string { return "0x" + hex.EncodeToString([]byte(s)) }
	}
	if c.size <= shown {
		return show(string(c.head))
	}
	from := max(0, min(at-shown/4, len(c.head)-shown))
	to := min(from+shown, len(c.head))
	for k != kindBytes && from > 0 && !utf8.RuneStart(c.head[from]) {
		from--
	}
	for k != kindBytes && to < len(c.head) && !utf8.RuneStart(c.head[to]) {
		to++
	}
	return fmt.Sprintf("%s (bytes %d to %d of %d)", show(string(c.head[from:to])), from, to, c.size)
}

// whole is head without a character that was cut at its end.
func (c cell) whole() []byte {
	if c.size == len(c.head) {
		return c.head
	}
	cut := bytes.LastIndexFunc(c.head, func(r rune) bool { return r != utf8.RuneError })
	return c.head[:max(0, cut)]
}
