package traffic

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

func goodChannel() *Channel {
	dump := tlsFlow("10.9.0.12:50001", "10.9.0.11:3306")
	name := nameFlow("10.9.0.12:50009", "10.9.0.11:3306")
	return &Channel{
		Dumps:   []Known{{topology.Source, 50001, "TLSv1.3", "TLS_AES_256_GCM_SHA384"}},
		Window:  seenAt(map[string][]node.Flow{"source sql": {dump}, "replica sql": {dump}}),
		Control: Control{Answer: "denied", Window: seenAt(map[string][]node.Flow{"source sql": {name}, "replica sql": {name}})},
	}
}

func TestChannel(t *testing.T) {
	at := func(o *Channel) *WindowFlow { return &o.Window.Nodes[1].Flows[0] }
	claimtest.RequireJudges(t, claimOf(t, claim.TrafficChannelID), goodChannel, []claimtest.Broken[*Channel]{
		claimtest.Break("plain", func(o *Channel) {
			at(o).Up.Opens, at(o).Up.Clear, o.Dumps[0].Version, o.Dumps[0].Cipher = wire.OpensLogin, 300, "", ""
		}, []string{"plain"}),
		claimtest.Break("old", func(o *Channel) { at(o).Down.TLSVersion = "0x0300" }, []string{"disagrees", "old-protocol"}),
		claimtest.Break("weak", func(o *Channel) { at(o).Down.CipherSuite = "0x00FF" }, []string{"disagrees", "weak-suite"}),
		claimtest.Break("password", func(o *Channel) { at(o).Up.Markers = []string{"password of user1"} }, []string{"marker"}),
	})
	blind := func(with func(*Channel)) claim.Observation {
		o := goodChannel()
		with(o)
		return o
	}
	claimtest.RequireUnseen(t, map[string]claim.Observation{
		"no channel":         blind(func(o *Channel) { o.Dumps = nil }),
		"seen at one end":    blind(func(o *Channel) { o.Window.Nodes[1].Flows = nil }),
		"no event":           blind(func(o *Channel) { at(o).Down.Bytes = 0 }),
		"not from its start": blind(func(o *Channel) { at(o).Begun = false }),
		"control unseen":     blind(func(o *Channel) { o.Control.Window.Nodes[0].Flows = nil }),
	})
}

// The receiver is started again, whatever goes wrong.
func TestReceiverAgain(t *testing.T) {
	f := claimtest.NewPair(t, claimtest.Newest)
	f.Servers[topology.Replica].Fail("STOP REPLICA", errors.New("no"))
	require.ErrorContains(t, receiverAgain(t.Context(), f.Subject(), "mark"), "no")
	require.Contains(t, f.Servers[topology.Replica].Heard, "START REPLICA IO_THREAD")
}
