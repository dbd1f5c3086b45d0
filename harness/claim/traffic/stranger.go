package traffic

import (
	"context"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// Stranger is what a container on a side's cluster network got that belongs to no
// node and has no credentials.
type Stranger struct {
	Side  topology.Side `json:"side"`
	Shown bool          `json:"shown"` // ndb_mgmd told it of its nodes
	Read  bool          `json:"read"`  // the rows of a table, a known one among them
	Says  string        `json:"says"`  // the last line of what it was told otherwise
}

// markerTable is where markers stand, by the name of its database and its own.
var markerTable = [2]string{"ndbproof", "marker"}

// asStranger asks the management node for its nodes, and NDB for rows, without
// credentials. The marker is one that was committed.
func asStranger(ctx context.Context, s claim.Subject, side topology.Side, marker string) (Stranger, error) {
	o := Stranger{Side: side}
	out, err := s.Host.Intrude(ctx, side, showCluster(s.Spec(side)))
	if err != nil {
		return o, err
	}
	o.Shown = out.Exit == 0 && strings.Contains(out.Stdout, "[ndbd(NDB)]")
	o.Says = lastLine([]byte(out.Stdout + out.Stderr))
	out, err = s.Host.Intrude(ctx, side, node.Command{Argv: []string{
		"ndb_select_all", "--ndb-connectstring=" + s.Spec(side).Connectstring(), "--connect-retries=2", "--connect-retry-delay=1",
		"--database=" + markerTable[0], markerTable[1],
	}})
	if err != nil {
		return o, err
	}
	if o.Read = strings.Contains(out.Stdout, marker); !o.Read {
		o.Says = lastLine([]byte(out.Stdout + out.Stderr))
	}
	return o, nil
}
