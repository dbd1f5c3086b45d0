package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/greeting"
	"ndbproof/harness/node"
)

// recorded is what a connection carried, each way.
type recorded struct{ up, down []byte }

// recording keeps what is written to a connection.
type recording struct {
	net.Conn
	mu  *sync.Mutex
	all *[]byte
}

func (r recording) Write(b []byte) (int, error) {
	r.mu.Lock()
	*r.all = append(*r.all, b...)
	r.mu.Unlock()
	return r.Conn.Write(b)
}

// overTLS records a real connection: MySQL's way into TLS, a handshake of the
// version, and a text each way.
func overTLS(t *testing.T, version uint16, text string) recorded {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"source.link"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)

	var out recorded
	var mu sync.Mutex
	a, b := net.Pipe()
	defer disconnect(a, b)
	client, server := recording{a, &mu, &out.up}, recording{b, &mu, &out.down}
	var g sync.WaitGroup
	g.Go(func() {
		_, _ = server.Write(first(hello(offered)))
		_, _ = io.ReadFull(server, make([]byte, greeting.SSLRequestSize+4))
		s := tls.Server(server, &tls.Config{MinVersion: version, MaxVersion: version, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
		_, _ = io.ReadFull(s, make([]byte, len(text)))
		_, _ = io.WriteString(s, text)
	})
	_, err = greeting.Read(t.Context(), client)
	require.NoError(t, err)
	_, err = client.Write(greeting.SSLRequest(1))
	require.NoError(t, err)
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: version}) //nolint:gosec // what is recorded matters, not who it is
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, len(text)))
	require.NoError(t, err)
	g.Wait()
	return out
}

// through reads bytes in segments of a size.
func through(whole bool, size int, b []byte, markers ...string) node.Stream {
	var facts node.Stream
	s := stream{facts: &facts}
	s.content.markers = map[string][]byte{}
	for _, m := range markers {
		s.content.markers[m] = []byte(m)
	}
	const first = 0xFFFFFF00 // sequence numbers wrap around
	if whole {
		s.begin(first - 1)
	}
	for at := 0; at < len(b); at += size {
		s.add(first+uint32(at), b[at:min(len(b), at+size)])
	}
	s.end()
	return facts
}

func TestContentOfTLS(t *testing.T) {
	const text = "markOFAROWTHATMUSTNOTBESEENATALL"
	for version, want := range map[uint16]string{tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"} {
		r := overTLS(t, version, text)
		for _, size := range []int{1, 7, 100, 1 << 20} {
			up, down := through(true, size, r.up, text), through(true, size, r.down, text)
			assert.Equal(t, OpensSSLRequest, up.Opens)
			assert.Equal(t, OpensGreeting, down.Opens)
			assert.Equal(t, want, down.TLSVersion)
			assert.Contains(t, down.CipherSuite, "TLS_")
			assert.Empty(t, up.TLSVersion, "the client's offer is none")
			for _, s := range []node.Stream{up, down} {
				assert.Zero(t, s.Clear+s.Unread+s.Missed)
				assert.Greater(t, s.Records, int64(2))
				assert.Empty(t, s.Markers)
			}
			assert.EqualValues(t, len(r.up), up.Bytes)
		}
	}
}

// Bytes that follow TLS records, and are none, are counted as clear.
func TestContentClearBehindTLS(t *testing.T) {
	r := overTLS(t, tls.VersionTLS13, "text")
	for _, size := range []int{1, 11, 1 << 20} {
		s := through(true, size, append(r.down, "SELECT secret"...), "secret")
		assert.EqualValues(t, len("SELECT secret"), s.Clear)
		assert.Equal(t, []string{"secret"}, s.Markers)
	}
}

