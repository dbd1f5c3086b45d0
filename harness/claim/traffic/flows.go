package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/mgm"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// Flows is all that travelled at every node while a row was committed, the
// receiver was stopped and started, a new client connected to each server, and
// the management nodes were asked.
type Flows struct {
	Nodes   []topology.NodeRef `json:"expected_nodes"`
	Window  Window             `json:"window"`
	Classes []ClassSeen        `json:"classes"`
	// Strangers is what a container without credentials got on each cluster's network,
	// after the window. Its flows would be in none of the classes.
	Strangers []Stranger `json:"strangers"`
}

// ClassSeen sums up what was seen of one class, each flow at each end.
type ClassSeen struct {
	Class   wire.Class `json:"class"`
	Flows   int        `json:"flows"`
	Packets int64      `json:"packets"`
	Bytes   int64      `json:"bytes"`
	Records int64      `json:"records"` // of TLS
	Markers []string   `json:"markers"` // read in passing
}

// expectedClasses must have been seen, or the window shows too little.
var expectedClasses = []wire.Class{wire.ClientMysqld, wire.Channel, wire.MysqldNdbmtd, wire.NdbmtdNdbmtd, wire.Management}

// Seen counts flows. Every node must have been looked at, and every class seen.
func (o *Flows) Seen() (int, string) {
	if why := o.Window.blind(wire.Unclassified); why != "" {
		return 0, why
	}
	n := 0
	for _, ref := range o.Nodes {
		i := slices.IndexFunc(o.Window.Nodes, func(n WindowNode) bool { return n.NodeRef == ref })
		if i < 0 {
			return 0, fmt.Sprintf("%s %s was not looked at", ref.Side, ref.Node)
		}
		n += len(o.Window.Nodes[i].Flows)
	}
	for _, c := range expectedClasses {
		if o.class(c).Packets == 0 {
			return 0, fmt.Sprintf("no flow of class %s was seen", c)
		}
	}
	return n, "no flow was seen"
}

func (o *Flows) class(c wire.Class) ClassSeen {
	for _, x := range o.Classes {
		if x.Class == c {
			return x
		}
	}
	return ClassSeen{Class: c}
}

func flowsClaim() claim.Claim {
	extra := claim.Repeat("connections to an unexpected port", func(ctx context.Context, b claim.Bench) error {
		_, err := b.Host.Run(ctx, topology.Replica, claim.SQLNode(b.Subject, topology.Replica), node.Command{Argv: []string{
			"mysql", "--no-defaults", "--protocol=TCP", "--host=" + b.Spec(topology.Source).LinkHost(), fmt.Sprintf("--port=%d", extraPort),
			"--connect-timeout=5", "--execute=DO 1",
		}})
		return err // that the login fails is fine
	})
	listener := extraListener("a flow to an unexpected port of the source's mysqld", topology.Source, topology.Mysqld)
	intruder := claim.Repeat("questions of an intruder", func(ctx context.Context, b claim.Bench) error {
		_, err := b.Host.Intrude(ctx, topology.Replica, showCluster(b.Spec(topology.Replica)))
		return err
	})
	return claim.DefineKeeping(claim.Claim{
		ID: claim.TrafficFlowsID, Step: 7, Effect: claim.Disturbs, Uses: claim.PartSQL | claim.PartKeys | claim.PartHost | claim.PartWire,
		Title: "at every node only the flows that a pair needs travel, each between the ends and on the network that it belongs to",
		Codes: claim.MakeCodes(claim.TrafficFlowsID, "unclassified"),
		Sabotage: []claim.Sabotage{
			{
				Name: listener.Name, Effect: claim.Disturbs, Want: claim.TrafficFlowsID + ".unclassified", Also: []string{claim.TrafficSocketsID},
				Do: claim.ChainChanges(listener.Do, extra),
			},
			{
				Name: "a stranger on the replica's cluster network", Effect: claim.Disturbs, Want: claim.TrafficFlowsID + ".unclassified",
				Do: intruder,
			},
		},
	}, lookFlows, judgeFlows)
}

// showCluster asks a management node for the state of its cluster.
func showCluster(s topology.Spec) node.Command {
	return node.Command{Argv: mgm.Argv(s.Connectstring(), "show")}
}

func lookFlows(ctx context.Context, s claim.Subject, dir *evidence.Dir) (*Flows, error) {
	o := &Flows{}
	for _, side := range topology.Sides {
		for _, n := range s.Spec(side).Nodes {
			o.Nodes = append(o.Nodes, topology.NodeRef{Side: side, Node: n.Name})
		}
	}
	marker := replication.NewMarker()
	var err error
	o.Window, err = window(ctx, s, dir, claim.TrafficFlowsID, o.Nodes, map[string]string{markerRow: marker}, func(ctx context.Context) error {
		if err := receiverAgain(ctx, s, marker); err != nil {
			return err
		}
		_, err := claim.ForEachSide(func(side topology.Side) (Known, error) {
			out, err := claim.RunTool(ctx, s, side, claim.SQLNode(s, side), showCluster(s.Spec(side)))
			if err == nil && out.Exit != 0 {
				err = fmt.Errorf("ask the management node of the %s: exit %d: %s", side, out.Exit, brief.Line(out.Stderr))
			}
			k, connected := newClient(ctx, s, side, marker)
			return k, errors.Join(err, connected)
		})
		return err
	})
	if err != nil {
		return o, err
	}
	o.sum()
	o.Strangers, err = claim.ForEachSide(func(side topology.Side) (Stranger, error) { return asStranger(ctx, s, side, marker) })
	return o, err
}

// sum adds the flows up by their class.
func (o *Flows) sum() {
	for _, n := range o.Window.Nodes {
		for _, f := range n.Flows {
			i := slices.IndexFunc(o.Classes, func(c ClassSeen) bool { return c.Class == f.Class })
			if i < 0 {
				i = len(o.Classes)
				o.Classes = append(o.Classes, ClassSeen{Class: f.Class, Markers: []string{}})
			}
			c := &o.Classes[i]
			c.Flows++
			c.Packets += f.Up.Packets + f.Down.Packets
			c.Bytes += f.Up.Bytes + f.Down.Bytes
			c.Records += f.Up.Records + f.Down.Records
			c.Markers = slices.Concat(c.Markers, f.Up.Markers, f.Down.Markers)
			slices.Sort(c.Markers)
			c.Markers = slices.Compact(c.Markers)
		}
	}
}

func judgeFlows(o *Flows, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.TrafficFlowsID}
	for _, n := range o.Window.Nodes {
		for _, w := range n.of(wire.Unclassified) {
			f.AddAt("unclassified", n.Side, n.Node, fmt.Sprintf("%s from %s to %s: %d packets, %d bytes; expected no such flow",
				w.Proto, orNobody(w.Client), orNobody(w.Server), w.Up.Packets+w.Down.Packets, w.Up.Bytes+w.Down.Bytes))
		}
	}
	return f.All
}

func orNobody(address string) string {
	if address == "" {
		return "an unknown address"
	}
	return address
}
