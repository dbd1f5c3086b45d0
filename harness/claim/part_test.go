package claim

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/golden"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// TestParts fixes which claims can be looked for with what is given.
func TestParts(t *testing.T) {
	var b strings.Builder
	const network, sql = PartNetwork | PartKeys, PartNetwork | PartSQL | PartKeys
	for _, set := range []struct {
		name string
		has  Part
	}{{"all", AllParts}, {"sql", sql}, {"sql and files", sql | PartFiles}, {"network", network}} {
		can := ForParts(secure.Seed2021(), set.has)
		fmt.Fprintf(&b, "%s (%s): %d of %d claims\n", set.name, set.has, len(can), len(All()))
		for _, c := range All() {
			line := "  " + c.ID
			if err := c.CannotLook(set.has); err != nil {
				line = fmt.Sprintf("  %-22s  %v", c.ID, err)
			}
			require.Equal(t, c.CannotLook(set.has) == nil, slices.ContainsFunc(can, func(x Claim) bool { return x.ID == c.ID }))
			fmt.Fprintln(&b, line)
		}
	}
	golden.Equal(t, "testdata/parts.golden", b.String())
	require.True(t, slices.ContainsFunc(ForParts(secure.Seed2021(), network), func(c Claim) bool { return c.ID == certificatesID }))
	require.Len(t, ForParts(secure.Seed2021(), AllParts), len(For(secure.Seed2021())))
	require.Empty(t, ForParts(secure.Seed2021(), 0), "a claim that uses nothing cannot see anything")
}

func TestPartsOfASubject(t *testing.T) {
	f := newFake(t, newest)
	require.Equal(t, "network, sql, keys, files, host, wire, disks, writers", AllParts.String())
	require.Equal(t, AllParts, f.subject().Parts())
	require.Zero(t, Subject{Spec: f.Spec}.Parts())
	require.Zero(t, Subject{Spec: f.Spec, Channel: replication.NewChannel(nil, nil, f.Password("", ""))}.Parts())
	for i := range len(partNames) {
		one := Part(1 << i)
		require.Equal(t, one, only(f.subject(), one).Parts(), one)
		require.Equal(t, AllParts&^one, only(f.subject(), AllParts&^one).Parts(), one)
	}
}

// only strips a subject of all parts but some.
func only(s Subject, keep Part) Subject {
	o := Subject{Spec: s.Spec}
	if keep&(PartNetwork|PartSQL) != 0 {
		server := func(side topology.Side) *replication.Server {
			x := *s.Server(side)
			if keep&PartNetwork == 0 {
				x.Dial = nil
			}
			if keep&PartSQL == 0 {
				x.DB, x.Login = nil, nil
			}
			return &x
		}
		o.Channel = replication.NewChannel(server(topology.Source), server(topology.Replica), s.Channel.Password)
	}
	for part, set := range map[Part]func(){
		PartKeys: func() { o.Keys = s.Keys }, PartFiles: func() { o.Files = s.Files }, PartHost: func() { o.Host = s.Host },
		PartWire: func() { o.Wire = s.Wire }, PartDisks: func() { o.Disks = s.Disks }, PartWriters: func() { o.Writers = s.Writers },
	} {
		if keep&part != 0 {
			set()
		}
	}
	return o
}

// pairFor gives a pair on which there is something to see for a claim.
func pairFor(t *testing.T, id string) *fake {
	t.Helper()
	switch id {
	case certificatesID:
		ours := authority(t)
		certs := map[topology.Side]secure.Certificate{topology.Source: issued(t, ours, "source.link"), topology.Replica: issued(t, ours, "replica.link")}
		f := newFake(t, newest)
		f.ca, f.leaves = ours.Leaf, map[topology.Side]*x509.Certificate{}
		for side, c := range certs {
			f.leaves[side] = c.Leaf
		}
		f.dial = func(side topology.Side) (net.Conn, error) {
			c := certs[side]
			return serving(t, &c), nil
		}
		return f
	case refusalsID:
		return refusing(t)
	case privilegesID:
		return privileged(t)
	case wireClientID, wireChannelID, wireFlowsID:
		return wired(t)
	}
	f := resting(t)
	source, replica := f.servers[topology.Source], f.servers[topology.Replica]
	switch id {
	case accountsID:
		for _, s := range f.servers {
			s.on("FROM mysql.user", "User Host plugin no_password ssl_type account_locked", []any{"mallory", "%", "caching_sha2_password", "0", "", "N"})
		}
	case socketsID:
		f.sockets = func(topology.Side, string) ([]node.Socket, error) {
			return []node.Socket{{Proto: "tcp", Address: "0.0.0.0", Port: extraPort}}, nil
		}
	case channelID:
		source.on("PROCESSLIST_COMMAND LIKE 'Binlog Dump%'", "user host type version cipher", []any{secure.ReplicationUser, "replica.link", "TCP/IP", "", ""})
		replica.on("replication_connection_configuration", "HOST USER SSL_ALLOWED SSL_CA_FILE SSL_VERIFY_SERVER_CERTIFICATE", []any{"source.link", "user1", "YES", "", "NO"})
	case plainChannelID:
		f.marked = func() { f.status("Connecting", "No", errInsecure, replication.Position{}) }
	case loggedID:
		source.on("FROM information_schema.tables t", "name blob", []any{"test1.t1", "1"})
		source.on("ndb_log_bin", "value", []any{"ON"})
	}
	return f
}

// A claim sees the same when all parts that it does not declare are gone: what it
// declares is what it uses.
func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	t.Setenv("PATH", "") // no openssl
	for _, c := range All() {
		t.Run(c.ID, func(t *testing.T) {
			look := func(s Subject) Outcome {
				o := Run(t.Context(), c, s, evidence.At(t.TempDir()), secure.Seed2021())
				o.Seconds = 0
				return o
			}
			all, bare := look(pairFor(t, c.ID).subject()), look(only(pairFor(t, c.ID).subject(), c.Uses))
			if c.ID == parityID { // the fake servers of this package cannot be compared
				for _, o := range []Outcome{all, bare} {
					require.Equal(t, NotLooked, o.Status)
					require.Contains(t, o.Reason, "prepare a session on the ") // of either side
				}
				return
			}
			require.Equal(t, all, bare)
			require.Contains(t, []Status{Held, Violated}, all.Status, all.Reason)
		})
	}
}

// Where a part is missing the claim is not looked at, and says for what.
func TestMissingPartIsNotLooked(t *testing.T) {
	for _, c := range All() {
		require.NotZero(t, c.Uses, c.ID)
		c.Look = func(context.Context, Subject, *evidence.Dir) (Observation, error) {
			require.Fail(t, "looked", c.ID)
			return nil, nil
		}
		for i, name := range partNames {
			if part := Part(1 << i); c.Uses&part != 0 {
				o := Run(t.Context(), c, only(newFake(t, newest).subject(), AllParts&^part), evidence.At(t.TempDir()), secure.Seed2021())
				require.Equal(t, NotLooked, o.Status, c.ID)
				require.Equal(t, "cannot look here: needs "+name, o.Reason, c.ID)
				require.Empty(t, o.Evidence)
			}
		}
		o := Run(t.Context(), c, Subject{Spec: newFake(t, newest).Spec}, evidence.At(t.TempDir()), secure.Seed2021())
		require.Equal(t, "cannot look here: needs "+c.Uses.String(), o.Reason, c.ID)
	}
}
