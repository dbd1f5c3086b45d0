package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// The tables that markers are written to, and how.

// markedColumn is a column with a marker of its own.
type markedColumn struct {
	name     string // of its needle
	column   string
	typ      string
	encoding scan.Encoding // of what it stores
	copies   int           // of the marker, in each row
}

// markedColumns have all ways in which a server lays out a text. A TEXT or BLOB
// has its first 256 bytes in the row, the rest in a table of parts. Copies, in
// rows and in a row, are many, so that one that is cut by a page's end does not
// count.
var markedColumns = []markedColumn{
	{"VARCHAR utf8mb4", "c1", "VARCHAR(200) CHARACTER SET utf8mb4", scan.UTF8, 3},
	{"VARCHAR utf16", "c2", "VARCHAR(200) CHARACTER SET utf16", scan.UTF16, 3},
	{"VARCHAR utf16le", "c3", "VARCHAR(200) CHARACTER SET utf16le", scan.UTF16LE, 3},
	{"VARBINARY", "c4", "VARBINARY(200)", scan.UTF8, 3},
	{"TEXT", "c5", "TEXT CHARACTER SET utf8mb4", scan.UTF8, 60},
	{"BLOB", "c6", "BLOB", scan.UTF8, 60},
}

// Needles that no column of that table contains.
const (
	columnNeedle = "comment of a column"
	tableNeedle  = "comment of a table"
	heldNeedle   = "uncommitted row"
)

// markedRows is how many rows are inserted at a time.
const markedRows = 8

// markers are the texts of one look.
type markers struct{ texts map[string]secret.Secret }

// newMarkers draws a text of 34 characters for each needle.
func newMarkers() markers {
	m := markers{map[string]secret.Secret{}}
	for i, n := range soughtMarkers() {
		m.add(n.Name, fmt.Sprintf("rest%03d-%s", i, rand.Text()))
	}
	return m
}

func (m markers) add(name, text string) { m.texts[name] = secret.Of(text) }

func (m markers) quoted(name string, copies int) string {
	return secure.QuoteString(strings.Repeat(m.texts[name].Reveal()+" ", copies))
}

// create makes the tables on the source, and through the channel on the
// replica. Comments are new for each look, and so the table is.
func (m markers) create(ctx context.Context, s claim.Subject) error {
	columns := []string{"id INT NOT NULL PRIMARY KEY COMMENT " + m.quoted(columnNeedle, 1)}
	for _, c := range markedColumns {
		columns = append(columns, c.column+" "+c.typ)
	}
	for _, q := range []string{
		"CREATE DATABASE IF NOT EXISTS ndbproof_rest",
		"DROP TABLE IF EXISTS ndbproof_rest.marked",
		"CREATE TABLE ndbproof_rest.marked (" + strings.Join(columns, ", ") + ") ENGINE=NDBCLUSTER COMMENT=" + m.quoted(tableNeedle, 1),
		"CREATE TABLE IF NOT EXISTS ndbproof_rest.held (id INT NOT NULL PRIMARY KEY, c VARCHAR(4000) CHARACTER SET latin1) ENGINE=InnoDB",
	} {
		if _, err := s.Server(topology.Source).DB.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("make the tables for markers: %w", claim.WithSide(topology.Source, err))
		}
	}
	return nil
}

// insert commits rows with all markers, with ids from one on, and gives how many.
func (m markers) insert(ctx context.Context, s claim.Subject, from int) (int, error) {
	var rows []string
	for id := from; id < from+markedRows; id++ {
		values := []string{strconv.Itoa(id)}
		for _, c := range markedColumns {
			values = append(values, m.quoted(c.name, c.copies))
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	if _, err := s.Server(topology.Source).DB.ExecContext(ctx, "INSERT INTO ndbproof_rest.marked VALUES "+strings.Join(rows, ", ")); err != nil { //nolint:gosec // rows of the run's own markers, quoted
		return 0, fmt.Errorf("insert markers: %w", claim.WithSide(topology.Source, err))
	}
	return markedRows, nil
}

// open begins a transaction of InnoDB at the source that has outgrown the
// binary log cache several times, and leaves it open until end is called.
// Nothing of it is ever logged.
func (h *Transaction) open(ctx context.Context, s claim.Subject, marker string) (end func() error, err error) {
	rows, err := replication.Rows(ctx, s.Server(topology.Source).DB, "SELECT @@binlog_cache_size AS size")
	if err == nil && len(rows) != 1 {
		err = errors.New("it has no binlog_cache_size")
	}
	if err == nil {
		h.Cache, err = strconv.ParseInt(rows[0]["size"], 10, 64)
	}
	if err != nil {
		return nil, claim.WithSide(topology.Source, err)
	}
	conn, err := s.Server(topology.Source).DB.Conn(ctx)
	if err != nil {
		return nil, claim.WithSide(topology.Source, err)
	}
	end = func() error {
		fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), replication.Patience)
		defer cancel()
		_, err := conn.ExecContext(fresh, "ROLLBACK")
		return claim.WithSide(topology.Source, errors.Join(err, conn.Close()))
	}
	value := strings.Repeat(marker+" ", 4000/(len(marker)+1))
	statements := []string{"START TRANSACTION"}
	for id := int64(1); h.Bytes < 4*max(h.Cache, 32<<10); id++ {
		statements = append(statements, fmt.Sprintf("INSERT INTO ndbproof_rest.held VALUES (%d, %s)", id, secure.QuoteString(value)))
		h.Bytes += int64(len(value))
	}
	for _, q := range statements {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return nil, errors.Join(fmt.Errorf("hold a transaction open: %w", claim.WithSide(topology.Source, err)), end())
		}
	}
	return end, nil
}
