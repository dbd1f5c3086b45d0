package traffic

import (
	"testing"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

func goodFlows() *Flows {
	o := &Flows{}
	flows := map[string][]node.Flow{}
	for i, side := range topology.Sides {
		s := string(rune('1' + i))
		sql, mgm := "10."+s+".1.20:", "10."+s+".1.2:"
		flows[string(side)+" mgm"] = []node.Flow{clearFlow(sql+"40001", mgm+"1186"), clearFlow(mgm+"40002", "10."+s+".1.11:2202")}
		flows[string(side)+" sql"] = []node.Flow{
			tlsFlow("10."+s+".3.1:50001", "10."+s+".3.2:3306"), tlsFlow("10.9.0.12:50001", "10.9.0.11:3306"),
			clearFlow(sql+"40003", "10."+s+".1.11:2202", markerRow),
			{Proto: "udp", Client: "127.0.0.1:5", Server: "127.0.0.11:53"},
			{Proto: "arp"},
		}
		for d := range 4 {
			n := string(rune('1' + d))
			flows[string(side)+" ndb"+n] = []node.Flow{clearFlow("10."+s+".1.1"+n+":40004", "10."+s+".1.11:2202", markerRow)}
		}
	}
	o.Window = seenAt(flows)
	for _, n := range o.Window.Nodes {
		o.Nodes = append(o.Nodes, n.NodeRef)
	}
	o.sum()
	o.Strangers = []Stranger{{Side: topology.Source, Shown: true, Read: true}, {Side: topology.Replica, Shown: true, Read: true}}
	return o
}

func TestFlows(t *testing.T) {
	stray := func(client, server string) func(*Flows) {
		return func(o *Flows) {
			o.Window.Nodes[2].Flows = append(o.Window.Nodes[2].Flows, WindowFlow{Flow: clearFlow(client, server)})
			o.Window.classify()
		}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.TrafficFlowsID), goodFlows, []claimtest.Broken[*Flows]{
		claimtest.Break("port", stray("10.9.0.12:50001", "10.9.0.11:4444"), []string{"unclassified"}),
		claimtest.Break("stranger", stray("10.1.1.99:50001", "10.1.1.2:1186"), []string{"unclassified"}),
		claimtest.Break("nothing known", func(o *Flows) {
			o.Window.Nodes[0].Flows[0].Flow, o.Window.Nodes[0].Flows[0].Class = node.Flow{Proto: "ether 0x88cc"}, ""
		}, []string{"unclassified"}),
	})
	blind := func(with func(*Flows)) claim.Observation {
		o := goodFlows()
		with(o)
		return o
	}
	claimtest.RequireUnseen(t, map[string]claim.Observation{
		"a node missing":  blind(func(o *Flows) { o.Window.Nodes = o.Window.Nodes[1:] }),
		"no packets":      blind(func(o *Flows) { o.Window.Nodes[3].Packets = 0 }),
		"dropped":         blind(func(o *Flows) { o.Window.Nodes[3].Dropped = 9 }),
		"a class missing": blind(func(o *Flows) { o.Classes = o.Classes[1:] }),
	})
}
