package cluster

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// saying gives the address of a listener that writes b to every connection, and
// closes it.
func saying(t *testing.T, b []byte) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write(b)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// standing is a cluster of which nothing runs.
func standing(t *testing.T) *Cluster {
	t.Helper()
	spec := topology.Standard(topology.Source, release.MustParse("9.7.4"), release.Layout{Bin: "/b", Sbin: "/b", Plugin: "/p"}, secure.Published2021())
	keys, err := NewKeys(&secret.Set{}, spec)
	require.NoError(t, err)
	c := &Cluster{Spec: spec, Side: topology.Source, options: Options{Keys: keys}}
	for _, n := range spec.Nodes {
		c.Nodes = append(c.Nodes, &Node{Node: n, Side: topology.Source, spec: spec, cluster: c})
	}
	c.Server = c.sql().server()
	return c
}

// A pool goes on at the port that its server has after a restart.
func TestLoginsFollowTheDoor(t *testing.T) {
	c := standing(t)
	cfg, err := c.Server.Config(replication.Login{User: "user1", TLS: replication.TLSOff})
	require.NoError(t, err)
	_, err = cfg.DialFunc(t.Context(), "tcp", cfg.Addr)
	require.ErrorContains(t, err, "reach source sql: its port is not known yet")
	for _, says := range []string{"before the restart", "after it"} {
		door := saying(t, []byte(says))
		c.sql().way.Store(&door)
		conn, err := cfg.DialFunc(t.Context(), "tcp", cfg.Addr)
		require.NoError(t, err)
		heard, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, says, string(heard))
		require.NoError(t, conn.Close())
	}
}

func TestOurs(t *testing.T) {
	assert.True(t, ours("127.0.0.1"))
	assert.False(t, ours(""))
	assert.False(t, ours("192.0.2.1"), "an address for documentation only")
}
