package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// ip is a packet of IPv4.
func ip(proto byte, from, to string, rest ...byte) []byte {
	b := make([]byte, 20, 20+len(rest))
	b[0], b[9] = 0x45, proto
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(rest)))
	copy(b[12:], netip.MustParseAddr(from).AsSlice())
	copy(b[16:], netip.MustParseAddr(to).AsSlice())
	return append(b, rest...)
}

func tcp(from, to string, seq uint32, flags byte, payload string) []byte {
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	h := binary.BigEndian.AppendUint16(nil, a.Port())
	h = binary.BigEndian.AppendUint16(h, b.Port())
	h = binary.BigEndian.AppendUint32(h, seq)
	h = append(h, 0, 0, 0, 0, 8<<4, flags, 0, 0, 0, 0, 0, 0)
	h = append(h, make([]byte, 12)...) // options
	return ip(protoTCP, a.Addr().String(), b.Addr().String(), append(h, payload...)...)
}

func frames(t *Tap, all ...[]byte) {
	for _, b := range all {
		t.Add(Frame{At: time.Unix(5, 6), Ether: etherIPv4, Data: b})
	}
}

const (
	aClient = "10.0.0.1:40000"
	aServer = "10.0.0.2:3306"
)

func TestTap(t *testing.T) {
	tap := NewTap(map[string]string{"row": "marker", "none": ""})
	frames(tap,
		tcp(aClient, aServer, 100, flagSYN, ""), tcp(aServer, aClient, 900, flagSYN|flagACK, ""),
		tcp(aClient, aServer, 101, flagACK, "hello mar"), tcp(aClient, aServer, 110, flagACK, "ker"),
		tcp(aServer, aClient, 901, flagACK, "answer"), tcp(aClient, aServer, 113, flagFIN|flagACK, ""),
		tcp(aClient, aServer, 5000, flagSYN, ""), // the same ports again
		tcp(aClient, aServer, 5001, flagACK, "again"))
	tap.Add(Frame{Ether: etherARP, Data: make([]byte, 28)})
	tap.Add(Frame{Ether: 0x88CC})
	frames(tap, ip(protoICMP, "10.0.0.1", "10.0.0.2", 3, 1), ip(protoICMP, "10.0.0.2", "10.0.0.1", 8), ip(47, "10.0.0.1", "10.0.0.2"))
	c := tap.Report()

	assert.EqualValues(t, 13, c.Packets)
	require.Len(t, c.Flows, 7)
	f := c.Flows[0]
	assert.Equal(t, [2]string{aClient, aServer}, [2]string{f.Client, f.Server})
	assert.True(t, f.Begun)
	assert.Equal(t, node.Stream{Packets: 4, Segments: 2, Bytes: 12, Opens: OpensOther, Clear: 12, Markers: []string{"row"}}, f.Up)
	assert.Equal(t, node.Stream{Packets: 2, Segments: 1, Bytes: 6, Opens: OpensOther, Clear: 6}, f.Down)
	assert.EqualValues(t, 5, c.Flows[1].Up.Bytes)
	var protos []string
	for _, f := range c.Flows[2:] {
		protos = append(protos, f.Proto)
	}
	assert.Equal(t, []string{"arp", "ether 0x88cc", "icmp 3", "icmp 8", "ip 47"}, protos)
	assert.NotContains(t, string(c.Headers), "hello")
	assert.Len(t, c.Headers, 24+8*(16+52)+2*(16+20)+(16+20), "8 packets of TCP with their options, ICMP's and the other one's headers of IP")
}

// Of a flow that was open before, the server is known by its port.
func TestTapFromTheMiddle(t *testing.T) {
	for name, b := range map[string][]byte{
		"from the server": tcp(aServer, aClient, 1, flagACK, "x"), "from the client": tcp(aClient, aServer, 1, flagACK, "x"),
		"neither known": tcp("10.0.0.2:80", aClient, 1, flagACK, "x"),
	} {
		tap := NewTap(nil)
		frames(tap, b)
		f := tap.Report().Flows[0]
		assert.Equal(t, aClient, f.Client, name)
		assert.False(t, f.Begun)
		assert.EqualValues(t, 1, f.Up.Unread+f.Down.Unread)
	}
	tap := NewTap(nil)
	frames(tap, tcp("10.0.0.2:2202", "10.0.0.3:1100", 1, flagACK, "x"))
	assert.Equal(t, "10.0.0.2:2202", tap.Report().Flows[0].Server, "a known port counts, a lower one does not")
}

