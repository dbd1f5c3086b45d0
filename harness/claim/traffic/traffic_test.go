package traffic

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// claimOf finds a claim of this package.
func claimOf(t *testing.T, id string) claim.Claim {
	t.Helper()
	return claimtest.FindClaim(t, Claims(), id)
}

func TestGaps(t *testing.T) {
	o := goodFlows()
	says, open := rowsOnLinks(o)
	require.True(t, open)
	require.Equal(t, "a row committed in the window was read at 10 nodes, in flows mysqld-ndbmtd and ndbmtd-ndbmtd", says)
	each := func(f func(*node.Flow)) {
		for i := range o.Window.Nodes {
			for j := range o.Window.Nodes[i].Flows {
				f(&o.Window.Nodes[i].Flows[j].Flow)
			}
		}
	}
	each(func(f *node.Flow) { f.Up.Markers = nil })
	says, open = rowsOnLinks(o)
	require.True(t, open)
	require.Contains(t, says, "14 flows inside the clusters are without TLS")
	each(func(f *node.Flow) { f.Up.Records = 5 })
	_, open = rowsOnLinks(o)
	require.False(t, open)

	says, open = rowsForStrangers(o)
	require.True(t, open)
	require.Contains(t, says, "ndb_select_all prints rows of the replica")
	o.Strangers = []Stranger{{Side: topology.Source, Says: "Not Authorized: TLS Required"}}
	says, open = rowsForStrangers(o)
	require.False(t, open)
	require.Contains(t, says, "TLS Required")
	o.Strangers = append(o.Strangers, Stranger{Side: topology.Replica, Says: "Unable to connect with connect string"})
	says, open = rowsForStrangers(o)
	require.True(t, open, "who could not connect was not refused")
	require.Contains(t, says, "not looked at")
	o.Strangers = nil
	_, open = rowsForStrangers(o)
	require.True(t, open)
}

// pairFor gives a pair on which there is something to see for a claim.
func pairFor(t *testing.T, id string) *claimtest.Pair {
	t.Helper()
	if id != claim.TrafficSocketsID {
		return wired(t)
	}
	f := claimtest.NewRestingPair(t)
	f.OnSockets = func(topology.Side, string) ([]node.Socket, error) {
		return []node.Socket{{Proto: "tcp", Address: "0.0.0.0", Port: extraPort}}, nil
	}
	return f
}

func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	t.Setenv("PATH", "") // no openssl
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			claimtest.RequireUses(t, c, func() *claimtest.Pair { return pairFor(t, c.ID) })
		})
	}
}
