// Package greeting reads the first packet that a MySQL server sends (protocol 10), and
// writes the request by which a client switches to TLS: bytes, without a driver.
package greeting

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Greeting is the first packet of a server (protocol 10).
type Greeting struct {
	Protocol      int    `json:"protocol"`
	ServerVersion string `json:"server_version"` // as VERSION() gives it: "9.7.4-cluster"
	ConnectionID  uint32 `json:"connection_id"`
	Capabilities  uint32 `json:"capabilities"`
	AuthPlugin    string `json:"auth_plugin"` // default_authentication_plugin's, before an account is named
	seq           byte
}

// Capability flags (include/mysql_com.h) that are used here.
const (
	ClientProtocol41       = 1 << 9
	ClientSSL              = 1 << 11
	ClientSecureConnection = 1 << 15
	ClientPluginAuth       = 1 << 19
)

// TLS tells whether the server offers it.
func (g Greeting) TLS() bool { return g.Capabilities&ClientSSL != 0 }

// ServerError is an ERR packet: the server's refusal in its own words, 1129
// (host is blocked) or 1040 (too many connections) at this stage.
type ServerError struct {
	Code    uint16 `json:"code"`
	State   string `json:"state"` // SQLSTATE; "" before the handshake
	Message string `json:"message"`
}

func (e *ServerError) Error() string {
	if e.State == "" {
		return fmt.Sprintf("server error %d: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("server error %d (%s): %s", e.Code, e.State, e.Message)
}

// What is wrong with a first packet.
var (
	errShort    = errors.New("packet is cut off")
	errNotMySQL = errors.New("not a server of MySQL's protocol 10")
)

// MaxFirst bounds the first packet: a greeting has about 100 bytes, an ERR
// packet at most 512 of text. More is another protocol.
const MaxFirst = 4096

// ErrPacket is the first byte of an ERR packet, protocol10 that of a greeting.
const (
	ErrPacket  = 0xFF
	Protocol10 = 10
)

// Read reads the first packet of a new connection and nothing behind
// it. An ERR packet is a *ServerError. When ctx ends first, conn is of no more
// use. A connection closed after this counts as a handshake error with the
// server, and max_connect_errors of them (100, unless a login succeeds in
// between) block the host with 1129: no probe for a tight loop, except where
// skip_name_resolve is on.
func Read(ctx context.Context, conn net.Conn) (Greeting, error) {
	var g Greeting
	err := within(ctx, conn, func() error {
		payload, seq, err := readPacket(conn)
		if err != nil {
			return err
		}
		g, err = parseFirst(payload)
		g.seq = seq
		return err
	})
	if err != nil {
		return Greeting{}, fmt.Errorf("read the greeting of %s: %w", conn.RemoteAddr(), err)
	}
	return g, nil
}

// ErrNoTLS is a server that does not offer TLS in its greeting.
var ErrNoTLS = errors.New("server offers no TLS")

// AskTLS reads the greeting and asks for TLS, as a client does before its login.
// What follows on conn is a TLS handshake. What Read says of a connection
// that is closed early holds here, too.
func AskTLS(ctx context.Context, conn net.Conn) (Greeting, error) {
	g, err := Read(ctx, conn)
	if err != nil {
		return Greeting{}, err
	}
	if !g.TLS() {
		return g, fmt.Errorf("shake hands with %s: %w", conn.RemoteAddr(), ErrNoTLS)
	}
	err = within(ctx, conn, func() error {
		_, err := conn.Write(SSLRequest(g.seq + 1))
		return err
	})
	if err != nil {
		return g, fmt.Errorf("ask %s for TLS: %w", conn.RemoteAddr(), err)
	}
	return g, nil
}

// SSLRequestSize is the length of its payload.
const SSLRequestSize = 32

// SSLRequest is the packet by which a client switches to TLS: the beginning of
// a login, without a name.
func SSLRequest(seq byte) []byte {
	const (
		maxPacket = 1 << 24
		utf8mb4   = 45
	)
	b := []byte{SSLRequestSize, 0, 0, seq}
	b = binary.LittleEndian.AppendUint32(b, ClientProtocol41|ClientSSL|ClientSecureConnection|ClientPluginAuth)
	b = binary.LittleEndian.AppendUint32(b, maxPacket)
	b = append(b, utf8mb4)
	return append(b, make([]byte, 4+SSLRequestSize-len(b))...)
}

// within cuts reads and writes of conn off when ctx ends.
func within(ctx context.Context, conn net.Conn, do func() error) error {
	longAgo := time.Unix(1, 0)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(longAgo) }) // on failure conn is closed anyway
	defer stop()
	err := do()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	return err
}

// readPacket reads one packet: 3 bytes of length, the sequence number, payload.
func readPacket(r io.Reader) (payload []byte, seq byte, err error) {
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, fmt.Errorf("%w after %d bytes of its head: %w", errShort, n, err)
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size == 0 || size > MaxFirst {
		return nil, 0, fmt.Errorf("%w: the first packet would have %d bytes (% x)", errNotMySQL, size, head)
	}
	payload = make([]byte, size)
	if n, err := io.ReadFull(r, payload); err != nil {
		return nil, 0, fmt.Errorf("%w after %d of %d bytes: %w", errShort, n, size, err)
	}
	return payload, head[3], nil
}

// parseFirst reads the payload of a server's first packet.
func parseFirst(b []byte) (Greeting, error) {
	switch {
	case len(b) == 0:
		return Greeting{}, fmt.Errorf("%w: it is empty", errShort)
	case b[0] == ErrPacket:
		return Greeting{}, parseError(b)
	case b[0] != Protocol10:
		return Greeting{}, fmt.Errorf("%w: protocol %d", errNotMySQL, b[0])
	}
	version, rest, found := bytes.Cut(b[1:], []byte{0})
	// Connection id, 8 bytes of challenge, a zero, the low half of the
	// capabilities; then character set, status, the high half; then the
	// challenge's length and ten reserved bytes.
	const low, high, challenge = 4 + 8 + 1, 4 + 8 + 1 + 2 + 1 + 2, 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10
	if !found || len(rest) < challenge {
		return Greeting{}, fmt.Errorf("%w: greeting of %d bytes", errShort, len(b))
	}
	g := Greeting{
		Protocol:      Protocol10,
		ServerVersion: string(version),
		ConnectionID:  binary.LittleEndian.Uint32(rest),
		Capabilities:  uint32(binary.LittleEndian.Uint16(rest[low:])) | uint32(binary.LittleEndian.Uint16(rest[high:]))<<16,
	}
	if g.Capabilities&ClientPluginAuth == 0 {
		return g, nil
	}
	// The rest of the challenge has 13 bytes, or more when its length says so.
	second := max(13, int(rest[challenge-11])-8)
	if len(rest) < challenge+second {
		return Greeting{}, fmt.Errorf("%w: greeting of %d bytes", errShort, len(b))
	}
	g.AuthPlugin = strings.TrimSuffix(string(rest[challenge+second:]), "\x00")
	return g, nil
}

// parseError reads an ERR packet; the state is there only after the handshake.
func parseError(b []byte) error {
	if len(b) < 3 {
		return fmt.Errorf("%w: error packet of %d bytes", errShort, len(b))
	}
	e := &ServerError{Code: binary.LittleEndian.Uint16(b[1:])}
	message := b[3:]
	if len(message) >= 6 && message[0] == '#' {
		e.State, message = string(message[1:6]), message[6:]
	}
	e.Message = string(message)
	return e
}
