package traffic

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestExpectedSockets(t *testing.T) {
	s := topology.Standard(topology.Source, release.MustParse("9.7.4"), release.Layout{}, secure.Published2021())
	ports := map[topology.Role]int{topology.Mgmd: 1186, topology.Ndbmtd: 2202, topology.Mysqld: 3306}
	for _, n := range s.Nodes {
		want := expectedSockets(s.Profile, n.Role)
		assert.Equal(t, node.Socket{Proto: "tcp", Address: AnyAddress, Port: ports[n.Role]}, want[0], n.Name)
		if n.Role == topology.Mysqld {
			assert.Equal(t, []node.Socket{{Proto: "unix", Address: topology.SocketPath}}, want[1:])
		} else {
			assert.Len(t, want, 1, n.Name)
		}
	}
}

func TestSocketAdmits(t *testing.T) {
	mysql := node.Socket{Proto: "tcp", Address: AnyAddress, Port: 3306}
	socket := node.Socket{Proto: "unix", Address: topology.SocketPath}
	for _, c := range []struct {
		want node.Socket
		seen node.Socket
		ok   bool
	}{
		{mysql, node.Socket{Proto: "tcp", Address: "0.0.0.0", Port: 3306}, true},
		{mysql, node.Socket{Proto: "tcp6", Address: "::", Port: 3306}, true},
		{mysql, node.Socket{Proto: "tcp", Address: "172.18.0.4", Port: 3306}, true},
		{mysql, node.Socket{Proto: "tcp", Address: "127.0.0.1", Port: 3306}, false},
		{mysql, node.Socket{Proto: "tcp6", Address: "::ffff:127.0.0.1", Port: 3306}, false},
		{mysql, node.Socket{Proto: "udp", Address: "0.0.0.0", Port: 3306}, false},
		{mysql, node.Socket{Proto: "tcp", Address: "0.0.0.0", Port: 33060}, false},
		{mysql, node.Socket{Proto: "tcp", Address: "nonsense", Port: 3306}, false},
		{mysql, socket, false},
		{socket, socket, true},
		{socket, node.Socket{Proto: "unix", Address: "/tmp/mysqlx.sock"}, false},
	} {
		assert.Equal(t, c.ok, admits(c.want, c.seen), "%v and %v", c.want, c.seen)
	}
}

func goodSockets() *Sockets {
	mysqld := node.Socket{Proto: "tcp6", Address: "::", Port: 3306}
	return &Sockets{[]NodeSockets{{
		Side: topology.Source, Node: "sql", Role: topology.Mysqld,
		Listens: []node.Socket{mysqld, {Proto: "unix", Address: topology.SocketPath}, {Proto: "tcp", Address: "127.0.0.11", Port: 41234}},
	}}}
}

func TestSockets(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.TrafficSocketsID), goodSockets, []claimtest.Broken[*Sockets]{
		claimtest.Break("another port", func(o *Sockets) {
			o.Nodes[0].Listens = append(o.Nodes[0].Listens, node.Socket{Proto: "tcp", Address: "0.0.0.0", Port: 4444})
		}, []string{"unexpected"}),
		claimtest.Break("another protocol", func(o *Sockets) {
			o.Nodes[0].Listens = append(o.Nodes[0].Listens, node.Socket{Proto: "udp", Address: "0.0.0.0", Port: 3306})
		}, []string{"unexpected"}),
		claimtest.Break("missing", func(o *Sockets) { o.Nodes[0].Listens = o.Nodes[0].Listens[1:] }, []string{"missing"}),
	})
	none := goodSockets()
	none.Nodes = append(none.Nodes, NodeSockets{Side: topology.Replica, Node: "ndb1"})
	claimtest.RequireUnseen(t, map[string]claim.Observation{"a node without a socket": none})
}
