package topology

import "net/netip"

// AnyAddress stands in an expected socket for every address of the node but the
// loopback ones: which of them a program binds to differs by release and by
// whether the machine has IPv6.
const AnyAddress = "*"

// resolver is where a container engine answers the names of a network, inside
// the namespace of each container on it.
var resolver = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// ExpectedSockets are all that a node listens on, each of them, and nothing
// else: a management node for its clients, a data node for other nodes at the
// port that config.ini fixes, a mysqld for clients and on its unix socket.
func (s Spec) ExpectedSockets(n Node) []Socket {
	switch n.Role {
	case Mgmd:
		return []Socket{{Proto: "tcp", Address: AnyAddress, Port: MgmPort}}
	case Ndbmtd:
		return []Socket{{Proto: "tcp", Address: AnyAddress, Port: DataPort}}
	case Mysqld:
		return []Socket{
			{Proto: "tcp", Address: AnyAddress, Port: MysqlPort},
			{Proto: "unix", Address: SocketPath},
		}
	}
	return nil
}

// Admits tells whether what was seen is this expected socket.
func (s Socket) Admits(seen Socket) bool {
	if s.Proto == "unix" || seen.Proto == "unix" {
		return s == seen
	}
	if transport(s.Proto) != transport(seen.Proto) || s.Port != seen.Port {
		return false
	}
	if s.Address != AnyAddress {
		return s.Address == seen.Address
	}
	a, err := netip.ParseAddr(seen.Address)
	return err == nil && !a.Unmap().IsLoopback()
}

// EmbeddedDNS tells whether this is the container engine's own resolver, which
// listens at 127.0.0.11, at a random port of TCP and one of UDP, in every
// container on a network of its user. It is no program of the node's.
func (s Socket) EmbeddedDNS() bool {
	a, err := netip.ParseAddr(s.Address)
	return s.Proto != "unix" && err == nil && a.Unmap() == resolver
}

// transport is the protocol without the family of its addresses.
func transport(proto string) string {
	switch proto {
	case "tcp6":
		return "tcp"
	case "udp6":
		return "udp"
	}
	return proto
}
