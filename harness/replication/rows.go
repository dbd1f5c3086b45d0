package replication

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/brief"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Row is a row as text, by column name. NULL is the empty string.
type Row map[string]string

// Rows reads all rows of a query, by column name.
func Rows(ctx context.Context, db Querier, query string, args ...any) ([]Row, error) {
	columns, cells, err := Table(ctx, db, query, args...)
	if err != nil {
		return nil, err
	}
	var all []Row
	for _, row := range cells {
		r := Row{}
		for i, c := range columns {
			r[c] = row[i].String
		}
		all = append(all, r)
	}
	return all, nil
}

// Table reads all rows of a query in the order of its columns.
func Table(ctx context.Context, db Querier, query string, args ...any) (columns []string, cells [][]sql.NullString, err error) {
	fail := func(err error) ([]string, [][]sql.NullString, error) {
		return nil, nil, fmt.Errorf("%s: %w", brief.Line(query), err)
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err is looked at
	if columns, err = rows.Columns(); err != nil {
		return fail(err)
	}
	for rows.Next() {
		row, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return fail(err)
		}
		cells = append(cells, row)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return columns, cells, nil
}

// Lines gives each row of a query as one text, its columns separated by blanks.
func Lines(ctx context.Context, db Querier, query string, args ...any) ([]string, error) {
	_, cells, err := Table(ctx, db, query, args...)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, row := range cells {
		words := make([]string, len(row))
		for i, c := range row {
			words[i] = c.String
		}
		all = append(all, strings.Join(words, " "))
	}
	return all, nil
}

// Column gives one column of all rows.
func Column(rows []Row, name string) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r[name]
	}
	return all
}

// Numbers of the errors with which a server refuses a login.
const (
	AccessDenied            = 1045 // ER_ACCESS_DENIED_ERROR
	SecureTransportRequired = 3159 // ER_SECURE_TRANSPORT_REQUIRED
)

// ErrorNumber is the number and the message of a server's error; ok is false where
// err is none.
func ErrorNumber(err error) (number uint16, message string, ok bool) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return 0, "", false
	}
	return e.Number, e.Message, true
}