func TestTapOpeningSentAgain(t *testing.T) {
	tap := NewTap(nil)
	frames(tap, tcp(aClient, aServer, 100, flagSYN, ""), tcp(aClient, aServer, 100, flagSYN, ""), tcp(aClient, aServer, 101, flagACK, "ab"), tcp(aClient, aServer, 100, flagSYN, ""),
		tcp(aClient, aServer, 103, flagACK, "cd"))
	c := tap.Report()
	require.Len(t, c.Flows, 1)
	assert.EqualValues(t, 4, c.Flows[0].Up.Bytes)
}

func TestHeadersAreFew(t *testing.T) {
	tap := NewTap(nil)
	for i := range 3 * headersPerFlow {
		frames(tap, tcp(aClient, aServer, uint32(i), flagACK, "p"))
	}
	assert.Len(t, tap.Report().Headers, 24+headersPerFlow*(16+52))
}

// The file is one that others read: packets of IP, with times in nanoseconds.
func TestHeadersAreAFile(t *testing.T) {
	tap := NewTap(nil)
	packet := tcp(aClient, aServer, 100, flagACK, "payload")
	frames(tap, packet)
	r, err := pcapgo.NewReader(bytes.NewReader(tap.Report().Headers))
	require.NoError(t, err)
	assert.Equal(t, layers.LinkTypeRaw, r.LinkType())
	assert.EqualValues(t, headersMost, r.Snaplen())
	data, info, err := r.ReadPacketData()
	require.NoError(t, err)
	assert.Equal(t, packet[:52], data)
	assert.True(t, info.Timestamp.Equal(time.Unix(5, 6)))
	assert.Equal(t, len(packet), info.Length)
	_, _, err = r.ReadPacketData()
	assert.ErrorIs(t, err, io.EOF)

	long := ip(protoIGMP, "10.0.0.1", "224.0.0.1", make([]byte, 500)...)
	long[0] = 0x4F
	tap = NewTap(nil)
	frames(tap, long)
	assert.Len(t, tap.Report().Headers, 24+16+60)
	assert.Len(t, NewTap(nil).Report().Headers, 24, "a file also when there was no packet")
}

func TestParseFrame(t *testing.T) {
	v6 := func(next byte, rest ...byte) []byte {
		b := make([]byte, 40, 40+len(rest))
		b[0], b[6] = 0x60, next
		binary.BigEndian.PutUint16(b[4:], uint16(len(rest)))
		b[23], b[39] = 1, 2
		return append(b, rest...)
	}
	padded := append(tcp(aClient, aServer, 1, 0, "ab"), 0, 0, 0, 0)
	offloaded := tcp(aClient, aServer, 1, 0, "abcdef")
	offloaded[2], offloaded[3] = 0, 0
	for name, c := range map[string]struct {
		ether   uint16
		b       []byte
		proto   string
		payload int
	}{
		"padded":        {etherIPv4, padded, "tcp", 2},
		"offloaded":     {etherIPv4, offloaded, "tcp", 6},
		"udp":           {etherIPv4, ip(protoUDP, "10.0.0.1", "10.0.0.2", 0, 9, 0, 53, 0, 0, 0, 0, 'x'), "udp", 1},
		"igmp":          {etherIPv4, ip(protoIGMP, "10.0.0.1", "224.0.0.1"), "igmp", 0},
		"not IPv4":      {etherIPv4, make([]byte, 60), "ip broken", 0},
		"short":         {etherIPv4, []byte{0x45}, "ip broken", 0},
		"IPv6 tcp":      {etherIPv6, v6(protoTCP, append(make([]byte, 12), 5<<4, 0, 0, 0, 0, 0, 0, 0, 'x', 'y')...), "tcp", 2},
		"IPv6 listener": {etherIPv6, v6(0, protoICMP6, 0, 5, 2, 0, 0, 1, 0, 143, 0), "icmp6", 0},
		"IPv6 routing":  {etherIPv6, v6(43), "ip 43", 0},
		"not IPv6":      {etherIPv6, make([]byte, 40), "ip broken", 0},
		"cut off":       {etherIPv4, ip(protoTCP, "10.0.0.1", "10.0.0.2", 1, 2), "tcp", 0},
	} {
		p := parseFrame(c.ether, c.b)
		assert.Equal(t, c.proto, p.proto, name)
		assert.Len(t, p.payload, c.payload, name)
	}
	fragment := ip(protoTCP, "10.0.0.1", "10.0.0.2", make([]byte, 40)...)
	fragment[7] = 9
	assert.Equal(t, "ip fragment", parseFrame(etherIPv4, fragment).proto)
	assert.EqualValues(t, 143, parseFrame(etherIPv6, v6(0, protoICMP6, 0, 5, 2, 0, 0, 1, 0, 143, 0)).icmpType)
}

