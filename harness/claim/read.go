package claim

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/topology"
)

// record is a row as text by column name. NULL is the empty string.
type record map[string]string

// querier is a pool or one connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// records reads all rows of a query.
func records(ctx context.Context, db querier, query string, args ...any) ([]record, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", oneLine(query), err)
	}
	defer rows.Close() //nolint:errcheck // Err is looked at
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", oneLine(query), err)
	}
	cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	var all []record
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("%s: %w", oneLine(query), err)
		}
		r := record{}
		for i, c := range columns {
			r[c] = cells[i].String
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", oneLine(query), err)
	}
	return all, nil
}

// on names the side in an error of reading from it.
func on(side topology.Side, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ask the %s: %w", side, err)
}

// column gives one column of all rows.
func column(rows []record, name string) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r[name]
	}
	return all
}

// errno is the number of a server's error, and whether err is one.
func errno(err error) (number uint16, message string, ok bool) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return 0, "", false
	}
	return e.Number, e.Message, true
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
