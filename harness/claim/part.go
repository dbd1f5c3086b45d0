package claim

import (
	"errors"
	"strings"

	"ndbproof/harness/replication"
)

// Part is a set of parts of a Subject.
type Part uint

// The parts of a Subject.
const (
	PartNetwork Part = 1 << iota // both servers can be dialled
	PartSQL                      // the harness has an account on both servers
	PartKeys
	PartFiles
	PartHost
	PartWire
	PartDisks
	PartWriters

	// AllParts is what a pair in containers has.
	AllParts Part = 1<<iota - 1
)

var partNames = []string{"network", "sql", "keys", "files", "host", "wire", "disks", "writers"}

// String names the parts, in the order above: "sql, files".
func (p Part) String() string {
	var names []string
	for i, name := range partNames {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Parts are those that the subject has.
func (s Subject) Parts() Part {
	var p Part
	if s.Channel != nil {
		if everyServer(s.Channel, func(x *replication.Server) bool { return x.Dial != nil }) {
			p |= PartNetwork
		}
		if everyServer(s.Channel, func(x *replication.Server) bool { return x.DB != nil && x.Login != nil }) {
			p |= PartSQL
		}
	}
	for part, there := range map[Part]bool{
		PartKeys: s.Keys != nil, PartFiles: s.Files != nil, PartHost: s.Host != nil,
		PartWire: s.Wire != nil, PartDisks: s.Disks != nil, PartWriters: s.Writers != nil,
	} {
		if there {
			p |= part
		}
	}
	return p
}

// everyServer tells whether a channel has both servers, and both are as wanted.
func everyServer(c *replication.Channel, like func(*replication.Server) bool) bool {
	return c.Source() != nil && c.Replica != nil && like(c.Source()) && like(c.Replica)
}

// CannotLook is the reason why a claim cannot be looked for with the parts that there
// are; nil where it can.
func (c Claim) CannotLook(has Part) error {
	missing := c.Uses &^ has
	if missing == 0 {
		return nil
	}
	return errors.New("cannot look here: needs " + missing.String())
}
