package traffic

import (
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// tlsFlow is a connection of MySQL's protocol as it should be.
func tlsFlow(client, server string) node.Flow {
	return node.Flow{
		Proto: "tcp", Client: client, Server: server, Begun: true,
		Up: node.Stream{Packets: 9, Segments: 7, Bytes: 900, Opens: wire.OpensSSLRequest, Records: 6},
		Down: node.Stream{
			Packets: 8, Segments: 7, Bytes: 3000, Opens: wire.OpensGreeting, Records: 7, TLSVersion: "TLSv1.3", CipherSuite: "TLS_AES_256_GCM_SHA384",
		},
	}
}

func clearFlow(client, server string, markers ...string) node.Flow {
	return node.Flow{
		Proto: "tcp", Client: client, Server: server,
		Up:   node.Stream{Packets: 9, Segments: 7, Bytes: 900, Unread: 900, Markers: markers},
		Down: node.Stream{Packets: 9, Segments: 7, Bytes: 900, Unread: 900},
	}
}

func nameFlow(client, server string) node.Flow {
	f := clearFlow(client, server)
	f.Begun, f.Up.Opens, f.Up.Clear, f.Up.Markers, f.Down.Opens = true, wire.OpensLogin, 400, []string{markerControl}, wire.OpensGreeting
	return f
}

// seenAt is a window over flows by the names of nodes, as "source sql".
func seenAt(flows map[string][]node.Flow) Window {
	w := Window{Addresses: claimtest.PairAddresses()}
	for _, side := range topology.Sides {
		for _, n := range []string{"mgm", "ndb1", "ndb2", "ndb3", "ndb4", "sql"} {
			fs, ok := flows[string(side)+" "+n]
			if !ok {
				continue
			}
			node := WindowNode{NodeRef: topology.NodeRef{Side: side, Node: n}, Packets: 100}
			for _, f := range fs {
				node.Flows = append(node.Flows, WindowFlow{Flow: f})
			}
			w.Nodes = append(w.Nodes, node)
		}
	}
	w.classify()
	return w
}

// wired is a pair whose capture sees what the observations above have.
func wired(t *testing.T) *claimtest.Pair {
	t.Helper()
	f := claimtest.NewPair(t, claimtest.Newest)
	f.CA = claimtest.NewAuthority(t).Leaf
	clients, channel, flows := goodClients(), goodChannel(), goodFlows()
	for i, side := range topology.Sides {
		port := map[topology.Side]string{topology.Source: "10.9.0.12:50001", topology.Replica: "10.2.3.1:50002"}[side]
		f.Servers[side].Answer("SHOW PROCESSLIST", "Id Host Command", []any{int64(7 + i), "10." + string(rune('1'+i)) + ".3.1:" + []string{"50001", "50002"}[i], "Query"},
			[]any{int64(20), port, "Binlog Dump"}, []any{int64(3), "localhost", "Daemon"})
		f.Servers[side].Answer("CONNECTION_ID()", "id marker", []any{int64(7 + i), "x"})
		f.Servers[side].Answer("SHOW SESSION STATUS", "Variable_name Value", []any{"Ssl_version", "TLSv1.3"}, []any{"Ssl_cipher", "TLS_AES_256_GCM_SHA384"})
	}
	f.Servers[topology.Source].Answer("status_by_thread", "name value", []any{"Ssl_version", "TLSv1.3"}, []any{"Ssl_cipher", "TLS_AES_256_GCM_SHA384"})
	f.OnLogin = func(_ topology.Side, l replication.Login) error {
		if l.TLS == replication.TLSOff {
			return &mysql.MySQLError{Number: replication.AccessDenied, Message: "Access denied"}
		}
		return nil
	}
	f.OnRun = func(_ topology.Side, c node.Command) (node.Output, error) {
		if c.Argv[0] == "ndb_mgm" {
			return node.Output{Stdout: "[ndbd(NDB)] 4 node(s)"}, nil
		}
		return node.Output{Exit: 1, Stderr: "ERROR 1045 (28000): Access denied"}, nil
	}
	f.OnIntrude = func(_ topology.Side, c node.Command) (node.Output, error) {
		if c.Argv[0] == "ndb_select_all" {
			return node.Output{Stdout: strings.Join(f.Markers, "\n")}, nil
		}
		return node.Output{Stdout: "[ndbd(NDB)] 4 node(s)"}, nil
	}
	f.OnCapture = func(at []topology.NodeRef, o node.CaptureOrder) ([]node.Captured, error) {
		w := channel.Window
		_, controls := o.Markers[markerControl]
		_, ofChannel := o.Markers["password of "+secure.ReplicationUser]
		switch {
		case len(at) > 2:
			w = flows.Window
		case controls:
			w = seenAt(map[string][]node.Flow{
				"source sql":  {nameFlow("10.9.0.12:50009", "10.9.0.11:3306"), nameFlow("10.1.3.1:50009", "10.1.3.2:3306")},
				"replica sql": {nameFlow("10.9.0.12:50009", "10.9.0.11:3306"), nameFlow("10.2.3.1:50009", "10.2.3.2:3306")},
			})
		case !ofChannel:
			w = clients.Window
		}
		var all []node.Captured
		for _, n := range w.Nodes {
			c := node.Captured{NodeRef: n.NodeRef, Packets: n.Packets, Headers: []byte("pcap")}
			for _, x := range n.Flows {
				c.Flows = append(c.Flows, x.Flow)
			}
			all = append(all, c)
		}
		return all, nil
	}
	return f
}
