package traffic

import (
	"context"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Sockets is what listens in the network namespaces of all nodes.
type Sockets struct {
	Nodes []NodeSockets `json:"nodes"`
}

// NodeSockets are those of one node.
type NodeSockets struct {
	Side    topology.Side `json:"side"`
	Node    string        `json:"node"`
	Role    topology.Role `json:"role"`
	Listens []node.Socket `json:"listens"`
}

// Seen counts sockets. A node in which nothing listens at all was not looked
// into.
func (o *Sockets) Seen() (int, string) {
	n := 0
	for _, node := range o.Nodes {
		if len(node.Listens) == 0 {
			return 0, fmt.Sprintf("nothing listens in %s %s", node.Side, node.Node)
		}
		n += len(node.Listens)
	}
	return n, "no node was looked into"
}

func sockets() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.TrafficSocketsID, Step: 5, Effect: claim.Reads, Uses: claim.PartHost,
		Title: "in every node exactly the expected sockets listen",
		Codes: claim.MakeCodes(claim.TrafficSocketsID, "unexpected", "missing"),
		Sabotage: []claim.Sabotage{
			extraListener("extra listening port at the source's mysqld", topology.Source, topology.Mysqld),
			extraListener("extra listening port at a data node", topology.Replica, topology.Ndbmtd),
		},
	}, lookSockets, judgeSockets)
}

// extraPort is one that nothing of a cluster uses.
const extraPort = 4444

// extraListener opens a port in the first node of a role.
func extraListener(name string, side topology.Side, role topology.Role) claim.Sabotage {
	return claim.Sabotage{
		Name: name, Effect: claim.Disturbs, Want: claim.TrafficSocketsID + ".unexpected",
		Do: func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			stop, err := b.Operator.Listen(ctx, side, b.Spec(side).Of(role)[0].Name, extraPort)
			if err != nil {
				return claim.UndoNothing, err
			}
			return func(context.Context) error { return stop() }, nil
		},
	}
}

func lookSockets(ctx context.Context, s claim.Subject) (*Sockets, error) {
	o := &Sockets{}
	for _, side := range topology.Sides {
		spec := s.Spec(side)
		for _, n := range spec.Nodes {
			all, err := s.Host.Sockets(ctx, side, n.Name)
			if err != nil {
				return o, fmt.Errorf("look into %s %s: %w", side, n.Name, err)
			}
			o.Nodes = append(o.Nodes, NodeSockets{side, n.Name, n.Role, all})
		}
	}
	return o, nil
}

func judgeSockets(o *Sockets, p secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.TrafficSocketsID}
	for _, n := range o.Nodes {
		expected := expectedSockets(p, n.Role)
		for _, s := range n.Listens {
			if !s.EmbeddedDNS() && !slices.ContainsFunc(expected, func(e node.Socket) bool { return admits(e, s) }) {
				f.AddAt("unexpected", n.Side, n.Node, fmt.Sprintf("%s %s:%d listens; expected no such socket", s.Proto, s.Address, s.Port))
			}
		}
		for _, e := range expected {
			if !slices.ContainsFunc(n.Listens, func(seen node.Socket) bool { return admits(e, seen) }) {
				f.AddAt("missing", n.Side, n.Node, fmt.Sprintf("%s %s:%d does not listen", e.Proto, e.Address, e.Port))
			}
		}
	}
	return f.All
}
