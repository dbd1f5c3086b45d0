package channel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestCertificates(t *testing.T) {
	ours, strangers := claimtest.NewAuthority(t), claimtest.NewAuthority(t)
	leaf, again := claimtest.IssueCertificate(t, ours, "source.link"), claimtest.IssueCertificate(t, ours, "source.link")
	foreign, elsewhere := claimtest.IssueCertificate(t, strangers, "source.link"), claimtest.IssueCertificate(t, ours, "elsewhere.link")
	shown := func(o *Certificates, c secure.Certificate) { o.Servers[0].Chain = []string{claim.EncodePEM(c.Leaf)} }
	good := func() *Certificates {
		return &Certificates{
			At: time.Now(), Authority: string(ours.CertPEM),
			Servers: []Presented{{
				Side: topology.Source, Host: "source.link", Leaf: claim.EncodePEM(leaf.Leaf), TLSVersion: "TLSv1.3", Chain: []string{claim.EncodePEM(leaf.Leaf)},
			}},
		}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.ChannelCertificatesID), good, []claimtest.Broken[*Certificates]{
		claimtest.Break("no TLS", func(o *Certificates) { o.Servers[0].Chain, o.Servers[0].Refused = nil, "server offers no TLS" }, []string{"no-tls"}),
		claimtest.Break("reissued", func(o *Certificates) { shown(o, again) }, []string{"not-ours"}),
		claimtest.Break("another CA", func(o *Certificates) { shown(o, foreign) }, []string{"not-ours", "untrusted"}),
		claimtest.Break("another host", func(o *Certificates) { shown(o, elsewhere) }, []string{"not-ours", "wrong-name"}),
		claimtest.Break("ours, for another host", func(o *Certificates) { o.Servers[0].Host = "replica.link" }, []string{"wrong-name"}),
		claimtest.Break("expired", func(o *Certificates) { o.At = o.At.AddDate(1, 0, 0) }, []string{"untrusted"}),
		claimtest.Break("no certificate", func(o *Certificates) { o.Servers[0].Chain = []string{"none"} }, []string{"not-ours", "untrusted"}),
		claimtest.Break("CA unreadable", func(o *Certificates) { o.Authority = "" }, []string{"untrusted"}),
		claimtest.Break("old", func(o *Certificates) { o.Servers[0].TLSVersion = "TLSv1.1" }, []string{"old-protocol"}),
	})
	none := good()
	none.Servers[0].Chain = nil
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no handshake": none})
}

// TestCertificatesLook shakes hands with servers that speak as much of MySQL's
// protocol as that takes.
func TestCertificatesLook(t *testing.T) {
	ours := claimtest.NewAuthority(t)
	source, replica := claimtest.IssueCertificate(t, ours, "source.link"), claimtest.IssueCertificate(t, ours, "replica.link")
	foreign := claimtest.IssueCertificate(t, claimtest.NewAuthority(t), "source.link")
	f := claimtest.NewPair(t, claimtest.Newest)
	f.CA = ours.Leaf
	f.Leaves = map[topology.Side]*x509.Certificate{topology.Source: source.Leaf, topology.Replica: replica.Leaf}
	look := func(source *secure.Certificate) claim.Outcome {
		f.OnDial = func(side topology.Side) (net.Conn, error) {
			if side == topology.Replica {
				return serving(t, &replica), nil
			}
			return serving(t, source), nil
		}
		return claim.Run(t.Context(), claimOf(t, claim.ChannelCertificatesID), f.Subject(), evidence.At(t.TempDir()), secure.Published2021())
	}
	codesOf := func(o claim.Outcome) (all []string) {
		for _, v := range o.Violations {
			all = append(all, v.Code)
		}
		return all
	}
	claimtest.RequireHeld(t, look(&source))
	require.Equal(t, claim.MakeCodes(claim.ChannelCertificatesID, "not-ours", "untrusted"), codesOf(look(&foreign)))
	require.Equal(t, claim.MakeCodes(claim.ChannelCertificatesID, "no-tls"), codesOf(look(nil)))
	f.OnDial = func(topology.Side) (net.Conn, error) { return nil, io.ErrUnexpectedEOF }
	require.Equal(t, claim.NotLooked, claim.Run(t.Context(), claimOf(t, claim.ChannelCertificatesID), f.Subject(), evidence.At(t.TempDir()), secure.Published2021()).Status)
}

// serving greets, and with a certificate shakes hands.
func serving(t *testing.T, c *secure.Certificate) net.Conn {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		server, err := l.Accept()
		if err != nil {
			return
		}
		defer server.Close() //nolint:errcheck // the client has seen what there is to see
		_, _ = server.Write(firstPayload(c != nil))
		if c == nil {
			return
		}
		if _, err := io.CopyN(io.Discard, server, 36); err != nil { // the request for TLS
			return
		}
		config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{c.Leaf.Raw}, PrivateKey: keyOf(c)}}}
		_ = tls.Server(server, config).HandshakeContext(context.WithoutCancel(t.Context()))
	}()
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	return client
}

func keyOf(c *secure.Certificate) any {
	pair, err := tls.X509KeyPair(c.CertPEM, c.KeyPEM.Reveal())
	if err != nil {
		return nil
	}
	return pair.PrivateKey
}

// greeting is the first packet of a server, protocol 10.
func firstPayload(withTLS bool) []byte {
	const protocol41, ssl, secureConnection, pluginAuth = 1 << 9, 1 << 11, 1 << 15, 1 << 19
	capabilities := uint32(protocol41 | secureConnection | pluginAuth)
	if withTLS {
		capabilities |= ssl
	}
	b := append([]byte{10}, "9.7.4-cluster\x00"...)
	b = binary.LittleEndian.AppendUint32(b, 8) // connection id
	b = append(b, "challenge"...)              // eight bytes, and the zero's place
	b[len(b)-1] = 0
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities))
	b = append(b, 45, 2, 0) // character set, status
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10+13)...)
	b = append(b, "caching_sha2_password\x00"...)
	return append([]byte{byte(len(b)), 0, 0, 0}, b...)
}

// presenting is a pair whose servers show the certificates made for them.
func presenting(t *testing.T) *claimtest.Pair {
	t.Helper()
	ours := claimtest.NewAuthority(t)
	certs := map[topology.Side]secure.Certificate{topology.Source: claimtest.IssueCertificate(t, ours, "source.link"), topology.Replica: claimtest.IssueCertificate(t, ours, "replica.link")}
	f := claimtest.NewPair(t, claimtest.Newest)
	f.CA, f.Leaves = ours.Leaf, map[topology.Side]*x509.Certificate{}
	for side, c := range certs {
		f.Leaves[side] = c.Leaf
	}
	f.OnDial = func(side topology.Side) (net.Conn, error) {
		c := certs[side]
		return serving(t, &c), nil
	}
	return f
}
