package node

import "ndbproof/harness/topology"

// What is seen of the wire, by a capture in a node's network namespace. None of
// it holds a payload.

// Address tells whose an address is. The machine's own on a network, its
// gateway, has no node, and on the link no side.
type Address struct {
	IP      string           `json:"ip"`
	Side    topology.Side    `json:"side,omitempty"`
	Node    string           `json:"node,omitempty"`
	Role    topology.Role    `json:"role,omitempty"`
	Network topology.Network `json:"network"`
}

// Gateway tells whether it is the machine's own address.
func (a Address) Gateway() bool { return a.Node == "" }

// CaptureOrder is what a capture reads before it begins.
type CaptureOrder struct {
	// Markers are texts to look for in payloads, by a name that stands for them
	// in what is reported. They never stand on a command line.
	Markers map[string]string `json:"markers"`
}

// Captured is what one node's namespace saw.
type Captured struct {
	topology.NodeRef
	Packets int64  `json:"packets"` // seen, of all kinds
	Dropped int64  `json:"dropped"` // by the kernel, because the capture was too slow
	Flows   []Flow `json:"flows"`
	// Headers is a pcap file without payloads: of each flow the first packets, up
	// to the end of their TCP or UDP header. It is kept beside an observation.
	Headers []byte `json:"headers,omitempty"`
}

// Flow is a connection of TCP, or all that two ends say to one another in
// another protocol.
type Flow struct {
	Proto string `json:"proto"` // "tcp", "udp", "icmp", "icmp6", "igmp", "arp"; else "ip 47", "ether 0x88cc"
	// Client is who opened it. Of a flow that was open before, it is the end whose
	// port no server of a cluster has. Both are "address:port", or an address.
	Client string `json:"client"`
	Server string `json:"server"`
	Begun  bool   `json:"begun"` // its opening was seen
	Up     Stream `json:"up"`    // from client to server
	Down   Stream `json:"down"`
}

// Stream is one direction of a flow. It counts bytes of TCP's payload apart:
// those before TLS that belong to MySQL's way into it, whole TLS records, and
// the rest.
type Stream struct {
	Packets  int64 `json:"packets"`
	Segments int64 `json:"segments"` // packets with a payload
	Bytes    int64 `json:"bytes"`    // of payload, without what was sent again
	// Opens is what the first bytes are: "mysql-greeting", "mysql-error",
	// "ssl-request", "mysql-login", "tls", "ndb", "other"; "" when there were none,
	// or the beginning was not seen.
	Opens   string `json:"opens,omitempty"`
	Records int64  `json:"records"`          // whole TLS records
	Clear   int64  `json:"clear"`            // bytes that are neither TLS nor MySQL's way into it
	Unread  int64  `json:"unread,omitempty"` // bytes before the first record could be found, of a flow open before
	Missed  int64  `json:"missed,omitempty"` // bytes that the capture did not see
	// TLSVersion and CipherSuite are of the ServerHello: "TLSv1.3" from its
	// supported_versions, and IANA's name.
	TLSVersion  string   `json:"tls_version,omitempty"`
	CipherSuite string   `json:"cipher_suite,omitempty"`
	Markers     []string `json:"markers,omitempty"` // names of those found in its payload
}
