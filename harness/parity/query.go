package parity

import (
	"context"
	"database/sql"
	"strconv"
)

// query visits the rows of a query on information_schema, as strings.
func (s *side) query(ctx context.Context, q string, args []any, columns int, visit func([]string)) error {
	return query(ctx, s.sessions[0].conn, q, args, columns, visit)
}

type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

func query(ctx context.Context, db querier, q string, args []any, columns int, visit func([]string)) error {
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	values, dest := make([]string, columns), make([]any, columns)
	for i := range values {
		dest[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		visit(values)
	}
	return rows.Err()
}

// number reads a count that the server printed; an estimate that is none is 0.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