func TestContentInClear(t *testing.T) {
	login := append([]byte{90, 0, 0, 1}, make([]byte, 90)...)
	binary.LittleEndian.PutUint32(login[4:], greeting.ClientProtocol41|greeting.ClientPluginAuth)
	refusal := append(first(hello(offered)), "\x17\x00\x00\x02\xff\x15\x04#28000Access denied"...)
	for name, c := range map[string]struct {
		sent  []byte
		opens string
		clear int
	}{
		"login":          {login, OpensLogin, len(login)},
		"refused":        {refusal, OpensGreeting, len(refusal) - len(first(hello(offered)))},
		"blocked":        {first(append([]byte{0xFF, 0x69, 0x04}, blockedHost...)), OpensError, 0},
		"ndb":            {[]byte("ndbd\nndbd passwd\n"), OpensNDB, 17},
		"something else": {[]byte("get nodeid\nversion: 1\n"), OpensOther, 22},
		"a few bytes":    {[]byte("quit\n"), OpensOther, 5},
		"nothing":        {nil, "", 0},
	} {
		for _, size := range []int{1, 5, 1000} {
			s := through(true, size, c.sent)
			assert.Equal(t, c.opens, s.Opens, name)
			assert.EqualValues(t, c.clear, s.Clear, "%s in segments of %d", name, size)
			assert.Zero(t, s.Records+s.Unread)
		}
	}
	s := through(true, 1000, append(greeting.SSLRequest(1), "\x16\x03\x01\x00\x01x"...))
	assert.Equal(t, OpensSSLRequest, s.Opens)
	assert.EqualValues(t, 1, s.Records)
	assert.Equal(t, OpensTLS, through(true, 3, []byte("\x16\x03\x01\x00\x04abcd")).Opens)
}

// record is one of TLS, with a body that is like the header of others by chance.
func record(size int) []byte {
	b := binary.BigEndian.AppendUint16([]byte{recordData, 3, 3}, uint16(size))
	return append(b, strings.Repeat("\x17\x03\x03\x00\x04", size/5+1)[:size]...)
}

// A connection that was open before is in step from the first segment on that
// begins with a record.
func TestContentFromTheMiddle(t *testing.T) {
	var facts node.Stream
	s := stream{facts: &facts}
	seq := uint32(77)
	send := func(b []byte) {
		s.add(seq, b)
		seq += uint32(len(b))
	}
	send([]byte("the rest of a record"))
	send(record(1000)[:600])
	send(record(1000)[600:])
	for range 3 {
		send(record(50))
	}
	s.end()
	assert.EqualValues(t, 20, facts.Unread)
	assert.EqualValues(t, 4, facts.Records)
	assert.Zero(t, facts.Clear)
	assert.Empty(t, facts.Opens)
	send([]byte("and then something in clear"))
	assert.EqualValues(t, 27, facts.Clear, "once in step, what is no record is clear")
}

func TestContentFromTheMiddleThatIsLikeARecordByChance(t *testing.T) {
	b := append(record(5), "SELECT * FROM test1.t1"...)
	facts := through(false, len(b), b)
	assert.Zero(t, facts.Records)
	assert.Zero(t, facts.Clear)
	assert.EqualValues(t, len(b), facts.Unread)
}

func TestStreamPutsSegmentsInOrder(t *testing.T) {
	text := "abcdefghijklmnopqrstuvwxyz"
	type piece struct{ from, to int }
	for name, c := range map[string]struct {
		pieces []piece
		bytes  int
		missed int
		marker string
	}{
		"in order":            {[]piece{{0, 10}, {10, 26}}, 26, 0, "ijkl"},
		"out of order":        {[]piece{{0, 5}, {20, 26}, {10, 20}, {5, 10}}, 26, 0, "defghijk"},
		"twice":               {[]piece{{0, 10}, {0, 10}, {10, 26}, {0, 26}}, 26, 0, "jklm"},
		"overlapping":         {[]piece{{0, 10}, {5, 15}, {3, 26}}, 26, 0, "ijklmnop"},
		"held ones overlap":   {[]piece{{0, 2}, {10, 20}, {8, 26}, {2, 8}}, 26, 0, "abcdefghijkl"},
		"one missing":         {[]piece{{0, 5}, {10, 26}}, 21, 5, "klmno"},
		"two missing":         {[]piece{{0, 5}, {10, 12}, {20, 26}}, 13, 13, "uvw"},
		"first one is no end": {[]piece{{5, 10}, {10, 26}}, 21, 5, "jkl"},
	} {
		var facts node.Stream
		s := stream{facts: &facts}
		s.content.markers = map[string][]byte{"m": []byte(c.marker), "never": []byte("cba")}
		s.begin(41)
		for _, p := range c.pieces {
			s.add(uint32(42+p.from), []byte(text[p.from:p.to]))
		}
		s.end()
		assert.EqualValues(t, c.bytes, facts.Bytes, name)
		assert.EqualValues(t, c.missed, facts.Missed, name)
		assert.Equal(t, []string{"m"}, facts.Markers, name)
	}
}

