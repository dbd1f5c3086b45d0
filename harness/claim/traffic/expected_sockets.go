package traffic

import (
	"net/netip"

	"ndbproof/harness/node"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// AnyAddress in an expected socket means every address of the node but the
// loopback ones: which of them a program binds to differs by release and by
// whether the machine has IPv6.
const AnyAddress = "*"

// expectedSockets are all sockets that a node listens on: a management node for
// its clients, a data node for other nodes at the port that config.ini fixes, a
// mysqld for clients and on its unix socket. No profile differs in them yet.
func expectedSockets(_ secure.Profile, r topology.Role) []node.Socket {
	switch r {
	case topology.Mgmd:
		return []node.Socket{{Proto: "tcp", Address: AnyAddress, Port: topology.MgmPort}}
	case topology.Ndbmtd:
		return []node.Socket{{Proto: "tcp", Address: AnyAddress, Port: topology.DataPort}}
	case topology.Mysqld:
		return []node.Socket{
			{Proto: "tcp", Address: AnyAddress, Port: topology.MysqlPort},
			{Proto: "unix", Address: topology.SocketPath},
		}
	}
	return nil
}

// admits tells whether a socket that was seen is this expected one.
func admits(want, seen node.Socket) bool {
	if want.Proto == "unix" || seen.Proto == "unix" {
		return want == seen
	}
	if want.Transport() != seen.Transport() || want.Port != seen.Port {
		return false
	}
	if want.Address != AnyAddress {
		return want.Address == seen.Address
	}
	a, err := netip.ParseAddr(seen.Address)
	return err == nil && !a.Unmap().IsLoopback()
}
