package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ndbproof/harness/node"
	"ndbproof/harness/wire"
)

// withoutMemory lets this process map no more than a block less than a ring takes, while f runs.
func withoutMemory(t *testing.T, f func()) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseUint(strings.Fields(string(b))[0], 10, 64)
	require.NoError(t, err)
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_AS, &before))
	limit := unix.Rlimit{Cur: pages*uint64(os.Getpagesize()) + blockSize*(blockCount-1), Max: before.Max}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_AS, &limit))
	f()
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_AS, &before))
}

// TestOpenRingPrintsNothing makes the sharing of the blocks fail, where afpacket
// prints a word.
func TestOpenRingPrintsNothing(t *testing.T) {
	needRoot(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = file
	withoutMemory(t, func() { _, err = openRing() })
	used := os.Stdout
	os.Stdout = stdout

	require.ErrorContains(t, err, "open a packet socket with 16 MiB of blocks: cannot allocate memory")
	assert.Same(t, file, used, "it is put back")
	require.NoError(t, file.Close())
	printed, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Empty(t, string(printed))
}

// TestCaptureSeesEachPacketOnce: on the loopback interface a packet goes out and
// comes in.
func TestCaptureSeesEachPacketOnce(t *testing.T) {
	needRoot(t)
	var config net.ListenConfig
	server, err := config.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close() //nolint:errcheck // nothing is to be written
	stop := capturing(t, `{}`)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "udp4", server.LocalAddr().String())
	require.NoError(t, err)
	for range 3 {
		_, err = conn.Write([]byte("seven b"))
		require.NoError(t, err)
	}
	client := conn.LocalAddr().String()
	require.NoError(t, conn.Close())
	for _, f := range stop().Flows {
		switch client {
		case f.Client:
			assert.Equal(t, node.Stream{Packets: 3, Bytes: 21}, f.Up)
			return
		case f.Server: // of two ports that no server has, the lower one counts as the server's
			assert.Equal(t, node.Stream{Packets: 3, Bytes: 21}, f.Down)
			return
		}
	}
	require.Fail(t, "no flow of "+client)
}

func TestRingTakesTheHeaderOff(t *testing.T) {
	at := time.Unix(5, 6)
	ethernet := func(kind ...byte) []byte { return append(make([]byte, 12), append(kind, 'x', 'y')...) }
	for name, c := range map[string]struct {
		bare  bool
		data  []byte
		ether uint16
		rest  string
	}{
		"IPv4":          {false, ethernet(8, 0), 0x0800, "xy"},
		"ARP":           {false, ethernet(8, 6), 0x0806, "xy"},
		"a length":      {false, ethernet(0, 39), 4, "xy"},
		"no payload":    {false, ethernet(8, 0)[:14], 0x0800, ""},
		"VLAN":          {false, ethernet(0x81, 0, 0, 5, 8, 0), 0x0800, "xy"},
		"two VLANs":     {false, ethernet(0x88, 0xA8, 0, 5, 0x81, 0, 0, 6, 0x86, 0xDD), 0x86DD, "xy"},
		"half a tag":    {false, ethernet(0x81, 0), 0x8100, "xy"},
		"cut off":       {false, []byte("frame"), 4, "frame"},
		"tunnel, IPv4":  {true, []byte("E..."), 0x0800, "E..."},
		"tunnel, IPv6":  {true, []byte("`..."), 0x86DD, "`..."},
		"tunnel, empty": {true, []byte{}, 0x0800, ""},
	} {
		r := ring{bare: map[int]bool{7: c.bare}}
		got := r.frame(c.data, gopacket.CaptureInfo{Timestamp: at, InterfaceIndex: 7})
		assert.Equal(t, wire.Frame{At: at, Ether: c.ether, Data: []byte(c.rest)}, got, name)
	}
}

func TestRingKnowsInterfaces(t *testing.T) {
	loopback, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	r := ring{bare: map[int]bool{}}
	assert.False(t, r.isBare(loopback.Index), "it has a header, without addresses")
	assert.False(t, r.isBare(1<<30), "one that is gone")
}
