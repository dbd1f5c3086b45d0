package parity

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ndbproof/harness/secure"
)

// rows visits the rows of one side, each once, about Chunk at a time: in ranges of
// the primary key, or with one statement where there is none that can be walked.
// Such a statement may have to begin again: then forget is called, and what was
// visited is visited once more.
func (j *job) rows(ctx context.Context, i int, s *session, forget func(), visit func([]entry)) error {
	if j.walks {
		return j.walk(ctx, i, s, visit)
	}
	block := make([]entry, 0, min(j.Chunk, 4096))
	again := func() {
		block = block[:0]
		forget()
	}
	err := s.scan(ctx, j.selectFrom(i, s), len(j.columns[i]), again, func(row []driver.Value) error {
		e, err := s.entry(row, j.columns[i], j.keys)
		if err != nil {
			return err
		}
		if block = append(block, e); len(block) == j.Chunk {
			visit(block)
			block = block[:0]
		}
		return nil
	})
	if err != nil {
		return err
	}
	visit(block)
	return nil
}

// walk reads a side in order of its primary key, whatever that is: after a block
// that ended at (a, b) come first the rows of that a with a higher b, then those
// with a higher a. So each statement is one range of the index, and no optimizer has
// to see through an OR. What is higher only the server says, so that its collations
// decide where a block ends, and nothing else.
func (j *job) walk(ctx context.Context, i int, s *session, visit func([]entry)) error {
	var last []string // literals of the last row's key
	rows := int64(0)
	for depth := 0; depth >= 0; {
		block, key, err := j.next(ctx, i, s, last, depth)
		if err != nil {
			return err
		}
		visit(block)
		rows += int64(len(block))
		if len(block) < j.Chunk {
			depth--
			continue
		}
		last, depth = key, j.keys-1
	}
	if j.Live != nil {
		return nil
	}
	n, err := s.count(ctx, j.name)
	if err == nil && n != rows {
		return fmt.Errorf("%w: %d rows in order of the key, and %d when they are counted", errMoving, rows, n)
	}
	return err
}

// next reads the first Chunk rows that have the first depth columns of last and a
// higher value in the one after, in order of the key; without last the first rows of
// the table. key is the last row's, of a whole block.
func (j *job) next(ctx context.Context, i int, s *session, last []string, depth int) (block []entry, key []string, err error) {
	columns := j.columns[i]
	var where, order []string
	for n, c := range columns[:j.keys] {
		order = append(order, secure.QuoteName(c.name))
		switch {
		case last == nil || n > depth:
		case n == depth:
			where = append(where, secure.QuoteName(c.name)+" > "+last[n])
		default:
			where = append(where, secure.QuoteName(c.name)+" = "+last[n])
		}
	}
	query := j.selectFrom(i, s) + " FORCE INDEX (PRIMARY)"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	query += " ORDER BY " + strings.Join(order, ", ") + " LIMIT " + strconv.Itoa(j.Chunk)
	err = s.scan(ctx, query, len(columns), func() { block = nil }, func(row []driver.Value) error {
		e, err := s.entry(row, columns, j.keys)
		if err != nil {
			return err
		}
		if block = append(block, e); len(block) > 1 && len(block) < j.Chunk {
			return nil
		}
		key, err = j.literals(i, row)
		if err == nil && len(block) == 1 && slices.Equal(key, last) {
			err = fmt.Errorf("read in order of the key: (%s) came after itself", strings.Join(key, ", "))
		}
		return err
	})
	return block, key, err
}

// literals are the key of a row as the server takes it.
func (j *job) literals(i int, row []driver.Value) ([]string, error) {
	out := make([]string, j.keys)
	for n, v := range row[:j.keys] {
		c := j.columns[i][n]
		b, err := appendValue(nil, c.kind, v)
		if err != nil {
			return nil, fmt.Errorf("read column %s: %w", c.name, err)
		}
		charset := c.charset
		if charset != j.columns[1-i][n].charset {
			charset = "utf8mb4" // as selectFrom asks for it
		}
		out[n] = literal(c.kind, charset, b)
	}
	return out, nil
}

// literal is a value of a column that walks. A character set is named, for the
// bytes are as they are stored; the column's collation prevails over the literal's.
func literal(k kind, charset string, canonical []byte) string {
	switch k {
	case kindText:
		return "_" + charset + " x'" + hex.EncodeToString(canonical) + "'"
	case kindBytes:
		return "x'" + hex.EncodeToString(canonical) + "'"
	case kindTemporal:
		return "'" + string(canonical) + "'"
	case kindInteger, kindDecimal, kindFloat, kindJSON:
	}
	return string(canonical)
}

// walkable are the types whose values a literal gives back exactly, and which
// compare with it as they are ordered. ENUM and SET are ordered by number and
// compared as text; a FLOAT's literal is another value.
func walkable(dataType string) bool {
	return slices.Contains([]string{
		"tinyint", "smallint", "mediumint", "int", "bigint", "decimal",
		"date", "time", "datetime", "timestamp", "char", "varchar", "binary", "varbinary",
	}, dataType)
}
