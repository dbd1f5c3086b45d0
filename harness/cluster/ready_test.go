package cluster

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// saying gives the address of a listener that writes b to whoever comes, and
// hangs up.
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

// at gives what reaches an address.
func at(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
}

func TestGreeted(t *testing.T) {
	refusal := func(code int) []byte {
		return append([]byte{70, 0, 0, 0, 0xff, byte(code), byte(code >> 8)}, "#HY000Host is not allowed"...)
	}
	for name, c := range map[string]struct {
		says []byte
		want string // "": greeted
	}{
		"a greeting":                 {append([]byte{74, 0, 0, 0, 10}, "9.7.4-cluster\x00"...), ""},
		"no account for this host":   {refusal(1130), ""},
		"too many connections":       {refusal(1040), "refused at 127.0.0.1:"},
		"nothing: the engine's door": {nil, "no greeting at 127.0.0.1:"},
		"less than a packet's head":  {[]byte{74, 0}, "no greeting at 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := greeted(t.Context(), at(saying(t, c.says)))
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
	assert.ErrorContains(t, greeted(t.Context(), at(saying(t, refusal(1040)))), "with error 1040")

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	assert.Error(t, greeted(t.Context(), at(l.Addr().String())), "nobody listens")
}

// standing is a cluster of which nothing runs.
func standing(t *testing.T) *Cluster {
	t.Helper()
	spec := topology.Standard(topology.Source, release.MustParse("9.7.4"), release.Layout{Bin: "/b", Sbin: "/b", Plugin: "/p"}, secure.Seed2021())
	keys, err := NewKeys(&secret.Set{}, spec)
	require.NoError(t, err)
	c := &Cluster{Spec: spec, Side: topology.Source, options: Options{Keys: keys}}
	for _, n := range spec.Nodes {
		c.Nodes = append(c.Nodes, &Node{Node: n, Side: topology.Source, spec: spec, cluster: c})
	}
	return c
}

func TestConfigOfALogin(t *testing.T) {
	c := standing(t)
	password := secret.New()
	cfg, err := c.sql().driver(replication.Login{User: "user1", Password: password, Database: "test1", TLS: replication.TLSVerify})
	require.NoError(t, err)
	assert.Equal(t, "user1", cfg.User)
	assert.Equal(t, password.Reveal(), cfg.Passwd)
	assert.Equal(t, "test1", cfg.DBName)
	require.NotNil(t, cfg.TLS)
	assert.False(t, cfg.TLS.InsecureSkipVerify)
	assert.Equal(t, "127.0.0.1", cfg.TLS.ServerName)
	assert.True(t, cfg.TLS.RootCAs.Equal(c.options.Keys.Authority.Pool()), "the run's own CA, and no other")
	assert.EqualValues(t, tls.VersionTLS12, cfg.TLS.MinVersion)

	cfg, err = c.sql().driver(replication.Login{User: "user1", TLS: replication.TLSOff})
	require.NoError(t, err)
	assert.Nil(t, cfg.TLS)

	var none replication.Login
	_, err = c.sql().driver(none)
	assert.ErrorContains(t, err, "log in to source sql: no tls mode given", "plain text must be asked for")
}

// A pool goes on at the port that its server has after a restart.
func TestLoginsFollowTheDoor(t *testing.T) {
	c := standing(t)
	cfg, err := c.sql().driver(replication.Login{User: "user1", TLS: replication.TLSOff})
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

func TestBoundedNamesWhatTookTooLong(t *testing.T) {
	ctx, cancel := poll.WithLimit(t.Context(), time.Millisecond, "bringing the pair up")
	defer cancel()
	<-ctx.Done()
	assert.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	assert.EqualError(t, context.Cause(ctx), "bringing the pair up took longer than 1ms")

	ctx, cancel = poll.WithLimit(t.Context(), time.Hour, "anything")
	cancel()
	assert.ErrorIs(t, context.Cause(ctx), context.Canceled, "ended by us, not late")
}

func TestOurs(t *testing.T) {
	assert.True(t, ours("127.0.0.1"))
	assert.False(t, ours(""))
	assert.False(t, ours("192.0.2.1"), "for documentation, nobody's")
}