// A hole that is never filled does not hold everything back.
func TestStreamGivesUpAHole(t *testing.T) {
	var facts node.Stream
	s := stream{facts: &facts}
	s.begin(0)
	for i := range heldSegments + 10 {
		s.add(uint32(100+i), []byte("x"))
	}
	assert.EqualValues(t, 99, facts.Missed)
	assert.EqualValues(t, heldSegments+10, facts.Bytes)
	assert.Empty(t, s.held)
}

func TestServerHello(t *testing.T) {
	hello := func(random []byte, session int, extensions ...byte) []byte {
		body := append([]byte{3, 3}, random...)
		body = append(body, byte(session))
		body = append(body, make([]byte, session)...)
		body = append(body, 0x13, 0x02, 0)
		body = binary.BigEndian.AppendUint16(body, uint16(len(extensions)))
		body = append(body, extensions...)
		return append([]byte{messageServerHello, 0, 0, byte(len(body))}, body...)
	}
	random := make([]byte, 32)
	h, ok := parseServerHello(hello(random, 32, 0, 51, 0, 1, 9, 0, 43, 0, 2, 3, 4))
	assert.True(t, ok)
	assert.Equal(t, Hello{tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384}, h)
	h, ok = parseServerHello(hello(random, 0))
	assert.True(t, ok)
	assert.EqualValues(t, tls.VersionTLS12, h.Version)
	h, ok = parseServerHello(hello(random, 0, 0, 43, 0, 9, 3, 4)) // cut off: the legacy field is what is left
	assert.True(t, ok)
	assert.EqualValues(t, tls.VersionTLS12, h.Version)
	_, ok = parseServerHello(hello(retry, 0))
	assert.False(t, ok, "a HelloRetryRequest is not the answer")
	_, ok = parseServerHello([]byte{1, 0, 0, 1, 0})
	assert.False(t, ok)

	whole := hello(random, 32, 0, 43, 0, 2, 3, 4)
	for n := range len(whole) {
		assert.NotPanics(t, func() { parseServerHello(whole[:n]) })
	}
	assert.Equal(t, "TLSv1.1", versionName(tls.VersionTLS11))
	assert.Equal(t, "TLSv1", versionName(tls.VersionTLS10))
	assert.Equal(t, "0x0300", versionName(0x300))
}

func FuzzServerHello(f *testing.F) {
	f.Add([]byte{2, 0, 0, 40})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := parseServerHello(b); !ok {
			assert.Zero(t, h)
		}
	})
}

// Every byte is counted once, however the stream is cut into segments.
func FuzzContent(f *testing.F) {
	f.Add(first(hello(offered)), 3, true)
	f.Add(append(greeting.SSLRequest(1), record(20)...), 7, true)
	f.Add(append(record(20), record(9)...), 100, false)
	f.Add([]byte("ndbd\n"), 1, true)
	f.Fuzz(func(t *testing.T, b []byte, size int, whole bool) {
		if size < 1 || size > 1<<16 {
			return
		}
		s := through(whole, size, b, "marker")
		assert.EqualValues(t, len(b), s.Bytes)
		assert.GreaterOrEqual(t, s.Records, int64(0))
		assert.LessOrEqual(t, s.Clear+s.Unread, s.Bytes)
		assert.Equal(t, strings.Contains(string(b), "marker"), len(s.Markers) == 1)
		if whole {
			assert.Equal(t, s.Clear, through(whole, 1<<16, b).Clear, "cutting changes nothing")
		}
	})
}
