package wire

import (
	"encoding/binary"
	"net"
	"testing"

	"ndbproof/harness/greeting"
)

// offered are the capabilities of a server that offers TLS.
const offered = greeting.ClientProtocol41 | greeting.ClientSSL | greeting.ClientSecureConnection | greeting.ClientPluginAuth

// hello is a server's first payload.
func hello(capabilities uint32) []byte {
	b := append([]byte{greeting.Protocol10}, "9.7.4-cluster\x00"...)
	b = binary.LittleEndian.AppendUint32(b, 4711)
	b = append(b, "12345678\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities&0xFFFF))
	b = append(b, 255, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	b = append(b, "123456789012\x00"...)
	return append(b, "caching_sha2_password\x00"...)
}

// first is a server's first packet: length, sequence number 0, payload.
func first(payload []byte) []byte {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	return append(head, payload...)
}

func disconnect(conns ...net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

const blockedHost = "Host '172.18.0.1' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'"

// sends is a server that sends some bytes and closes the connection.
func sends(t *testing.T, b []byte) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		_, _ = server.Write(b)
		_ = server.Close()
	}()
	t.Cleanup(func() { _ = client.Close() })
	return client
}
