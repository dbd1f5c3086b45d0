package channel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/secure"
)

func goodChannel() *Channel {
	return &Channel{
		Dumps:  []Dump{{secure.ReplicationUser, "10.0.0.2", "SSL/TLS", "TLSv1.3", "TLS_AES_256_GCM_SHA384"}},
		Wanted: Wanted{"source.link", secure.ReplicationUser, "YES", "/etc/ndbproof/tls/ca.pem", "YES"},
	}
}

func TestChannel(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.ChannelTLSID), goodChannel, []claimtest.Broken[*Channel]{
		claimtest.Break("plain", func(o *Channel) { o.Dumps[0] = Dump{User: secure.ReplicationUser, Type: "TCP/IP"} }, []string{"plain"}),
		claimtest.Break("a second one, plain", func(o *Channel) { o.Dumps = append(o.Dumps, Dump{User: secure.ReplicationUser, Type: "TCP/IP"}) }, []string{"plain"}),
		claimtest.Break("old", func(o *Channel) { o.Dumps[0].Version = "TLSv1.1" }, []string{"old-protocol"}),
		claimtest.Break("no cipher", func(o *Channel) { o.Dumps[0].Cipher = "" }, []string{"no-cipher"}),
		claimtest.Break("another account", func(o *Channel) { o.Dumps[0].User = "root" }, []string{"other-account"}),
		claimtest.Break("not required", func(o *Channel) { o.Wanted.TLS = "NO" }, []string{"not-required"}),
		claimtest.Break("no CA", func(o *Channel) { o.Wanted.CA = "" }, []string{"no-ca"}),
		claimtest.Break("no check", func(o *Channel) { o.Wanted.Verify = "NO" }, []string{"unverified"}),
	})
}

// A channel that loses TLS keeps its account.
func TestWithoutTLS(t *testing.T) {
	require.Equal(t, secure.ReplicationUser, withoutTLS(secure.ChannelOptions{User: secure.ReplicationUser}).User)
}

func TestChannelWithoutPromiseOfIdentity(t *testing.T) {
	o := goodChannel()
	o.Wanted.CA, o.Wanted.Verify = "", "NO"
	p := secure.Weaken(secure.Published2021(), secure.UnverifiedChannel)
	require.Empty(t, claimOf(t, claim.ChannelTLSID).Judge(o, p, claimtest.Newest))
}
