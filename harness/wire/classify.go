package wire

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// Class is who talks to whom.
type Class string

// Classes of flows that a pair has. A flow in none of them is Unclassified.
const (
	ClientMysqld  Class = "client-mysqld"
	Channel       Class = "channel" // mysqld to mysqld on the link; tools run beside the replica come the same way
	MysqldNdbmtd  Class = "mysqld-ndbmtd"
	NdbmtdNdbmtd  Class = "ndbmtd-ndbmtd"
	Management    Class = "ndb_mgmd" // anything with a management node at one end
	Resolver      Class = "resolver" // the container engine's own, at 127.0.0.11
	Neighbourhood Class = "neighbourhood"
	Unclassified  Class = ""
)

// NDB tells whether it is a link inside a cluster.
func (c Class) NDB() bool { return c == MysqldNdbmtd || c == NdbmtdNdbmtd || c == Management }

// rule admits flows of TCP to one port: from one of some roles, to one role, on
// a network. A role "" is the machine itself.
type rule struct {
	class   Class
	network topology.Network
	from    []topology.Role
	to      topology.Role
	port    int
	sides   sides
}

// sides says how the sides of both ends must lie.
type sides int

const (
	sameSide sides = iota
	replicaToSource
)

// rules are all flows of a pair. A management node is a client of data nodes,
// too.
var rules = []rule{
	{ClientMysqld, topology.DoorNetwork, []topology.Role{""}, topology.Mysqld, topology.MysqlPort, sameSide},
	{Channel, topology.LinkNetwork, []topology.Role{topology.Mysqld}, topology.Mysqld, topology.MysqlPort, replicaToSource},
	{MysqldNdbmtd, topology.ClusterNetwork, []topology.Role{topology.Mysqld}, topology.Ndbmtd, topology.DataPort, sameSide},
	{NdbmtdNdbmtd, topology.ClusterNetwork, []topology.Role{topology.Ndbmtd}, topology.Ndbmtd, topology.DataPort, sameSide},
	{Management, topology.ClusterNetwork, []topology.Role{topology.Mgmd}, topology.Ndbmtd, topology.DataPort, sameSide},
	{Management, topology.ClusterNetwork, []topology.Role{topology.Mgmd, topology.Ndbmtd, topology.Mysqld}, topology.Mgmd, topology.MgmPort, sameSide},
}

// local are the servers that a program in their own node may reach by any of
// the node's addresses: mysql beside a mysqld, ndb_mgm beside an ndb_mgmd.
var local = map[topology.Role]struct {
	port  int
	class Class
}{
	topology.Mysqld: {topology.MysqlPort, ClientMysqld},
	topology.Mgmd:   {topology.MgmPort, Management},
}

// Book tells whose addresses are.
type Book struct{ of map[string][]node.Address }

// NewBook takes the addresses of all nodes and gateways of a pair.
func NewBook(all []node.Address) Book {
	b := Book{map[string][]node.Address{}}
	for _, a := range all {
		b.of[a.IP] = append(b.of[a.IP], a)
	}
	return b
}

// Classify tells what a flow is that was seen in a node's namespace.
func (b Book) Classify(at node.Address, f node.Flow) Class {
	from, fromPort := split(f.Client)
	to, toPort := split(f.Server)
	switch {
	case from == resolver || to == resolver:
		return Resolver
	case b.neighbourly(f, from, to):
		return Neighbourhood
	case f.Proto != "tcp" || fromPort == 0:
		return Unclassified
	}
	clients, servers := b.whose(at, from), b.whose(at, to)
	for _, c := range clients {
		for _, s := range servers {
			if l, serves := local[s.Role]; serves && l.port == toPort && !c.Gateway() && c.Side == s.Side && c.Node == s.Node {
				return l.class
			}
			for _, r := range rules {
				if r.admits(c, s, toPort) {
					return r.class
				}
			}
		}
	}
	return Unclassified
}

func (r rule) admits(client, server node.Address, port int) bool {
	if port != r.port || server.Role != r.to || server.Gateway() || !slices.Contains(r.from, client.Role) {
		return false
	}
	if client.Network != r.network || server.Network != r.network {
		return false
	}
	if r.sides == replicaToSource {
		return client.Side == topology.Replica && server.Side == topology.Source
	}
	return client.Side == server.Side
}

// whose gives the holders of an address; a loopback one is the node's own.
func (b Book) whose(at node.Address, ip string) []node.Address {
	if a, err := netip.ParseAddr(ip); err == nil && a.Unmap().IsLoopback() {
		return []node.Address{at}
	}
	return b.of[ip]
}

// neighbourly tells whether a flow is what machines on a link say to one
// another about the link itself, or what this machine says to all of them:
// resolution of addresses, membership of multicast groups, its own announcements.
func (b Book) neighbourly(f node.Flow, from, to string) bool {
	kind, number, _ := strings.Cut(f.Proto, " ")
	switch kind {
	case "arp", "igmp":
		return true
	case "icmp6":
		n, err := strconv.Atoi(number)
		return err == nil && (n >= 130 && n <= 137 || n == 143) // RFC 2710, 3810, 4861
	case "udp":
		source, err1 := netip.ParseAddr(from)
		target, err2 := netip.ParseAddr(to)
		if err1 != nil || err2 != nil {
			return false
		}
		outside := source.IsLinkLocalUnicast() || slices.ContainsFunc(b.of[from], node.Address.Gateway)
		return outside && (target.IsMulticast() || target.As16()[15] == 255 && target.Is4())
	}
	return false
}

// resolver is where the engine answers the names of a network.
const resolver = "127.0.0.11"

// split takes "address:port" apart; the port is 0 where there is none.
func split(s string) (ip string, port int) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().Unmap().String(), int(a.Port())
	}
	return s, 0
}
