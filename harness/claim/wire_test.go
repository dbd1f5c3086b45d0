package claim

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

func goodWireClients() *WireClients {
	old := tlsFlow("10.1.3.1:40000", "10.1.3.2:3306")
	old.Begun, old.Up.Opens, old.Down.Opens, old.Down.TLSVersion, old.Down.CipherSuite = false, "", "", "", ""
	return &WireClients{
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

func TestWireClients(t *testing.T) {
	first := func(o *WireClients) *WindowFlow { return &o.Window.Nodes[0].Flows[0] }
	second := func(o *WireClients) *WindowFlow { return &o.Window.Nodes[0].Flows[1] }
	judges(t, wireClientID, goodWireClients, []broken[*WireClients]{
		{"login in clear", func(o *WireClients) {
			o.Window.Nodes[0].Flows = append(o.Window.Nodes[0].Flows, WindowFlow{wire.ClientMysqld, nameFlow("10.1.3.1:1", "10.1.3.2:3306")})
		}, []string{"marker", "plain"}},
		{"clear after TLS", func(o *WireClients) { first(o).Down.Clear = 12 }, []string{"plain"}},
		{"old connection in clear", func(o *WireClients) { second(o).Up.Records = 0 }, []string{"plain"}},
		{"old version", func(o *WireClients) { first(o).Down.TLSVersion = "TLSv1.1" }, []string{"disagrees", "old-protocol"}},
		{"weak suite", func(o *WireClients) {
			first(o).Down.TLSVersion, first(o).Down.CipherSuite = "TLSv1.2", "TLS_RSA_WITH_RC4_128_SHA"
			o.Clients[0].Version, o.Clients[0].Cipher = "TLSv1.2", "RC4-SHA"
		}, []string{"disagrees", "weak-suite"}},
		{"marker", func(o *WireClients) { second(o).Down.Markers = []string{markerRow} }, []string{"marker"}},
		{"another session than the server's", func(o *WireClients) { o.Clients[1].Cipher = "TLS_AES_128_GCM_SHA256" }, []string{"disagrees"}},
	})
	blind := func(with func(*WireClients)) Observation {
		o := goodWireClients()
		with(o)
		return o
	}
	unseen(t, map[string]Observation{
		"no packets":      blind(func(o *WireClients) { o.Window.Nodes[1].Packets = 0 }),
		"dropped":         blind(func(o *WireClients) { o.Window.Nodes[1].Dropped = 1 }),
		"missed":          blind(func(o *WireClients) { second(o).Down.Missed = 1 }),
		"not its client":  blind(func(o *WireClients) { o.Clients[0].Port = 1 }),
		"not its opening": blind(func(o *WireClients) { first(o).Begun = false }),
		"control unseen":  blind(func(o *WireClients) { o.Control.Window.Nodes[1].Flows[0].Up.Markers = nil }),
		"control blind":   blind(func(o *WireClients) { o.Control.Window.Nodes[1].Packets = 0 }),
		"openssl differs": blind(func(o *WireClients) { o.Second = SecondOpinion{Asked: true, Differs: "version"} }),
	})
	n, _ := blind(func(o *WireClients) { o.Second = SecondOpinion{Unless: "no openssl", Differs: "x"} }).Seen()
	require.Equal(t, 3, n)
}

func goodWireChannel() *WireChannel {
	dump := tlsFlow("10.9.0.12:50001", "10.9.0.11:3306")
	name := nameFlow("10.9.0.12:50009", "10.9.0.11:3306")
	return &WireChannel{
		Dumps:   []Known{{topology.Source, 50001, "TLSv1.3", "TLS_AES_256_GCM_SHA384"}},
		Window:  seenAt(map[string][]node.Flow{"source sql": {dump}, "replica sql": {dump}}),
		Control: Control{Answer: "denied", Window: seenAt(map[string][]node.Flow{"source sql": {name}, "replica sql": {name}})},
	}
}

func TestWireChannel(t *testing.T) {
	at := func(o *WireChannel) *WindowFlow { return &o.Window.Nodes[1].Flows[0] }
	judges(t, wireChannelID, goodWireChannel, []broken[*WireChannel]{
		{"plain", func(o *WireChannel) {
			at(o).Up.Opens, at(o).Up.Clear, o.Dumps[0].Version, o.Dumps[0].Cipher = wire.OpensLogin, 300, "", ""
		}, []string{"plain"}},
		{"old", func(o *WireChannel) { at(o).Down.TLSVersion = "0x0300" }, []string{"disagrees", "old-protocol"}},
		{"weak", func(o *WireChannel) { at(o).Down.CipherSuite = "0x00FF" }, []string{"disagrees", "weak-suite"}},
		{"password", func(o *WireChannel) { at(o).Up.Markers = []string{"password of user1"} }, []string{"marker"}},
	})
	blind := func(with func(*WireChannel)) Observation {
		o := goodWireChannel()
		with(o)
		return o
	}
	unseen(t, map[string]Observation{
		"no channel":         blind(func(o *WireChannel) { o.Dumps = nil }),
		"seen at one end":    blind(func(o *WireChannel) { o.Window.Nodes[1].Flows = nil }),
		"no event":           blind(func(o *WireChannel) { at(o).Down.Bytes = 0 }),
		"not from its start": blind(func(o *WireChannel) { at(o).Begun = false }),
		"control unseen":     blind(func(o *WireChannel) { o.Control.Window.Nodes[0].Flows = nil }),
	})
}

func goodWireFlows() *WireFlows {
	o := &WireFlows{}
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

func TestWireFlows(t *testing.T) {
	stray := func(client, server string) func(*WireFlows) {
		return func(o *WireFlows) {
			o.Window.Nodes[2].Flows = append(o.Window.Nodes[2].Flows, WindowFlow{Flow: clearFlow(client, server)})
			o.Window.classify()
		}
	}
	judges(t, wireFlowsID, goodWireFlows, []broken[*WireFlows]{
		{"port", stray("10.9.0.12:50001", "10.9.0.11:4444"), []string{"unclassified"}},
		{"stranger", stray("10.1.1.99:50001", "10.1.1.2:1186"), []string{"unclassified"}},
		{"nothing known", func(o *WireFlows) {
			o.Window.Nodes[0].Flows[0].Flow, o.Window.Nodes[0].Flows[0].Class = node.Flow{Proto: "ether 0x88cc"}, ""
		}, []string{"unclassified"}},
	})
	blind := func(with func(*WireFlows)) Observation {
		o := goodWireFlows()
		with(o)
		return o
	}
	unseen(t, map[string]Observation{
		"a node missing":  blind(func(o *WireFlows) { o.Window.Nodes = o.Window.Nodes[1:] }),
		"no packets":      blind(func(o *WireFlows) { o.Window.Nodes[3].Packets = 0 }),
		"dropped":         blind(func(o *WireFlows) { o.Window.Nodes[3].Dropped = 9 }),
		"a class missing": blind(func(o *WireFlows) { o.Classes = o.Classes[1:] }),
	})
}

func TestWireLook(t *testing.T) {
	t.Setenv("PATH", "") // no openssl
	for _, id := range []string{wireClientID, wireChannelID, wireFlowsID} {
		t.Run(id, func(t *testing.T) {
			f, dir := wired(t), evidence.At(t.TempDir())
			held(t, Run(t.Context(), byID(t, id), f.subject(), dir, secure.Seed2021()))
			kept, err := os.ReadFile(dir.Path("claims/" + id + "/source-sql.pcap"))
			require.NoError(t, err)
			require.Equal(t, "pcap", string(kept))
		})
	}
}

func TestWireCannotLook(t *testing.T) {
	t.Setenv("PATH", "")
	for _, id := range []string{wireClientID, wireChannelID, wireFlowsID} {
		t.Run(id, func(t *testing.T) {
			f := wired(t)
			f.capture = nil
			o := Run(t.Context(), byID(t, id), f.subject(), evidence.At(t.TempDir()), secure.Seed2021())
			require.Equal(t, NotLooked, o.Status)
			require.Contains(t, o.Reason, "operation not permitted")

			f = wired(t)
			f.behind = errors.New("the replica lags")
			o = Run(t.Context(), byID(t, id), f.subject(), evidence.At(t.TempDir()), secure.Seed2021())
			if id != wireClientID {
				require.Equal(t, NotLooked, o.Status)
				require.Contains(t, o.Reason, "the replica lags")
			}
		})
	}
}

// The receiver is started again, whatever goes wrong.
func TestReceiverAgain(t *testing.T) {
	f := newFake(t, newest)
	f.servers[topology.Replica].fails("STOP REPLICA", errors.New("no"))
	require.ErrorContains(t, receiverAgain(t.Context(), f.subject(), "mark"), "no")
	require.Contains(t, f.servers[topology.Replica].heard, "START REPLICA IO_THREAD")
}

func TestGapsOfTheWire(t *testing.T) {
	o := goodWireFlows()
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

	_, open = channelUnverified(&Channel{Wanted: Wanted{TLS: "YES", CA: "/ca.pem", Verify: "YES"}})
	require.False(t, open)
	_, open = channelUnverified(&Channel{Wanted: Wanted{TLS: "YES", CA: "/ca.pem", Verify: "NO"}})
	require.True(t, open)

	account := func(host string) *Accounts {
		return &Accounts{[]ServerAccounts{{Side: topology.Source, Accounts: []Account{{User: secure.ReplicationUser, Host: host}}}}}
	}
	_, open = accountFromAnywhere(account("%"))
	require.True(t, open)
	_, open = accountFromAnywhere(account("10.9.0.12"))
	require.False(t, open)
	_, open = accountFromAnywhere(&Accounts{})
	require.True(t, open)

	_, open = rowsForReader(&RemoteRead{Found: true})
	require.True(t, open)
	_, open = rowsForReader(&RemoteRead{Exit: 1, Stderr: "denied"})
	require.False(t, open)

	_, open = contentsCompared(&Contents{})
	require.True(t, open)
}

func TestRepeat(t *testing.T) {
	b := newFake(t, newest).bench()
	times := make(chan int, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	undo, err := repeat("counting", func(context.Context, Bench) error { times <- 1; return nil })(ctx, b)
	require.NoError(t, err)
	cancel() // the context of Do, after which the sabotage goes on
	<-times
	<-times
	require.NoError(t, undo(t.Context()))

	undo, err = repeat("failing", func(context.Context, Bench) error { return sql.ErrConnDone })(t.Context(), b)
	require.ErrorIs(t, err, sql.ErrConnDone)
	require.NoError(t, undo(t.Context()), "there is nothing to stop")
}

func TestOpenSSLNames(t *testing.T) {
	for iana, want := range map[string]string{
		"TLS_AES_128_GCM_SHA256":                      "TLS_AES_128_GCM_SHA256",
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256":       "ECDHE-RSA-AES128-GCM-SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384":     "ECDHE-ECDSA-AES256-GCM-SHA384",
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
		"TLS_RSA_WITH_AES_128_GCM_SHA256":             "AES128-GCM-SHA256",
		"0x00FF":                                      "0x00FF",
	} {
		require.Equal(t, want, openssl(iana))
	}
}

func TestParseOpenSSL(t *testing.T) {
	a := authority(t)
	leaf := pemOf(issued(t, a, "source.link").Leaf)
	said := "Certificate chain\n 0 s:CN = source.link\n" + leaf + " 1 s:CN = ca\n" + pemOf(a.Leaf) +
		"---\nServer certificate\n" + leaf + "subject=CN = source.link\n---\nNew, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256\nServer public key is 2048 bit\n"
	ours := Agreed{"TLSv1.3", "TLS_AES_128_GCM_SHA256", []string{leaf, pemOf(a.Leaf)}}
	got := parseOpenSSL([]byte(said))
	require.Equal(t, ours, got)
	require.Empty(t, ours.differs(got))

	require.Contains(t, ours.differs(Agreed{"TLSv1.2", ours.Suite, ours.Chain}), "version")
	require.Contains(t, ours.differs(Agreed{ours.Version, "other", ours.Chain}), "suite")
	require.Contains(t, ours.differs(Agreed{ours.Version, ours.Suite, ours.Chain[:1]}), "chain")
	require.Contains(t, ours.differs(parseOpenSSL([]byte("no such protocol"))), "version")

	require.True(t, slices.Contains(opensslArgs("127.0.0.1:1", "ca.pem", "source.link", ours), "-ciphersuites"))
	require.True(t, slices.Contains(opensslArgs("127.0.0.1:1", "ca.pem", "source.link", Agreed{Version: "TLSv1.2"}), "-cipher"))
}
