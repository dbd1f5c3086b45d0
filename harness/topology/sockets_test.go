package topology_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestExpectedSockets(t *testing.T) {
	s := topology.Standard(topology.Source, release.MustParse("9.7.4"), vendor, secure.Seed2021())
	ports := map[topology.Role]int{topology.Mgmd: 1186, topology.Ndbmtd: 2202, topology.Mysqld: 3306}
	for _, n := range s.Nodes {
		want := s.ExpectedSockets(n)
		assert.Equal(t, topology.Socket{Proto: "tcp", Address: topology.AnyAddress, Port: ports[n.Role]}, want[0], n.Name)
		if n.Role == topology.Mysqld {
			assert.Equal(t, []topology.Socket{{Proto: "unix", Address: topology.SocketPath}}, want[1:])
		} else {
			assert.Len(t, want, 1, n.Name)
		}
	}
}

func TestSocketAdmits(t *testing.T) {
	mysql := topology.Socket{Proto: "tcp", Address: topology.AnyAddress, Port: 3306}
	socket := topology.Socket{Proto: "unix", Address: topology.SocketPath}
	for _, c := range []struct {
		want topology.Socket
		seen topology.Socket
		ok   bool
	}{
		{mysql, topology.Socket{Proto: "tcp", Address: "0.0.0.0", Port: 3306}, true},
		{mysql, topology.Socket{Proto: "tcp6", Address: "::", Port: 3306}, true},
		{mysql, topology.Socket{Proto: "tcp", Address: "172.18.0.4", Port: 3306}, true},
		{mysql, topology.Socket{Proto: "tcp", Address: "127.0.0.1", Port: 3306}, false},
		{mysql, topology.Socket{Proto: "tcp6", Address: "::ffff:127.0.0.1", Port: 3306}, false},
		{mysql, topology.Socket{Proto: "udp", Address: "0.0.0.0", Port: 3306}, false},
		{mysql, topology.Socket{Proto: "tcp", Address: "0.0.0.0", Port: 33060}, false},
		{mysql, topology.Socket{Proto: "tcp", Address: "nonsense", Port: 3306}, false},
		{mysql, socket, false},
		{socket, socket, true},
		{socket, topology.Socket{Proto: "unix", Address: "/tmp/mysqlx.sock"}, false},
	} {
		assert.Equal(t, c.ok, c.want.Admits(c.seen), "%v and %v", c.want, c.seen)
	}
}

func TestEmbeddedDNS(t *testing.T) {
	for s, want := range map[topology.Socket]bool{
		{Proto: "tcp", Address: "127.0.0.11", Port: 41234}:         true,
		{Proto: "udp", Address: "127.0.0.11", Port: 50000}:         true,
		{Proto: "tcp6", Address: "::ffff:127.0.0.11", Port: 41234}: true,
		{Proto: "tcp", Address: "127.0.0.1", Port: 41234}:          false,
		{Proto: "tcp", Address: "0.0.0.0", Port: 53}:               false,
		{Proto: "unix", Address: "127.0.0.11"}:                     false,
	} {
		assert.Equal(t, want, s.EmbeddedDNS(), "%v", s)
	}
}
