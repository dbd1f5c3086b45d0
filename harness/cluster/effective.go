package cluster

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"ndbproof/harness/topology"
)

// effective gives the configuration with which a node really runs, one
// `name<TAB>value` a line, as its own cluster tells it: a mysqld's global
// variables, a data node's ndbinfo.config_values. A management node has none
// but what is rendered for it.
func (c *Cluster) effective(ctx context.Context, n *Node) ([]byte, error) {
	if c.admin == nil || n.Role == topology.Mgmd {
		return nil, nil
	}
	query, args := "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables ORDER BY 1", []any{}
	if n.Role == topology.Ndbmtd {
		query = "SELECT p.param_name, v.config_value FROM ndbinfo.config_values v JOIN ndbinfo.config_params p ON p.param_number = v.config_param WHERE v.node_id = ? ORDER BY 1"
		args = append(args, n.ID)
	}
	rows, err := c.admin.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the effective configuration of %s: %w", n, err)
	}
	defer rows.Close() //nolint:errcheck // Err is looked at
	var b strings.Builder
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read the effective configuration of %s: %w", n, err)
		}
		fmt.Fprintf(&b, "%s\t%s\n", name, value.String)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the effective configuration of %s: %w", n, err)
	}
	return []byte(b.String()), nil
}
