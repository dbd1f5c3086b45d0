// Package node holds what is seen of a node from outside: files, programs, sockets,
// captures and searches, as the helper beside a node is asked for them and answers.
package node

import (
	"io/fs"
)

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
