package node

import "net/netip"

// resolver is where a container engine answers the names of a network, inside
// the namespace of each container on it.
var resolver = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// EmbeddedDNS tells whether this is the container engine's own resolver, which
// listens at 127.0.0.11, at a random port of TCP and one of UDP, in every
// container on a network of its user. It is no program of the node's.
func (s Socket) EmbeddedDNS() bool {
	a, err := netip.ParseAddr(s.Address)
	return s.Proto != "unix" && err == nil && a.Unmap() == resolver
}

// Transport is the protocol without the family of its addresses: "tcp" of "tcp6".
func (s Socket) Transport() string {
	switch s.Proto {
	case "tcp6":
		return "tcp"
	case "udp6":
		return "udp"
	}
	return s.Proto
}
