// Package topology describes a cluster as plain data and renders from it, by
// pure functions, all files that its nodes read. It starts nothing.
package topology

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// Role is what a node does. The words are the names of the programs.
type Role string

// Roles in the order in which an upgrade takes them.
const (
	Mgmd   Role = "ndb_mgmd"
	Ndbmtd Role = "ndbmtd"
	Mysqld Role = "mysqld"
)

// Side tells the clusters of a pair apart.
type Side string

// The sides of a pair.
const (
	Source  Side = "source"
	Replica Side = "replica"
)

// Sides in the order in which things are shown.
var Sides = []Side{Source, Replica}

// Node is one node of a cluster.
type Node struct {
	Role Role   `json:"role"`
	ID   int    `json:"id"`   // NodeId in config.ini
	Name string `json:"name"` // "mgm", "ndb1", "sql": unique within the cluster
	Host string `json:"host"` // HostName in config.ini: an alias on the cluster's network only
}

// NodeRef names a node of a pair.
type NodeRef struct {
	Side Side   `json:"side"`
	Node string `json:"node"`
}

// Network is one of the networks that nodes are on.
type Network string

// Networks of a pair: one for each cluster, the link between the two mysqlds,
// and for each mysqld the door by which this machine reaches it.
const (
	ClusterNetwork Network = "cluster"
	LinkNetwork    Network = "link"
	DoorNetwork    Network = "door"
)

// apiSlots is how many further API nodes a cluster has room for.
const apiSlots = 4

// Ports inside the cluster.
const (
	MgmPort   = 1186
	DataPort  = 2202 // ServerPort of every data node
	MysqlPort = 3306
)

// Spec is a cluster before it runs: data, printable, diffable.
type Spec struct {
	Name     string          `json:"name"` // "source" or "replica"; part of host names
	Release  release.Release `json:"release"`
	Layout   release.Layout  `json:"layout"`
	ServerID uint32          `json:"server_id"`
	Nodes    []Node          `json:"nodes"`
	Profile  secure.Profile  `json:"profile"`
	Tuning   Tuning          `json:"tuning"`
	// EncryptAtStart has binlog_encryption=ON in my.cnf, as the procedure writes
	// it. Where defect F1 must be worked around it is false, and encryption is
	// switched on by SQL after the start.
	EncryptAtStart bool `json:"encrypt_at_start"`
	// KeyringPlugin takes the keyring_file plugin, as the procedure does on
	// 8.0.25, where the release has the component as well.
	KeyringPlugin bool `json:"keyring_plugin"`
	// Second is the cluster as a second mysqld of it sees it.
	Second bool `json:"second,omitempty"`
	// Reload starts ndb_mgmd on a volume that has a configuration already, and
	// makes it read config.ini again: an upgrade. Else it begins anew.
	Reload bool `json:"reload,omitempty"`
}

// Standard is the cluster of the procedure: one management node, four data
// nodes in two node groups, one mysqld, four free API slots. Its keyring is the
// component wherever the release has it.
func Standard(side Side, r release.Release, l release.Layout, p secure.Profile) Spec {
	s := Spec{Name: string(side), Release: r, Layout: l, ServerID: 1, Profile: p, Tuning: defaultTuning()}
	s.EncryptAtStart = p.BinlogEncryption && !release.F1.Has(r)
	s.KeyringPlugin = !r.Has(release.KeyringComponent)
	if side == Replica {
		s.ServerID = 2
	}
	add := func(role Role, id int, name string) {
		s.Nodes = append(s.Nodes, Node{role, id, name, s.Name + "-" + name})
	}
	add(Mgmd, 1, "mgm")
	for i := 1; i <= 4; i++ {
		add(Ndbmtd, i+1, fmt.Sprintf("ndb%d", i))
	}
	add(Mysqld, 49, "sql")
	return s
}

// Of gives the nodes of one role, in order.
func (s Spec) Of(role Role) []Node {
	var out []Node
	for _, n := range s.Nodes {
		if n.Role == role {
			out = append(out, n)
		}
	}
	return out
}

// Connectstring names the management nodes for all others.
func (s Spec) Connectstring() string {
	var hosts []string
	for _, n := range s.Of(Mgmd) {
		hosts = append(hosts, n.Host)
	}
	return strings.Join(hosts, ",")
}

// LinkHost is the mysqld's name on the network between the clusters, the one
// in its certificate and in the channel's SOURCE_HOST.
func (s Spec) LinkHost() string {
	if s.Second {
		return s.Name + "-second.link"
	}
	return s.Name + ".link"
}

// WithSecond is the same cluster with another mysqld in the first one's place, for
// the caller that deploys that one: in any of the free slots, with a server_id of
// its own, since its binary log is another one, and a name of its own on the link.
func (s Spec) WithSecond() Spec {
	s.Second, s.ServerID = true, s.ServerID+secondServerID
	s.Nodes = slices.DeleteFunc(slices.Clone(s.Nodes), func(n Node) bool { return n.Role == Mysqld })
	s.Nodes = append(s.Nodes, Node{Role: Mysqld, Name: "sql2", Host: s.Name + "-sql2"})
	return s
}

// secondServerID is added to the server_id of a cluster's first mysqld.
const secondServerID = 10

// Paths inside the containers, the same for every release.
const (
	EtcDir     = "/etc/ndbproof"          // configuration, certificates
	TLSDir     = EtcDir + "/tls"          // ca.pem, server-cert.pem, server-key.pem, at the replica also client files
	MysqlDir   = "/var/lib/mysql"         // the volume of a mysqld
	DataDir    = MysqlDir + "/data"       // its datadir
	LogDir     = MysqlDir + "/data"       // binary and relay logs lie in the datadir, as in the procedure
	KeyringDir = MysqlDir + "/keys"       // the keyring file's folder, beside the data (gap G8)
	NdbDir     = "/var/lib/ndb"           // the volume of an ndb_mgmd or ndbmtd
	SocketPath = MysqlDir + "/mysql.sock" // the unix socket
	ConfigPath = EtcDir + "/config.ini"   // read by an ndb_mgmd
	MyCnfPath  = EtcDir + "/my.cnf"       // read by a mysqld

	CAPath        = TLSDir + "/ca.pem"       // whose certificates a mysqld, and its channel, trusts
	StrangeCAPath = TLSDir + "/other-ca.pem" // beside it while a sabotage has another CA there
)

// File is a file to be put into a node before its program starts.
type File struct {
	Path    string
	Content []byte
	Mode    int64 // permission bits
	Own     bool  // owned by the servers' user; else by root
}

// Config is everything rendered for one node.
type Config struct {
	Node   Node
	Argv   []string // the program and its arguments; no shell
	Files  []File
	Volume string // the directory that a named volume holds
	// Folders must be there before the program starts, with mode 0700 and owned
	// by the servers' user: component_keyring_file makes none, and is disabled
	// without a word in the client's sight when its folder is missing.
	Folders []string
	// Env is the program's environment, besides what its image sets: names and
	// values as "UMASK=0600".
	Env []string
}

// Files is what Render returns, in the order of Spec.Nodes.
type Files []Config
