package parity

import (
	"context"
	"strconv"

	"ndbproof/harness/replication"
)

// query visits the rows of a query on information_schema, as strings.
func (s *side) query(ctx context.Context, q string, args []any, visit func([]string)) error {
	return query(ctx, s.sessions[0].conn, q, args, visit)
}

// query visits the rows of a query on db as strings. NULL is the empty string.
func query(ctx context.Context, db replication.Querier, q string, args []any, visit func([]string)) error {
	_, rows, err := replication.Table(ctx, db, q, args...)
	for _, row := range rows {
		values := make([]string, len(row))
		for i, v := range row {
			values[i] = v.String
		}
		visit(values)
	}
	return err
}

// number reads a count that the server printed; an estimate that is none is 0.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
