package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Types of link-level frames, and protocols of IP.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86DD

	protoICMP  = 1
	protoIGMP  = 2
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58
)

// Flags of a TCP header.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	_
	flagACK
)

// datagram is one packet of IP, or a frame of another protocol.
type datagram struct {
	proto    string
	from, to netip.AddrPort // port 0 where the protocol has none
	seq      uint32
	flags    byte
	header   int // length of all headers
	payload  []byte
	icmpType byte
}

// parseFrame reads what follows the link's header. A packet that is cut off in
// its headers keeps what could be read.
func parseFrame(ether uint16, b []byte) datagram {
	switch ether {
	case etherIPv4:
		return parseIPv4(b)
	case etherIPv6:
		return parseIPv6(b)
	case etherARP:
		return datagram{proto: "arp"}
	}
	return datagram{proto: fmt.Sprintf("ether 0x%04x", ether)}
}

func parseIPv4(b []byte) datagram {
	if len(b) < 20 || b[0]>>4 != 4 {
		return datagram{proto: "ip broken"}
	}
	head, total := int(b[0]&0xF)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 || total > len(b) { // 0: larger than the field, by segmentation offload
		total = len(b)
	}
	if head < 20 || total < head {
		return datagram{proto: "ip broken"}
	}
	from, to := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	if binary.BigEndian.Uint16(b[6:])&0x1FFF != 0 {
		return datagram{proto: "ip fragment", from: netip.AddrPortFrom(from, 0), to: netip.AddrPortFrom(to, 0), header: head}
	}
	return parseTransport(int(b[9]), from, to, b[:total], head)
}

// parseIPv6 takes packets without extension headers; those with one show it as
// their protocol.
func parseIPv6(b []byte) datagram {
	const head = 40
	if len(b) < head || b[0]>>4 != 6 {
		return datagram{proto: "ip broken"}
	}
	total := head + int(binary.BigEndian.Uint16(b[4:]))
	if total == head || total > len(b) {
		total = len(b)
	}
	from, to := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	next := int(b[6])
	if next == 0 && len(b) >= head+8 { // hop-by-hop options, before reports of multicast listeners
		return parseTransport(int(b[head]), from, to, b[:total], head+8+8*int(b[head+1]))
	}
	return parseTransport(next, from, to, b[:total], head)
}

func parseTransport(proto int, from, to netip.Addr, b []byte, head int) datagram {
	p := datagram{from: netip.AddrPortFrom(from, 0), to: netip.AddrPortFrom(to, 0), header: min(head, len(b))}
	rest := b[p.header:]
	switch proto {
	case protoTCP:
		p.proto = "tcp"
		p.parseTCP(rest)
	case protoUDP:
		p.proto = "udp"
		if len(rest) >= 8 {
			p.setPorts(rest)
			p.header, p.payload = p.header+8, rest[8:]
		}
	case protoICMP, protoICMP6:
		p.proto = map[int]string{protoICMP: "icmp", protoICMP6: "icmp6"}[proto]
		if len(rest) > 0 {
			p.icmpType = rest[0]
		}
	case protoIGMP:
		p.proto = "igmp"
	default:
		p.proto = fmt.Sprintf("ip %d", proto)
	}
	return p
}

func (p *datagram) parseTCP(b []byte) {
	const least = 20
	if len(b) < least {
		return
	}
	p.setPorts(b)
	p.seq, p.flags = binary.BigEndian.Uint32(b[4:]), b[13]
	head := int(b[12]>>4) * 4
	if head < least || head > len(b) {
		p.header += least
		return
	}
	p.header, p.payload = p.header+head, b[head:]
}

func (p *datagram) setPorts(b []byte) {
	p.from = netip.AddrPortFrom(p.from.Addr(), binary.BigEndian.Uint16(b))
	p.to = netip.AddrPortFrom(p.to.Addr(), binary.BigEndian.Uint16(b[2:]))
}
