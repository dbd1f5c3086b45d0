// Package wire judges what travels, as bytes: it puts captured packets in order, says
// what each flow is, and shakes hands with a server as far as TLS goes.
package wire

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// Frame is one frame as a packet socket gives it, without the link's header.
type Frame struct {
	At    time.Time
	Ether uint16 // its type: 0x0800 is IPv4
	Data  []byte // from there on; not kept
}

// headersPerFlow is how many packets of a flow the pcap holds: the opening of
// the connection, the handshake of TLS, and a little of what follows. Each is cut
// off at the end of its headers, which take no more than headersMost bytes.
const (
	headersPerFlow = 64
	headersMost    = 256
)

// Tap tells flows apart, reads TCP's payloads in order, and keeps what they
// were like. It is for one goroutine.
type Tap struct {
	markers map[string][]byte
	open    map[ends]*flow
	flows   []*flow
	packets int64
	headers *pcapgo.Writer
	file    bytes.Buffer // what headers writes: it takes everything
}

// ends is a flow while it goes on, whichever end a packet came from.
type ends struct {
	proto string
	a, b  netip.AddrPort // a is the smaller one
	icmp  byte           // types of ICMP are flows of their own
}

type flow struct {
	node.Flow
	client   netip.AddrPort
	up, down stream
	opening  uint32 // sequence number of its opening packet
	closed   bool
	kept     int
}

// NewTap looks for markers, by the names under which they are reported.
func NewTap(markers map[string]string) *Tap {
	t := &Tap{markers: map[string][]byte{}, open: map[ends]*flow{}}
	t.headers = pcapgo.NewWriterNanos(&t.file)
	_ = t.headers.WriteFileHeader(headersMost, layers.LinkTypeRaw) // each packet begins with IP
	for name, m := range markers {
		if m != "" {
			t.markers[name] = []byte(m)
		}
	}
	return t
}

// Add takes one frame.
func (t *Tap) Add(f Frame) {
	t.packets++
	p := parseFrame(f.Ether, f.Data)
	fl := t.flow(p)
	from, dir := &fl.Up, &fl.up
	if p.from != fl.client {
		from, dir = &fl.Down, &fl.down
	}
	from.Packets++
	if fl.kept < headersPerFlow && p.header > 0 {
		fl.kept++
		n := min(p.header, len(f.Data), headersMost)
		_ = t.headers.WritePacket(gopacket.CaptureInfo{Timestamp: f.At, CaptureLength: n, Length: len(f.Data)}, f.Data[:n])
	}
	if p.proto != "tcp" {
		from.Bytes += int64(len(p.payload))
		return
	}
	if p.flags&flagSYN != 0 {
		dir.begin(p.seq)
		return // data in an opening packet (fast open) would be missed, and be told as such
	}
	dir.add(p.seq, p.payload)
	fl.closed = fl.closed || p.flags&(flagFIN|flagRST) != 0
}

// flow finds the flow that a packet belongs to, or begins one.
func (t *Tap) flow(p datagram) *flow {
	key := ends{p.proto, p.from, p.to, 0}
	if p.to.Compare(p.from) < 0 {
		key.a, key.b = p.to, p.from
	}
	if p.proto == "icmp" || p.proto == "icmp6" {
		key.icmp = p.icmpType
	}
	opens := p.proto == "tcp" && p.flags&flagSYN != 0 && p.flags&flagACK == 0
	if f, known := t.open[key]; known && (!opens || !f.closed || f.opening == p.seq) {
		return f
	}
	f := &flow{client: p.from, opening: p.seq}
	f.Proto, f.Begun = p.proto, opens
	server := p.to
	if !opens && (serves(p.from) && !serves(p.to) || serves(p.from) == serves(p.to) && p.from.Port() < p.to.Port()) {
		f.client, server = p.to, p.from
	}
	f.Client, f.Server = name(f.client), name(server)
	if key.icmp != 0 {
		f.Proto += " " + strconv.Itoa(int(key.icmp))
	}
	f.up.facts, f.down.facts = &f.Up, &f.Down
	f.up.content.markers, f.down.content.markers = t.markers, t.markers
	t.open[key] = f
	t.flows = append(t.flows, f)
	return f
}

// serves tells whether a server of a cluster listens at this port. A flow that
// was open before the capture began shows by nothing else who opened it.
func serves(a netip.AddrPort) bool {
	return slices.Contains([]uint16{topology.MgmPort, topology.DataPort, topology.MysqlPort}, a.Port())
}

func name(a netip.AddrPort) string {
	switch {
	case !a.IsValid():
		return ""
	case a.Port() == 0:
		return a.Addr().String()
	}
	return a.String()
}

// Report ends the capture and gives what was seen; flows in the order in which
// they were first seen.
func (t *Tap) Report() node.Captured {
	c := node.Captured{Packets: t.packets, Flows: []node.Flow{}}
	for _, f := range t.flows {
		f.up.end()
		f.down.end()
		c.Flows = append(c.Flows, f.Flow)
	}
	c.Headers = bytes.Clone(t.file.Bytes())
	return c
}
