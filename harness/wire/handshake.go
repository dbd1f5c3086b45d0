package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// ErrNoTLS is a server that does not offer TLS in its greeting.
var ErrNoTLS = errors.New("server offers no TLS")

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
	g, err := ReadGreeting(ctx, conn)
	if err != nil {
		return Handshake{}, err
	}
	h := Handshake{ServerVersion: g.ServerVersion}
	if !g.TLS() {
		return h, fmt.Errorf("shake hands with %s: %w", conn.RemoteAddr(), ErrNoTLS)
	}
	err = within(ctx, conn, func() error {
		_, err := conn.Write(sslRequest(g.seq + 1))
		return err
	})
	if err != nil {
		return h, fmt.Errorf("ask %s for TLS: %w", conn.RemoteAddr(), err)
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

// sslRequestSize is the length of its payload.
const sslRequestSize = 32

// sslRequest is the packet by which a client switches to TLS: the beginning of
// a login, without a name.
func sslRequest(seq byte) []byte {
	const (
		maxPacket = 1 << 24
		utf8mb4   = 45
	)
	b := []byte{sslRequestSize, 0, 0, seq}
	b = binary.LittleEndian.AppendUint32(b, clientProtocol41|clientSSL|clientSecureConnection|clientPluginAuth)
	b = binary.LittleEndian.AppendUint32(b, maxPacket)
	b = append(b, utf8mb4)
	return append(b, make([]byte, 4+sslRequestSize-len(b))...)
}