func FuzzTap(f *testing.F) {
	f.Add(uint16(etherIPv4), tcp(aClient, aServer, 1, flagSYN, "x"))
	f.Add(uint16(etherIPv6), make([]byte, 48))
	f.Add(uint16(etherIPv4), ip(protoUDP, "10.0.0.1", "10.0.0.2", 0, 9))
	f.Fuzz(func(t *testing.T, ether uint16, b []byte) {
		p := parseFrame(ether, b)
		assert.LessOrEqual(t, p.header+len(p.payload), len(b))
		tap := NewTap(map[string]string{"m": "marker"})
		tap.Add(Frame{Ether: ether, Data: b})
		c := tap.Report()
		assert.Len(t, c.Flows, 1)
	})
}

// Whatever travels, only flows between ends that the book knows are any of a
// pair's.
func FuzzClassify(f *testing.F) {
	f.Add("tcp", "10.1.1.5:40000", "10.1.1.3:11860", "10.1.1.3")
	f.Add("udp", "10.9.0.2:5353", "224.0.0.251:5353", "10.9.0.2")
	f.Add("tcp", "[::1]:1", "x:y", "")
	book := bookOfAPair()
	f.Fuzz(func(t *testing.T, proto, client, server, ip string) {
		flow := node.Flow{Proto: proto, Client: client, Server: server}
		from, _ := split(client)
		to, _ := split(server)
		got := book.Classify(node.Address{IP: ip}, flow)
		if len(book.of[from]) == 0 || len(book.of[to]) == 0 {
			assert.Contains(t, []Class{Unclassified, Resolver, Neighbourhood}, got, "%v", flow)
		}
	})
}

// bookOfAPair knows the source's whole cluster, and two nodes of the replica's.
func bookOfAPair() Book {
	at := func(ip string, side topology.Side, name string, role topology.Role, n topology.Network) node.Address {
		return node.Address{IP: ip, Side: side, Node: name, Role: role, Network: n}
	}
	const c, l, d = topology.ClusterNetwork, topology.LinkNetwork, topology.DoorNetwork
	return NewBook([]node.Address{
		at("10.1.1.1", topology.Source, "", "", c), at("10.1.1.2", topology.Source, "mgm", topology.Mgmd, c),
		at("10.1.1.3", topology.Source, "ndb1", topology.Ndbmtd, c), at("10.1.1.4", topology.Source, "ndb2", topology.Ndbmtd, c),
		at("10.1.1.5", topology.Source, "sql", topology.Mysqld, c), at("10.1.3.1", topology.Source, "", "", d), at("10.1.3.2", topology.Source, "sql", topology.Mysqld, d),
		at("10.9.0.1", "", "", "", l), at("10.9.0.2", topology.Source, "sql", topology.Mysqld, l), at("10.9.0.3", topology.Replica, "sql", topology.Mysqld, l),
		at("10.2.1.3", topology.Replica, "ndb1", topology.Ndbmtd, c), at("10.2.1.5", topology.Replica, "sql", topology.Mysqld, c),
	})
}

