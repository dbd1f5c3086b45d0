package topology

import (
	"io/fs"

	"ndbproof/harness/evidence"
)

// What is seen of running nodes, from outside.

// Stat is a file of a node.
type Stat struct {
	Path string      `json:"path"` // absolute, inside the node
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
	Size int64       `json:"size"`
}

// Socket is something that listens in a node's network namespace.
type Socket struct {
	Proto   string `json:"proto"`   // "tcp", "tcp6", "udp", "udp6", "unix"
	Address string `json:"address"` // without the port; for unix the path
	Port    int    `json:"port"`
}

// Command is a program of the release to be run in a node's container.
type Command struct {
	Argv  []string
	Stdin string
	User  string            // "" is the servers' user
	Env   map[string]string // MYSQL_PWD and the like; never on argv
}

// Output is what a command left behind. A non-zero Exit is not an error.
type Output struct {
	Stdout, Stderr string
	Exit           int
}

// TLSMode says how a login treats TLS.
type TLSMode string

// TLS modes of a login.
const (
	TLSVerify TLSMode = "verify" // TLS, CA and name checked
	TLSOff    TLSMode = "off"    // plain text
)

// Login is a connection to be tried, over TCP.
type Login struct {
	User     string
	Password evidence.Secret
	TLS      TLSMode
	// PublicKey lets a plain login of a cold account go as far as the server's
	// refusal, by asking for the server's RSA key (GET_SOURCE_PUBLIC_KEY).
	PublicKey bool
	Database  string
}

// Position is a place in a binary log.
type Position struct {
	File string `json:"file"`
	Pos  uint64 `json:"pos"`
}

// Mark is a row of high entropy committed for a claim to look for.
type Mark struct {
	Marker string   `json:"marker"` // 32 characters, new for every mark
	Epoch  uint64   `json:"epoch"`
	End    Position `json:"end"` // in the source's binary log, at or behind the row's epoch
}

// Workload is what has been written so far, as its writer counts.
type Workload struct {
	Database string  `json:"database"`
	Table    string  `json:"table"`
	Acked    int64   `json:"acked"` // rows whose commit was acknowledged
	Wanted   int64   `json:"wanted"`
	Seconds  float64 `json:"seconds"`
}

// Identity is whose certificate a server shows.
type Identity string

// Identities: the run's own, and three that a sabotage puts in its place.
const (
	Genuine   Identity = "genuine"    // the certificate made for the run, Subject.Leaf
	Reissued  Identity = "reissued"   // by the run's CA, with the same names, but another one
	Stranger  Identity = "stranger"   // with the same names, by a CA of its own
	WrongName Identity = "wrong name" // by the run's CA, for a host that is not the side's
)
