package secure_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
)

func authority(t *testing.T) *secure.Authority {
	t.Helper()
	a, err := secure.NewAuthority("test authority", time.Now())
	require.NoError(t, err)
	return a
}

func issue(t *testing.T, a *secure.Authority, s secure.Subject) secure.Certificate {
	t.Helper()
	c, err := a.Issue(s)
	require.NoError(t, err)
	return c
}

func pair(t *testing.T, c secure.Certificate) tls.Certificate {
	t.Helper()
	p, err := tls.X509KeyPair(c.CertPEM, c.KeyPEM.Reveal())
	require.NoError(t, err)
	return p
}

// handshake gives the error of either end.
func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close() //nolint:errcheck // a pipe
	defer b.Close() //nolint:errcheck // a pipe
	deadline := time.Now().Add(10 * time.Second)
	require.NoError(t, a.SetDeadline(deadline))
	require.NoError(t, b.SetDeadline(deadline))
	served := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		err := s.HandshakeContext(t.Context())
		if err == nil {
			_, err = s.Write([]byte{0}) // in TLS 1.3 the client is done before the server has seen its certificate
		}
		if err != nil {
			_ = a.Close()
		}
		served <- err
	}()
	c := tls.Client(b, client)
	err := c.HandshakeContext(t.Context())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	_ = b.Close()
	if s := <-served; err == nil {
		err = s
	}
	return err
}

func TestHandshake(t *testing.T) {
	a, other := authority(t), authority(t)
	server := pair(t, issue(t, a, secure.Subject{
		CN: "source.link", Names: []string{"source.link", "localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Use: secure.Server,
	}))
	client := pair(t, issue(t, a, secure.Subject{CN: "replica", Use: secure.Client}))
	stranger := pair(t, issue(t, other, secure.Subject{CN: "replica", Use: secure.Client}))

	for _, c := range []struct {
		name, host string
		trusted    *secure.Authority
		shown      tls.Certificate
		wantErr    string
	}{
		{"right name", "source.link", a, client, ""},
		{"second name", "localhost", a, client, ""},
		{"address", "127.0.0.1", a, client, ""},
		{"other name", "replica.link", a, client, "certificate is valid for source.link, localhost, not replica.link"},
		{"other address", "127.0.0.2", a, client, "certificate is valid for 127.0.0.1, not 127.0.0.2"},
		{"other authority at the client", "source.link", other, client, "unknown authority"},
		{"client of another authority", "source.link", a, stranger, "certificate"},
		{"server certificate shown by a client", "source.link", a, server, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := handshake(t,
				&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool()},
				&tls.Config{
					ServerName: c.host, RootCAs: c.trusted.Pool(),
					GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.shown, nil },
				})
			if c.wantErr == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.wantErr)
			}
		})
	}
}

func TestCertificateContents(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a, err := secure.NewAuthority("test authority", now)
	require.NoError(t, err)
	c := issue(t, a, secure.Subject{CN: "source.link", Names: []string{"source.link"}, Use: secure.Server})
	for _, leaf := range []*x509.Certificate{a.Leaf, c.Leaf} {
		assert.Equal(t, now.Add(-time.Hour), leaf.NotBefore)
		assert.Equal(t, now.AddDate(0, 0, 7), leaf.NotAfter)
		assert.Positive(t, leaf.SerialNumber.Sign())
	}
	assert.True(t, a.Leaf.IsCA)
	assert.False(t, c.Leaf.IsCA)
	assert.NotEqual(t, a.Leaf.RawSubject, c.Leaf.RawSubject, "OpenSSL takes a leaf with its issuer's name for self-signed")
	block, rest := pem.Decode(c.KeyPEM)
	require.NotNil(t, block)
	assert.Equal(t, "PRIVATE KEY", block.Type)
	assert.Empty(t, rest)
	_, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
}

func TestIssueRefuses(t *testing.T) {
	a := authority(t)
	_, err := a.Issue(secure.Subject{CN: "x", Use: secure.Server})
	require.EqualError(t, err, `issue a server certificate for "x": no name: no client could verify such a server`)
	_, err = a.Issue(secure.Subject{CN: "x", Names: []string{"x"}})
	require.ErrorContains(t, err, "want server or client")
}

// Nothing that prints, logs or marshals may show a key.
func TestKeysAreRedacted(t *testing.T) {
	a := authority(t)
	c := issue(t, a, secure.Subject{CN: "source.link", Names: []string{"source.link"}, Use: secure.Server})
	body := strings.Split(string(c.KeyPEM.Reveal()), "\n")[1]
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed[verb] = fmt.Sprintf(verb, c.KeyPEM)
		printed["struct "+verb] = fmt.Sprintf(verb, struct{ K secure.PrivateKey }{c.KeyPEM})
		assert.Equal(t, "authority test authority", fmt.Sprintf(verb, a), verb)
	}
	b, err := json.Marshal(c)
	require.NoError(t, err)
	printed["json"] = string(b)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", c.KeyPEM)
	printed["slog"] = log.String()
	for how, s := range printed {
		assert.Contains(t, s, secret.Redacted, how)
		assert.NotContains(t, s, body, how)
	}
}
