package replication

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// saying gives the address of a listener that writes b to every client, and hangs
// up.
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

func greet(t *testing.T, dial func(context.Context) (net.Conn, error)) error {
	t.Helper()
	return NewServer(topology.Source, "sql", nil, nil, dial).greets(t.Context())
}

// packet is a server's first one: length, sequence number 0, payload.
func packet(payload []byte) []byte {
	return append([]byte{byte(len(payload)), 0, 0, 0}, payload...)
}

func TestServerGreets(t *testing.T) {
	refusal := func(code int) []byte {
		return packet(append([]byte{0xff, byte(code), byte(code >> 8)}, "#HY000Host is not allowed"...))
	}
	for name, c := range map[string]struct {
		says []byte
		want string // "": greeted
	}{
		"a greeting":                 {packet(slices.Concat([]byte("\x0a9.7.4-cluster\x00"), make([]byte, 32))), ""},
		"no account for this host":   {refusal(1130), ""},
		"too many connections":       {refusal(1040), "server error 1040"},
		"nothing: the engine's door": {nil, "packet is cut off"},
		"less than a packet's head":  {[]byte{74, 0}, "packet is cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			err := greet(t, at(saying(t, c.says)))
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	assert.Error(t, greet(t, at(l.Addr().String())), "no program listens")
}

func TestConfigOfALogin(t *testing.T) {
	ca, err := secure.NewAuthority("an authority", time.Now())
	require.NoError(t, err)
	s := NewServer(topology.Source, "sql", nil, ca.Pool(), nil)
	password := secret.New()
	cfg, err := s.Config(Login{User: "user1", Password: password, Database: "test1", TLS: TLSVerify})
	require.NoError(t, err)
	assert.Equal(t, "user1", cfg.User)
	assert.Equal(t, password.Reveal(), cfg.Passwd)
	assert.Equal(t, "test1", cfg.DBName)
	require.NotNil(t, cfg.TLS)
	assert.False(t, cfg.TLS.InsecureSkipVerify)
	assert.Equal(t, "127.0.0.1", cfg.TLS.ServerName)
	assert.True(t, cfg.TLS.RootCAs.Equal(ca.Pool()), "the run's own CA, and no other")
	assert.EqualValues(t, tls.VersionTLS12, cfg.TLS.MinVersion)

	cfg, err = s.Config(Login{User: "user1", TLS: TLSOff})
	require.NoError(t, err)
	assert.Nil(t, cfg.TLS)

	var none Login
	_, err = s.Config(none)
	assert.ErrorContains(t, err, "log in to source sql: no tls mode given", "plain text must be asked for")
}
