package wire

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/greeting"
)

// authority is a CA that lives as long as a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key}
}

// leaf is a server's certificate, sent with its authority's.
func (a authority) leaf(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a.cert, key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
}

// trusts is a client of the source that knows one authority.
func trusts(a authority) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{RootCAs: roots, ServerName: "source.link", MinVersion: tls.VersionTLS12}
}

// serve is a mysqld up to the end of the TLS handshake. It hands out what the
// client sent before it.
func serve(t *testing.T, capabilities uint32, cfg *tls.Config) (client net.Conn, request <-chan []byte) {
	t.Helper()
	client, server := net.Pipe()
	asked := make(chan []byte, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer disconnect(server)
		_, _ = server.Write(first(hello(capabilities)))
		b := make([]byte, 36)
		if _, err := io.ReadFull(server, b); err != nil {
			return
		}
		asked <- b
		if cfg != nil {
			_ = tls.Server(server, cfg).HandshakeContext(t.Context())
		}
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-done
	})
	return client, asked
}

func server(c tls.Certificate, version uint16) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: version, MaxVersion: version, SessionTicketsDisabled: true}
}

func TestProbe(t *testing.T) {
	ca := newAuthority(t, "ca of the run")
	for name, version := range map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			leaf := ca.leaf(t, "source.link")
			conn, asked := serve(t, offered, server(leaf, version))
			h, err := Probe(t.Context(), conn, trusts(ca))
			require.NoError(t, err)
			assert.Equal(t, "9.7.4-cluster", h.ServerVersion)
			assert.Equal(t, name, h.TLSVersion)
			assert.Contains(t, h.CipherSuite, "TLS_")
			require.Len(t, h.Chain, 2)
			assert.Equal(t, leaf.Certificate[0], h.Chain[0].Raw)
			assert.Equal(t, ca.cert.Raw, h.Chain[1].Raw)

			request := <-asked
			assert.Equal(t, []byte{32, 0, 0, 1}, request[:4], "length and sequence number")
			assert.Equal(t, []byte{0x00, 0x8A, 0x08, 0x00}, request[4:8], "protocol 4.1, TLS, secure connection, plug-in authentication")
			assert.Equal(t, []byte{0, 0, 0, 1, 45}, request[8:13], "largest packet, character set")
			assert.Equal(t, bytes.Repeat([]byte{0}, 23), request[13:])
		})
	}
}

// The probe refuses a wrong certificate, and reports its chain all the same.
func TestProbeRefusesAndTellsTheChain(t *testing.T) {
	ca, stranger := newAuthority(t, "ca of the run"), newAuthority(t, "stranger")
	for name, c := range map[string]struct {
		leaf tls.Certificate
		says string
	}{
		"another authority": {stranger.leaf(t, "source.link"), "unknown authority"},
		"another name":      {ca.leaf(t, "replica.link"), "not source.link"},
	} {
		for version, v := range map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13} {
			t.Run(name+" "+version, func(t *testing.T) {
				conn, _ := serve(t, offered, server(c.leaf, v))
				h, err := Probe(t.Context(), conn, trusts(ca))
				var refused *tls.CertificateVerificationError
				require.ErrorAs(t, err, &refused)
				require.ErrorContains(t, err, c.says)
				require.Len(t, h.Chain, 2)
				assert.Equal(t, c.leaf.Certificate[0], h.Chain[0].Raw)
				assert.Equal(t, version, h.TLSVersion)
			})
		}
	}
}

func TestProbeNeedsAName(t *testing.T) {
	ca := newAuthority(t, "ca of the run")
	conn, _ := serve(t, offered, server(ca.leaf(t, "source.link"), tls.VersionTLS13))
	nameless := trusts(ca)
	nameless.ServerName = ""
	_, err := Probe(t.Context(), conn, nameless)
	require.ErrorContains(t, err, "ServerName")
}

func TestProbeOfAServerWithoutTLS(t *testing.T) {
	conn, asked := serve(t, offered&^greeting.ClientSSL, nil)
	h, err := Probe(t.Context(), conn, trusts(newAuthority(t, "ca")))
	require.ErrorIs(t, err, greeting.ErrNoTLS)
	assert.Equal(t, Handshake{ServerVersion: "9.7.4-cluster"}, h)
	assert.Empty(t, asked, "nothing may be sent to it")
}

func TestProbeWhenTheServerHangsUp(t *testing.T) {
	conn, _ := serve(t, offered, nil)
	h, err := Probe(t.Context(), conn, trusts(newAuthority(t, "ca")))
	require.Error(t, err)
	assert.Empty(t, h.Chain)
	assert.Empty(t, h.TLSVersion)
}

func TestProbeGivesTheServersError(t *testing.T) {
	conn := sends(t, first(append([]byte{0xFF, 0x69, 0x04}, blockedHost...)))
	_, err := Probe(t.Context(), conn, trusts(newAuthority(t, "ca")))
	var refused *greeting.ServerError
	require.ErrorAs(t, err, &refused)
	assert.EqualValues(t, 1129, refused.Code)
}

// A server that greets and then says nothing must not hold the probe.
func TestProbeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer disconnect(client, server)
		go func() {
			_, _ = server.Write(first(hello(offered)))
			_, _ = io.Copy(io.Discard, server)
		}()
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errors.New("too slow"))
		defer cancel()
		begin := time.Now()
		_, err := Probe(ctx, client, trusts(newAuthority(t, "ca")))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(begin))
	})
}