func TestClassify(t *testing.T) {
	book := bookOfAPair()
	sql, mgm, ndb := book.of["10.9.0.2"][0], book.of["10.1.1.2"][0], book.of["10.1.1.3"][0]
	for name, x := range map[string]struct {
		at                    node.Address
		proto, client, server string
		want                  Class
	}{
		"client at the door":           {sql, "tcp", "10.1.3.1:50000", "10.1.3.2:3306", ClientMysqld},
		"client beside":                {sql, "tcp", "127.0.0.1:50000", "127.0.0.1:3306", ClientMysqld},
		"client beside, by name":       {sql, "tcp", "10.9.0.2:50000", "10.9.0.2:3306", ClientMysqld},
		"channel":                      {sql, "tcp", "10.9.0.3:50000", "10.9.0.2:3306", Channel},
		"channel the wrong way":        {sql, "tcp", "10.9.0.2:50000", "10.9.0.3:3306", Unclassified},
		"machine on the link":          {sql, "tcp", "10.9.0.1:50000", "10.9.0.2:3306", Unclassified},
		"client on the cluster's":      {sql, "tcp", "10.1.1.3:50000", "10.1.1.5:3306", Unclassified},
		"mysqld to data":               {sql, "tcp", "10.1.1.5:50000", "10.1.1.3:2202", MysqldNdbmtd},
		"data to data":                 {ndb, "tcp", "10.1.1.4:50000", "10.1.1.3:2202", NdbmtdNdbmtd},
		"data to data of the other":    {ndb, "tcp", "10.2.1.3:50000", "10.1.1.3:2202", Unclassified},
		"mgmd to data":                 {mgm, "tcp", "10.1.1.2:50000", "10.1.1.3:2202", Management},
		"data to mgmd":                 {mgm, "tcp", "10.1.1.3:50000", "10.1.1.2:1186", Management},
		"mysqld to mgmd":               {mgm, "tcp", "10.1.1.5:50000", "10.1.1.2:1186", Management},
		"mgmd to itself":               {mgm, "tcp", "127.0.0.1:50000", "127.0.0.1:1186", Management},
		"machine to mgmd":              {mgm, "tcp", "10.1.1.1:50000", "10.1.1.2:1186", Unclassified},
		"stranger to mgmd":             {mgm, "tcp", "10.1.1.99:50000", "10.1.1.2:1186", Unclassified},
		"stranger to data":             {ndb, "tcp", "10.1.1.99:50000", "10.1.1.3:2202", Unclassified},
		"another port":                 {sql, "tcp", "10.9.0.3:50000", "10.9.0.2:4444", Unclassified},
		"another port of its own":      {ndb, "tcp", "127.0.0.1:50000", "127.0.0.1:4444", Unclassified},
		"mysqld's port at a data node": {ndb, "tcp", "127.0.0.1:50000", "127.0.0.1:3306", Unclassified},
		"resolver":                     {sql, "udp", "127.0.0.1:50000", "127.0.0.11:45678", Resolver},
		"resolver by tcp":              {sql, "tcp", "127.0.0.1:50000", "127.0.0.11:45678", Resolver},
		"another resolver":             {sql, "udp", "10.1.3.2:50000", "8.8.8.8:53", Unclassified},
		"arp":                          {sql, "arp", "", "", Neighbourhood},
		"igmp":                         {sql, "igmp", "10.1.1.1", "224.0.0.22", Neighbourhood},
		"neighbours of IPv6":           {sql, "icmp6 135", "fe80::1", "ff02::1", Neighbourhood},
		"ping of IPv6":                 {sql, "icmp6 128", "fe80::1", "fe80::2", Unclassified},
		"ping":                         {sql, "icmp 8", "10.1.3.1", "10.1.3.2", Unclassified},
		"announcement by the machine":  {sql, "udp", "10.1.3.1:5353", "224.0.0.251:5353", Neighbourhood},
		"announcement, link-local":     {sql, "udp", "[fe80::1]:5353", "[ff02::fb]:5353", Neighbourhood},
		"announcement by a node":       {sql, "udp", "10.1.1.3:5353", "224.0.0.251:5353", Unclassified},
		"another frame":                {sql, "ether 0x88cc", "", "", Unclassified},
	} {
		got := book.Classify(x.at, node.Flow{Proto: x.proto, Client: x.client, Server: x.server})
		assert.Equal(t, x.want, got, name)
	}
	assert.True(t, Management.NDB())
	assert.False(t, Channel.NDB())
}
