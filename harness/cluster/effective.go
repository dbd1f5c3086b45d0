package cluster

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

// Effective gives the configuration with which a node really runs, by name, as its
// own cluster tells it: a mysqld's global variables, a data node's
// ndbinfo.config_values. A management node has none but what is rendered for it.
func (c *Cluster) Effective(ctx context.Context, n *Node) (map[string]string, error) {
	if c.Server.DB == nil || n.Role == topology.Mgmd {
		return nil, nil
	}
	query, args := "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables", []any{}
	if n.Role == topology.Ndbmtd {
		query = "SELECT p.param_name, v.config_value FROM ndbinfo.config_values v JOIN ndbinfo.config_params p ON p.param_number = v.config_param WHERE v.node_id = ?"
		args = append(args, n.ID)
	}
	_, rows, err := replication.Table(ctx, c.Server.DB, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the effective configuration of %s: %w", n, err)
	}
	values := map[string]string{}
	for _, r := range rows {
		values[r[0].String] = r[1].String
	}
	return values, nil
}

// effectiveTSV is Effective as a file, one `name<TAB>value` a line; nil when there
// is none.
func (c *Cluster) effectiveTSV(ctx context.Context, n *Node) ([]byte, error) {
	values, err := c.Effective(ctx, n)
	if values == nil || err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "%s\t%s\n", name, values[name])
	}
	return b.Bytes(), nil
}

// Log is all that a node has written since its container was made.
func (c *Cluster) Log(ctx context.Context, name string) ([]byte, error) {
	n, err := c.Node(name)
	if err != nil {
		return nil, err
	}
	log, err := n.logs(ctx, "all")
	return []byte(log), err
}
