package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
)

// capturing runs a capture until stop is called.
func capturing(t *testing.T, order string) (stop func() node.Captured) {
	t.Helper()
	input, feed := io.Pipe()
	result, output := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := probe{"", output}.capture(context.WithoutCancel(t.Context()), input)
		_ = output.CloseWithError(io.ErrUnexpectedEOF)
		ended <- err
	}()
	_, err := io.WriteString(feed, order)
	require.NoError(t, err)
	d := json.NewDecoder(result)
	require.NoError(t, d.Decode(&struct{}{}), "it has begun")
	return func() (c node.Captured) {
		require.NoError(t, feed.Close())
		require.NoError(t, d.Decode(&c))
		require.NoError(t, <-ended)
		return c
	}
}

// talk opens a connection and sends texts over it, to and fro.
func talk(t *testing.T, up, down string) (client, server string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // nothing is to be written
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp4", l.Addr().String())
	require.NoError(t, err)
	other, err := l.Accept()
	require.NoError(t, err)
	say := func(from, to net.Conn, text string) {
		_, err := io.WriteString(from, text)
		require.NoError(t, err)
		_, err = io.ReadFull(to, make([]byte, len(text)))
		require.NoError(t, err)
	}
	say(conn, other, up)
	say(other, conn, down)
	client, server = conn.LocalAddr().String(), l.Addr().String()
	require.NoError(t, conn.Close())
	require.NoError(t, other.Close())
	return client, server
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("CI"), "CI has to be root: a packet socket takes CAP_NET_RAW")
		t.Skip("a packet socket takes CAP_NET_RAW")
	}
}

// TestCaptureSeesTheWire captures real packets on the loopback interface. It
// takes root, which CI is.
func TestCaptureSeesTheWire(t *testing.T) {
	needRoot(t)
	const marker, hidden = "markSEENONTHEWIREINCLEARTEXT", "markNEVERSENTANYWHERE"
	stop := capturing(t, `{"markers": {"row": "`+marker+`", "other": "`+hidden+`"}}`)
	long := strings.Repeat("x", 200_000) + marker + strings.Repeat("y", 1000)
	client, server := talk(t, "hello to the server", long)
	c := stop()

	assert.Positive(t, c.Packets)
	assert.Zero(t, c.Dropped)
	var f *node.Flow
	for i := range c.Flows {
		if c.Flows[i].Client == client && c.Flows[i].Server == server {
			require.Nil(t, f, "one flow, not two")
			f = &c.Flows[i]
		}
	}
	require.NotNil(t, f, "the connection is among %d flows", len(c.Flows))
	assert.Equal(t, "tcp", f.Proto)
	assert.True(t, f.Begun)
	assert.EqualValues(t, len("hello to the server"), f.Up.Bytes)
	assert.EqualValues(t, len(long), f.Down.Bytes, "each byte once, though the loopback interface shows it twice")
	assert.Equal(t, f.Down.Bytes, f.Down.Clear)
	assert.Zero(t, f.Down.Missed)
	assert.Equal(t, []string{"row"}, f.Down.Markers)
	assert.Empty(t, f.Up.Markers)

	assert.Equal(t, uint32(0xA1B23C4D), binary.LittleEndian.Uint32(c.Headers))
	assert.Greater(t, len(c.Headers), 24+16+40)
	assert.NotContains(t, string(c.Headers), "xxxx", "no payload is kept")
	assert.NotContains(t, string(c.Headers), "hello to")
}

// flooding takes what a capture prints. Before it takes the {}, it sends more over
// the loopback interface than the ring has room for: until then the capture reads
// no packet.
type flooding struct {
	t   *testing.T
	out *bytes.Buffer
}

func (f flooding) Write(b []byte) (int, error) {
	if f.out.Len() == 0 {
		conn, err := (&net.Dialer{}).DialContext(f.t.Context(), "udp4", "127.0.0.1:9")
		require.NoError(f.t, err)
		datagram := make([]byte, 60_000)
		for range 2 * blockCount * blockSize / len(datagram) {
			_, _ = conn.Write(datagram) // refused now and then, as no process listens; it was sent nevertheless
		}
		require.NoError(f.t, conn.Close())
	}
	return f.out.Write(b)
}

// TestCaptureTellsWhatItHadNoRoomFor: a ring that was full is not a capture that saw
// everything.
func TestCaptureTellsWhatItHadNoRoomFor(t *testing.T) {
	needRoot(t)
	var out bytes.Buffer
	require.NoError(t, probe{"", flooding{t, &out}}.capture(t.Context(), strings.NewReader(`{}`)))
	d := json.NewDecoder(&out)
	require.NoError(t, d.Decode(&struct{}{}))
	var c node.Captured
	require.NoError(t, d.Decode(&c))
	assert.Positive(t, c.Packets, "what there was room for is read")
	assert.Positive(t, c.Dropped)
}

func TestCaptureRefusesAnOrderThatItCannotRead(t *testing.T) {
	var out bytes.Buffer
	err := probe{"", &out}.capture(t.Context(), strings.NewReader("nonsense"))
	require.ErrorContains(t, err, "read the order for a capture")
	assert.Empty(t, out.String())
}
