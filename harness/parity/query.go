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

// NotReplicated lists, as database.table, the user tables that NDB will not write
// to the binary log by their shape: no primary key and a column that NDB keeps
// in a blob table. The server only warns of them.
func NotReplicated(ctx context.Context, db *sql.DB) ([]string, error) {
	where, args := Options{}.choice("t.table_schema")
	q := `SELECT CONCAT(t.table_schema, '.', t.table_name) FROM information_schema.tables t
 WHERE t.engine = 'ndbcluster' AND t.table_type = 'BASE TABLE' AND ` + where + `
  AND NOT EXISTS (SELECT 1 FROM information_schema.statistics s
   WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = 'PRIMARY')
  AND EXISTS (SELECT 1 FROM information_schema.columns c
   WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND (c.data_type LIKE '%text' OR c.data_type LIKE '%blob'
    OR c.data_type IN ('json', 'vector', 'geometry', 'point', 'linestring', 'polygon',
     'multipoint', 'multilinestring', 'multipolygon', 'geomcollection', 'geometrycollection')))
 ORDER BY 1`
	var out []string
	err := query(ctx, db, q, args, 1, func(v []string) { out = append(out, v[0]) })
	return out, err
}
