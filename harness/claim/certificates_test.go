package claim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// authority and issued make certificates for tests.
func authority(t *testing.T) *secure.Authority {
	t.Helper()
	a, err := secure.NewAuthority("test", time.Now())
	require.NoError(t, err)
	return a
}

func issued(t *testing.T, a *secure.Authority, host string) secure.Certificate {
	t.Helper()
	c, err := a.Issue(secure.Subject{CN: host, Names: []string{host}, Use: secure.Server})
	require.NoError(t, err)
	return c
}

func TestCertificates(t *testing.T) {
	ours, strangers := authority(t), authority(t)
	leaf, again := issued(t, ours, "source.link"), issued(t, ours, "source.link")
	foreign, elsewhere := issued(t, strangers, "source.link"), issued(t, ours, "elsewhere.link")
	shown := func(o *Certificates, c secure.Certificate) { o.Servers[0].Chain = []string{pemOf(c.Leaf)} }
	good := func() *Certificates {
		return &Certificates{
			At: time.Now(), Authority: string(ours.CertPEM),
			Servers: []Presented{{
				Side: topology.Source, Host: "source.link", Leaf: pemOf(leaf.Leaf), TLSVersion: "TLSv1.3", Chain: []string{pemOf(leaf.Leaf)},
			}},
		}
	}
	judges(t, certificatesID, good, []broken[*Certificates]{
		{"no TLS", func(o *Certificates) { o.Servers[0].Chain, o.Servers[0].Refused = nil, "server offers no TLS" }, []string{"no-tls"}},
		{"reissued", func(o *Certificates) { shown(o, again) }, []string{"not-ours"}},
		{"another CA", func(o *Certificates) { shown(o, foreign) }, []string{"not-ours", "untrusted"}},
		{"another host", func(o *Certificates) { shown(o, elsewhere) }, []string{"not-ours", "wrong-name"}},
		{"ours, for another host", func(o *Certificates) { o.Servers[0].Host = "replica.link" }, []string{"wrong-name"}},
		{"expired", func(o *Certificates) { o.At = o.At.AddDate(1, 0, 0) }, []string{"untrusted"}},
		{"no certificate", func(o *Certificates) { o.Servers[0].Chain = []string{"none"} }, []string{"not-ours", "untrusted"}},
		{"CA unreadable", func(o *Certificates) { o.Authority = "" }, []string{"untrusted"}},
		{"old", func(o *Certificates) { o.Servers[0].TLSVersion = "TLSv1.1" }, []string{"old-protocol"}},
	})
	none := good()
	none.Servers[0].Chain = nil
	unseen(t, map[string]Observation{"no handshake": none})
}

// TestCertificatesLook shakes hands with servers that speak as much of MySQL's
// protocol as that takes.
func TestCertificatesLook(t *testing.T) {
	ours := authority(t)
	source, replica := issued(t, ours, "source.link"), issued(t, ours, "replica.link")
	foreign := issued(t, authority(t), "source.link")
	f := newFake(t, newest)
	f.ca = ours.Leaf
	f.leaves = map[topology.Side]*x509.Certificate{topology.Source: source.Leaf, topology.Replica: replica.Leaf}
	look := func(source *secure.Certificate) Outcome {
		f.dial = func(side topology.Side) (net.Conn, error) {
			if side == topology.Replica {
				return serving(t, &replica), nil
			}
			return serving(t, source), nil
		}
		return Run(t.Context(), byID(t, certificatesID), f.subject(), evidence.At(t.TempDir()), secure.Seed2021())
	}
	codesOf := func(o Outcome) (all []string) {
		for _, v := range o.Violations {
			all = append(all, v.Code)
		}
		return all
	}
	held(t, look(&source))
	require.Equal(t, codes(certificatesID, "not-ours", "untrusted"), codesOf(look(&foreign)))
	require.Equal(t, codes(certificatesID, "no-tls"), codesOf(look(nil)))
	f.dial = func(topology.Side) (net.Conn, error) { return nil, io.ErrUnexpectedEOF }
	require.Equal(t, NotLooked, Run(t.Context(), byID(t, certificatesID), f.subject(), evidence.At(t.TempDir()), secure.Seed2021()).Status)
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

// A server loads no certificate that its own CA does not vouch for, so that the
// CA changes with it, and goes back before the right one is loaded.
func TestAnotherCAComesWithItsCertificate(t *testing.T) {
	for _, id := range []string{certificatesID, remoteID} {
		for _, s := range byID(t, id).Sabotage {
			if !strings.HasPrefix(s.Name, "server certificate of another CA") {
				continue
			}
			f := healthy(t)
			f.run = func(_ topology.Side, c node.Command) (node.Output, error) {
				require.Equal(t, []string{"rm", "-f", topology.StrangeCAPath}, c.Argv)
				return node.Output{}, nil
			}
			undo, err := s.Do(t.Context(), f.bench())
			require.NoError(t, err)
			require.NoError(t, undo(t.Context()))
			heard := append(f.heard(topology.Source), f.heard(topology.Replica)...)
			require.Len(t, heard, 2, s.Name)
			for i, ca := range []string{topology.StrangeCAPath, topology.CAPath} {
				require.Contains(t, heard[i], "SET GLOBAL ssl_ca='"+ca+"';\nALTER INSTANCE RELOAD TLS;", s.Name)
			}
		}
	}
}
