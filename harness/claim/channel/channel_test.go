package channel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// claimOf finds a claim of this package.
func claimOf(t *testing.T, id string) claim.Claim {
	t.Helper()
	return claimtest.FindClaim(t, Claims(), id)
}

func TestGaps(t *testing.T) {
	_, open := channelUnverified(&Channel{Wanted: Wanted{TLS: "YES", CA: "/ca.pem", Verify: "YES"}})
	require.False(t, open)
	_, open = channelUnverified(&Channel{Wanted: Wanted{TLS: "YES", CA: "/ca.pem", Verify: "NO"}})
	require.True(t, open)
}

// pairFor gives a pair on which there is something to see for a claim.
func pairFor(t *testing.T, id string) *claimtest.Pair {
	t.Helper()
	f := claimtest.NewRestingPair(t)
	source, replica := f.Servers[topology.Source], f.Servers[topology.Replica]
	switch id {
	case claim.ChannelCertificatesID:
		return presenting(t)
	case claim.ChannelTLSID:
		source.Answer("PROCESSLIST_COMMAND LIKE 'Binlog Dump%'", "user host type version cipher", []any{secure.ReplicationUser, "replica.link", "TCP/IP", "", ""})
		replica.Answer("replication_connection_configuration", "HOST USER SSL_ALLOWED SSL_CA_FILE SSL_VERIFY_SERVER_CERTIFICATE", []any{"source.link", "user1", "YES", "", "NO"})
	case claim.ChannelPlainID:
		f.OnMark = func() { f.SetStatus("Connecting", "No", replication.SecureTransportRequired, replication.Position{}) }
	}
	return f
}

func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			claimtest.RequireUses(t, c, func() *claimtest.Pair { return pairFor(t, c.ID) })
		})
	}
}
