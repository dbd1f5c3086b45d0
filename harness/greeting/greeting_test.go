package greeting

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const capabilities = ClientProtocol41 | ClientSSL | ClientSecureConnection | ClientPluginAuth

// greeting is a server's first payload.
func greeting(capabilities uint32) []byte {
	b := append([]byte{Protocol10}, "9.7.4-cluster\x00"...)
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

// packet is a server's first one: length, sequence number 0, payload.
func packet(payload []byte) []byte {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	return append(head, payload...)
}

func hangUp(conns ...net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

const blocked = "Host '172.18.0.1' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'"

func TestParseFirst(t *testing.T) {
	g, err := parseFirst(greeting(capabilities))
	require.NoError(t, err)
	assert.Equal(t, Greeting{
		Protocol: 10, ServerVersion: "9.7.4-cluster", ConnectionID: 4711, Capabilities: capabilities, AuthPlugin: "caching_sha2_password",
	}, g)
	assert.True(t, g.TLS())

	g, err = parseFirst(greeting(capabilities &^ (ClientSSL | ClientPluginAuth)))
	require.NoError(t, err)
	assert.False(t, g.TLS())
	assert.Empty(t, g.AuthPlugin)
}

// Every beginning of a greeting is either refused as cut off, or it ends in the
// plug-in's name, the only part whose length nothing tells.
func TestParseFirstOfEveryBeginning(t *testing.T) {
	whole := greeting(capabilities)
	name := len("caching_sha2_password\x00")
	for n := range len(whole) - name {
		_, err := parseFirst(whole[:n])
		require.ErrorIs(t, err, errShort, "%d bytes", n)
	}
}

func TestParseFirstRefuses(t *testing.T) {
	g := greeting(capabilities)
	for name, c := range map[string]struct {
		payload []byte
		is      error
		says    string
	}{
		"nothing":           {nil, errShort, "it is empty"},
		"protocol 9":        {[]byte{9, 0}, errNotMySQL, "protocol 9"},
		"X protocol":        {[]byte("\x0b\x08\x05\x1a\x00"), errNotMySQL, "protocol 11"},
		"no end of version": {slices.Repeat([]byte{10}, 100), errShort, "greeting of 100 bytes"},
		"longer challenge":  {slices.Replace(slices.Clone(g), 35, 36, 255), errShort, "greeting of"},
		"error cut off":     {[]byte{0xFF, 0x69}, errShort, "error packet of 2 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseFirst(c.payload)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
			assert.Zero(t, got)
		})
	}
}

func TestParseFirstGivesTheServersError(t *testing.T) {
	for name, c := range map[string]struct {
		payload []byte
		want    ServerError
		says    string
	}{
		"before the handshake": {append([]byte{0xFF, 0x69, 0x04}, blocked...), ServerError{1129, "", blocked}, "server error 1129: Host '172.18.0.1'"},
		"with a state":         {[]byte("\xff\x15\x04#28000Access denied"), ServerError{1045, "28000", "Access denied"}, "server error 1045 (28000): Access denied"},
		"no text":              {[]byte{0xFF, 0x10, 0x04}, ServerError{1040, "", ""}, "server error 1040: "},
		"a state cut off":      {[]byte("\xff\x15\x04#280"), ServerError{1045, "", "#280"}, "server error 1045: #280"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFirst(c.payload)
			var server *ServerError
			require.ErrorAs(t, err, &server)
			assert.Equal(t, c.want, *server)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// says is a server that sends some bytes and closes the connection.
func says(t *testing.T, b []byte) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		_, _ = server.Write(b)
		_ = server.Close()
	}()
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestReadGreeting(t *testing.T) {
	g, err := Read(t.Context(), says(t, packet(greeting(capabilities))))
	require.NoError(t, err)
	assert.Equal(t, "9.7.4-cluster", g.ServerVersion)
}

func TestReadGreetingRefuses(t *testing.T) {
	whole := packet(greeting(capabilities))
	for name, c := range map[string]struct {
		sent []byte
		is   error
		says string
	}{
		"nothing":       {nil, errShort, "after 0 bytes of its head: EOF"},
		"half a head":   {whole[:2], errShort, "after 2 bytes of its head"},
		"a head":        {whole[:4], errShort, "after 0 of"},
		"half a packet": {whole[:20], errShort, "after 16 of"},
		"no payload":    {[]byte{0, 0, 0, 0}, errNotMySQL, "would have 0 bytes"},
		"HTTP":          {[]byte("HTTP/1.1 400 Bad Request\r\n"), errNotMySQL, "48 54 54 50"},
		"a TLS alert":   {[]byte{21, 3, 3, 0, 2, 2, 70}, errNotMySQL, "15 03 03 00"},
		"X protocol":    {[]byte("\x05\x00\x00\x00\x0b\x08\x05\x1a\x00"), errNotMySQL, "protocol 11"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(t.Context(), says(t, c.sent))
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "read the greeting of ")
		})
	}

	_, err := Read(t.Context(), says(t, packet(append([]byte{0xFF, 0x69, 0x04}, blocked...))))
	var server *ServerError
	require.ErrorAs(t, err, &server)
	assert.EqualValues(t, 1129, server.Code)
}

// A server that accepts and says nothing is what a stopped mysqld looks like.
func TestReadGreetingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer hangUp(client, server)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := Read(ctx, client)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(begin))

		stopped := errors.New("interrupted")
		cancelled, stop := context.WithCancelCause(t.Context())
		stop(stopped)
		_, err = Read(cancelled, client)
		require.ErrorIs(t, err, stopped)
	})
}

func FuzzParseFirst(f *testing.F) {
	f.Add(greeting(capabilities))
	f.Add(greeting(0))
	f.Add(append([]byte{0xFF, 0x69, 0x04}, blocked...))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseFirst(b)
		if err != nil {
			assert.Zero(t, g)
			return
		}
		assert.Equal(t, Protocol10, g.Protocol)
	})
}
