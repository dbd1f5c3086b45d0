package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
)

// TLS records (RFC 8446, 5.1; RFC 5246, 6.2.1).
const (
	recordHead      = 5
	recordChange    = 20 // change_cipher_spec
	recordHandshake = 22
	recordData      = 23
	recordHeartbeat = 24
	recordMost      = 1<<14 + 2048 // of TLS 1.2; 1.3 has 256 instead
)

// recordHeader reads the five bytes before a record, and tells whether they can
// be that: a known type, a version that TLS has, a length that it allows.
func recordHeader(b []byte) (kind byte, size int, ok bool) {
	size = int(binary.BigEndian.Uint16(b[3:]))
	ok = b[0] >= recordChange && b[0] <= recordHeartbeat && b[1] == 3 && b[2] <= 4 && size > 0 && size <= recordMost
	return b[0], size, ok
}

// Hello is what a ServerHello says of the session.
type Hello struct {
	Version uint16 // of supported_versions where that is there: the legacy field says 1.2 for all that is newer
	Suite   uint16
}

// handshake messages, and the extension that tells versions from 1.3 on.
const (
	messageServerHello     = 2
	extensionSupportedVers = 43
)

// retry is the random value by which a ServerHello is a HelloRetryRequest
// (RFC 8446, 4.1.3): the real one is still to come.
var retry = []byte{
	0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
	0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
}

// parseServerHello reads the body of a handshake record that begins with a
// ServerHello. Anything else, and a HelloRetryRequest, is not ok.
func parseServerHello(b []byte) (h Hello, ok bool) {
	const head, random = 4, 32
	if len(b) < head || b[0] != messageServerHello {
		return Hello{}, false
	}
	if size := int(b[1])<<16 | int(b[2])<<8 | int(b[3]); size < len(b)-head {
		b = b[:head+size] // other messages may follow in the same record
	}
	if len(b) < head+2+random+1 || bytes.Equal(b[head+2:head+2+random], retry) {
		return Hello{}, false
	}
	h.Version = binary.BigEndian.Uint16(b[head:])
	rest := b[head+2+random:]
	session := int(rest[0])
	if len(rest) < 1+session+3 {
		return Hello{}, false
	}
	rest = rest[1+session:]
	h.Suite = binary.BigEndian.Uint16(rest)
	if rest = rest[3:]; len(rest) < 2 { // after the suite one byte of compression
		return h, true // TLS 1.2 may go without extensions
	}
	if v := supportedVersion(rest[2:]); v != 0 {
		h.Version = v
	}
	return h, true
}

// supportedVersion looks for the extension among others; 0 when it is not there.
func supportedVersion(extensions []byte) uint16 {
	for len(extensions) >= 4 {
		kind, size := binary.BigEndian.Uint16(extensions), int(binary.BigEndian.Uint16(extensions[2:]))
		extensions = extensions[4:]
		if len(extensions) < size {
			return 0
		}
		if kind == extensionSupportedVers && size == 2 {
			return binary.BigEndian.Uint16(extensions)
		}
		extensions = extensions[size:]
	}
	return 0
}

// versionName gives "TLSv1.3" for Go's "TLS 1.3", so that it can be compared
// with what the server says of a session.
func versionName(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return fmt.Sprintf("0x%04x", v)
}
