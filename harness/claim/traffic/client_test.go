package traffic

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

func goodClients() *Clients {
	old := tlsFlow("10.1.3.1:40000", "10.1.3.2:3306")
	old.Begun, old.Up.Opens, old.Down.Opens, old.Down.TLSVersion, old.Down.CipherSuite = false, "", "", "", ""
	return &Clients{
		Clients: []Known{
			{topology.Source, 50001, "TLSv1.3", "TLS_AES_256_GCM_SHA384"}, {topology.Replica, 50002, "TLSv1.3", "TLS_AES_256_GCM_SHA384"},
		},
		Window: seenAt(map[string][]node.Flow{
			"source sql":  {tlsFlow("10.1.3.1:50001", "10.1.3.2:3306"), old},
			"replica sql": {tlsFlow("10.2.3.1:50002", "10.2.3.2:3306")},
		}),
		Control: Control{Answer: "denied", Window: seenAt(map[string][]node.Flow{
			"source sql": {nameFlow("10.1.3.1:50009", "10.1.3.2:3306")}, "replica sql": {nameFlow("10.2.3.1:50009", "10.2.3.2:3306")},
		})},
	}
}

func TestClients(t *testing.T) {
	first := func(o *Clients) *WindowFlow { return &o.Window.Nodes[0].Flows[0] }
	second := func(o *Clients) *WindowFlow { return &o.Window.Nodes[0].Flows[1] }
	claimtest.RequireJudges(t, claimOf(t, claim.TrafficClientID), goodClients, []claimtest.Broken[*Clients]{
		claimtest.Break("login in clear", func(o *Clients) {
			o.Window.Nodes[0].Flows = append(o.Window.Nodes[0].Flows, WindowFlow{wire.ClientMysqld, nameFlow("10.1.3.1:1", "10.1.3.2:3306")})
		}, []string{"marker", "plain"}),
		claimtest.Break("clear after TLS", func(o *Clients) { first(o).Down.Clear = 12 }, []string{"plain"}),
		claimtest.Break("old connection in clear", func(o *Clients) { second(o).Up.Records = 0 }, []string{"plain"}),
		claimtest.Break("old version", func(o *Clients) { first(o).Down.TLSVersion = "TLSv1.1" }, []string{"disagrees", "old-protocol"}),
		claimtest.Break("weak suite", func(o *Clients) {
			first(o).Down.TLSVersion, first(o).Down.CipherSuite = "TLSv1.2", "TLS_RSA_WITH_RC4_128_SHA"
			o.Clients[0].Version, o.Clients[0].Cipher = "TLSv1.2", "RC4-SHA"
		}, []string{"disagrees", "weak-suite"}),
		claimtest.Break("marker", func(o *Clients) { second(o).Down.Markers = []string{markerRow} }, []string{"marker"}),
		claimtest.Break("another session than the server's", func(o *Clients) { o.Clients[1].Cipher = "TLS_AES_128_GCM_SHA256" }, []string{"disagrees"}),
	})
	blind := func(with func(*Clients)) claim.Observation {
		o := goodClients()
		with(o)
		return o
	}
	claimtest.RequireUnseen(t, map[string]claim.Observation{
		"no packets":      blind(func(o *Clients) { o.Window.Nodes[1].Packets = 0 }),
		"dropped":         blind(func(o *Clients) { o.Window.Nodes[1].Dropped = 1 }),
		"missed":          blind(func(o *Clients) { second(o).Down.Missed = 1 }),
		"not its client":  blind(func(o *Clients) { o.Clients[0].Port = 1 }),
		"not its opening": blind(func(o *Clients) { first(o).Begun = false }),
		"control unseen":  blind(func(o *Clients) { o.Control.Window.Nodes[1].Flows[0].Up.Markers = nil }),
		"control blind":   blind(func(o *Clients) { o.Control.Window.Nodes[1].Packets = 0 }),
		"openssl differs": blind(func(o *Clients) { o.Second = SecondOpinion{Asked: true, Differs: "version"} }),
	})
	n, _ := blind(func(o *Clients) { o.Second = SecondOpinion{Unless: "no openssl", Differs: "x"} }).Seen()
	require.Equal(t, 3, n)
}
