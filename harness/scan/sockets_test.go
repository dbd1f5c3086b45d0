package scan_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
	"ndbproof/harness/scan"
)

const (
	tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:9E4B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1065 1 00000000f6d90d53 100 0 0 10 0
   1: 030012AC:089A 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 1066 1 00000000f6d90d53 100 0 0 10 0
   2: 030012AC:089A 040012AC:C350 01 00000000:00000000 00:00000000 00000000   999        0 1067 1 00000000f6d90d53 20 4 30 10 -1
   3: 030012AC:C351 020012AC:04A2 06 00000000:00000000 03:00000F5E 00000000     0        0 0 3 00000000f6d90d53
`
	tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0CEA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 2000 1 0 100 0 0 10 0
   1: 00000000000000000000000001000000:82E5 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 2001 1 0 100 0 0 10 0
   2: B80D01200000000067452301EFCDAB89:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 2002 1 0 100 0 0 10 0
   3: 0000000000000000FFFF0000030012AC:0CEA 0000000000000000FFFF0000040012AC:C350 01 00000000:00000000 00:00000000 00000000   999        0 2003 1 0 20 4 30 10 -1
`
	udp = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  511: 0B00007F:8F1C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3000 2 0000000000000000 0
  512: 030012AC:8F1D 0B00007F:0035 01 00000000:00000000 00:00000000 00000000   999        0 3001 2 0000000000000000 0
`
	unix = `Num       RefCount Protocol Flags    Type St Inode Path
00000000dc66f44d: 00000002 00000000 00010000 0001 01  4672 /var/lib/mysql/mysql.sock
0000000035b4fd6b: 00000002 00000000 00010000 0001 01  4679 /a path/with blanks
0000000035b4fd6c: 00000002 00000000 00010000 0005 01  4680 @abstract
0000000035b4fd6d: 00000003 00000000 00000000 0001 03  4681 /var/lib/mysql/mysql.sock
0000000035b4fd6e: 00000003 00000000 00000000 0001 03 14682
`
)

func TestParseSockets(t *testing.T) {
	for proto, c := range map[string]struct {
		table string
		want  []node.Socket
	}{
		"tcp": {tcp, []node.Socket{{Proto: "tcp", Address: "172.18.0.3", Port: 2202}, {Proto: "tcp", Address: "127.0.0.11", Port: 40523}}},
		"tcp6": {tcp6, []node.Socket{
			{Proto: "tcp6", Address: "2001:db8::123:4567:89ab:cdef", Port: 80},
			{Proto: "tcp6", Address: "::", Port: 3306},
			{Proto: "tcp6", Address: "::1", Port: 33509},
		}},
		"udp":  {udp, []node.Socket{{Proto: "udp", Address: "127.0.0.11", Port: 36636}}},
		"udp6": {"  sl  local_address                         remote_address                        st\n", nil},
		"unix": {unix, []node.Socket{{Proto: "unix", Address: "/a path/with blanks"}, {Proto: "unix", Address: "/var/lib/mysql/mysql.sock"}, {Proto: "unix", Address: "@abstract"}}},
	} {
		t.Run(proto, func(t *testing.T) {
			sockets, err := scan.ParseSockets(proto, c.table)
			require.NoError(t, err)
			assert.Equal(t, c.want, sockets)
		})
	}
}

func TestParseSocketsRefuses(t *testing.T) {
	const heading = "  sl  local_address rem_address   st\n"
	for name, c := range map[string]struct{ proto, table, want string }{
		"an unknown table":      {"sctp", heading, "want one of tcp, tcp6, udp, udp6, unix"},
		"an empty file":         {"tcp", "", "it is empty"},
		"no heading":            {"tcp", "   0: 0B00007F:9E4B 00000000:0000 0A", "no heading"},
		"a line cut off":        {"tcp", heading + "   0: 0B00007F:9E4B", "want at least 4 fields"},
		"no port":               {"tcp", heading + "   0: 0B00007F 00000000:0000 0A", "no port"},
		"a port too large":      {"udp", heading + "   0: 0B00007F:19E4B 00000000:0000 07", "port: "},
		"an address of 3":       {"tcp", heading + "   0: 0B0000:9E4B 00000000:0000 0A", "has 3 bytes"},
		"an address not hex":    {"tcp", heading + "   0: 0B0000ZZ:9E4B 00000000:0000 0A", "address: "},
		"a unix line cut off":   {"unix", "Num RefCount\n0000: 00000002 00000000 00010000", "want at least 7 fields, have 4"},
		"unix flags not hex":    {"unix", "Num RefCount\n0000: 00000002 00000000 wrong 0001 01 4672 /x", "flags: "},
		"listening or not, bad": {"tcp", heading + "   0: nonsense 00000000:0000 01", "no port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := scan.ParseSockets(c.proto, c.table)
			require.ErrorContains(t, err, "parse /proc/net/"+c.proto)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzParseSockets(f *testing.F) {
	for i, table := range []string{tcp, tcp6, udp, "  sl  local_address\n", unix} {
		f.Add(i, table)
	}
	f.Fuzz(func(t *testing.T, i int, table string) {
		proto := scan.SocketTables[((i%5)+5)%5]
		sockets, err := scan.ParseSockets(proto, table)
		if err != nil {
			assert.Empty(t, sockets)
		}
		for _, s := range sockets {
			assert.Equal(t, proto, s.Proto)
			if proto != "unix" {
				_, err := netip.ParseAddr(s.Address)
				require.NoError(t, err)
				assert.LessOrEqual(t, s.Port, 65535)
			}
		}
	})
}
