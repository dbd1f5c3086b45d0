package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

	"ndbproof/harness/greeting"
)

// Handshake is what a TLS handshake with a server showed.
type Handshake struct {
	ServerVersion string              `json:"server_version"`
	TLSVersion    string              `json:"tls_version"`  // as MySQL and OpenSSL write it: "TLSv1.3"
	CipherSuite   string              `json:"cipher_suite"` // IANA's name; OpenSSL's is the same from TLSv1.3 on only
	Chain         []*x509.Certificate `json:"-"`            // as sent, the server's own first
}

// Probe reads the greeting, asks for TLS and shakes hands under cfg, which
// must name the server (ServerName) and the authorities. It does not log in;
// the caller closes conn, and what ReadGreeting says of that holds here. When
// the certificate is refused, the chain that was shown comes with the error
// (a *tls.CertificateVerificationError).
func Probe(ctx context.Context, conn net.Conn, cfg *tls.Config) (Handshake, error) {
	g, err := greeting.AskTLS(ctx, conn)
	h := Handshake{ServerVersion: g.ServerVersion}
	if err != nil {
		return h, err
	}
	client := tls.Client(conn, cfg)
	err = client.HandshakeContext(ctx)
	h.read(client.ConnectionState(), err)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("server closed the connection: %w", err)
	}
	if err != nil {
		return h, fmt.Errorf("shake hands with %s: %w", conn.RemoteAddr(), err)
	}
	return h, nil
}

// read takes over what the handshake came to know, also if it failed.
func (h *Handshake) read(s tls.ConnectionState, err error) {
	if s.Version != 0 {
		h.TLSVersion = versionName(s.Version)
	}
	if s.CipherSuite != 0 {
		h.CipherSuite = tls.CipherSuiteName(s.CipherSuite)
	}
	h.Chain = s.PeerCertificates
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		h.Chain = refused.UnverifiedCertificates
	}
}
