// Package mgm gives the arguments of ndb_mgm, NDB's management client, and reads what
// it prints.
package mgm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Kind is what ndb_mgm calls a node, in the section headings of SHOW.
type Kind string

// Kinds of nodes.
const (
	DataNode       Kind = "ndbd(NDB)" // ndbmtd, too
	ManagementNode Kind = "ndb_mgmd(MGM)"
	APINode        Kind = "mysqld(API)" // mysqlds and the free API slots
)

// States that the project asks for; others (shutting down, restarting, single
// user mode, ...) are kept as printed.
const (
	Started      = "started"
	Starting     = "starting"
	Connected    = "connected" // of nodes other than data nodes
	NotConnected = "not connected"
)

// NodeStatus is what a management server says of one node.
type NodeStatus struct {
	ID        int    `json:"id"`
	Kind      Kind   `json:"kind"`
	State     string `json:"state"`
	Phase     int    `json:"phase"`      // the last start phase completed, of a node that starts or stops; else and in SHOW -1
	Version   string `json:"version"`    // NDB's three numbers; no suffix is ever printed; "" when not connected
	NodeGroup int    `json:"node_group"` // -1: none, not a data node, or not told
	Master    bool   `json:"master"`
	Address   string `json:"address"` // as seen by the management server; "" when not connected
	Accepts   string `json:"accepts"` // the host that a node not connected may come from, or "any host"
	Connected bool   `json:"connected"`
}

var (
	section = regexp.MustCompile(`^\[([a-z_]+\([A-Z]+\))\]\s+(\d+) node\(s\)$`)
	// As in "id=2	@172.18.0.3  (mysql-9.7.2 ndb-9.7.2, Nodegroup: 0, *)".
	showLine = regexp.MustCompile(`^id=(\d+)\s*(?:@(\S+))?\s*\((.*)\)$`)
	// As in "Node 3: starting (Last completed phase 4) (mysql-9.7.2 ndb-9.7.2)".
	// Events, which ndb_mgm prints in between, begin with a capital letter.
	statusLine = regexp.MustCompile(`^Node (\d+): ([a-z][a-z ]*?)(?: \(Last completed phase (\d+)\))?(?: \((.*)\))?$`)
	ndbVersion = regexp.MustCompile(`(?:^|[ -])ndb-(\d+\.\d+\.\d+)`)
)

// ParseShow reads what `ndb_mgm -e show` prints (CommandInterpreter.cpp). It
// fails when a line of a node cannot be read, and when a section holds another
// number of nodes than it announces: a node that goes unseen must be noticed.
func ParseShow(out string) ([]NodeStatus, error) {
	var nodes []NodeStatus
	var kind Kind
	announced := 0
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if m := section.FindStringSubmatch(line); m != nil {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, fmt.Errorf("parse ndb_mgm show: %w in %q", err, line)
			}
			kind, announced = Kind(m[1]), announced+n
			continue
		}
		if !strings.HasPrefix(line, "id=") {
			continue
		}
		n, err := parseShowLine(kind, line)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 || len(nodes) != announced {
		return nil, fmt.Errorf("parse ndb_mgm show: %d nodes announced, %d seen in %q", announced, len(nodes), shorten(out))
	}
	return distinct("show", nodes)
}

func parseShowLine(kind Kind, line string) (NodeStatus, error) {
	m := showLine.FindStringSubmatch(line)
	if m == nil || kind == "" {
		return NodeStatus{}, fmt.Errorf("parse ndb_mgm show: cannot read %q", line)
	}
	id, err := strconv.Atoi(m[1])
	if err != nil {
		return NodeStatus{}, fmt.Errorf("parse ndb_mgm show: %w in %q", err, line)
	}
	n := NodeStatus{ID: id, Kind: kind, Phase: -1, NodeGroup: -1, Address: m[2]}
	for part := range strings.SplitSeq(m[3], ", ") {
		if err := n.read(part); err != nil {
			return NodeStatus{}, fmt.Errorf("parse ndb_mgm show: %w in %q", err, line)
		}
	}
	n.Connected = n.State != NotConnected
	switch {
	case n.State != "":
	case n.Version == "":
		return NodeStatus{}, fmt.Errorf("parse ndb_mgm show: neither version nor state in %q", line)
	case kind == DataNode:
		n.State = Started // SHOW prints only the other states
	default:
		n.State = Connected
	}
	return n, nil
}

// read takes one of the parts that SHOW prints in parentheses.
func (n *NodeStatus) read(part string) (err error) {
	switch group, isGroup := strings.CutPrefix(part, "Nodegroup: "); {
	case isGroup:
		n.NodeGroup, err = strconv.Atoi(group)
	case part == "*" || part == "Master":
		n.Master = true
	case part == "no nodegroup":
	case strings.HasPrefix(part, "accepting connect from "):
		n.Accepts = strings.TrimPrefix(part, "accepting connect from ")
	case ndbVersion.MatchString(part):
		n.Version = ndbVersion.FindStringSubmatch(part)[1]
	default:
		n.State = part
	}
	return err
}

// ParseStatus reads what `ndb_mgm -e "all status"` prints: the data nodes,
// without their node groups and addresses, but with their start phases.
func ParseStatus(out string) ([]NodeStatus, error) {
	var nodes []NodeStatus
	for line := range strings.Lines(out) {
		m := statusLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		id, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("parse ndb_mgm all status: %w in %q", err, line)
		}
		n := NodeStatus{ID: id, Kind: DataNode, State: m[2], Phase: -1, NodeGroup: -1, Connected: m[2] != NotConnected}
		if m[3] != "" {
			if n.Phase, err = strconv.Atoi(m[3]); err != nil {
				return nil, fmt.Errorf("parse ndb_mgm all status: %w in %q", err, line)
			}
		}
		if v := ndbVersion.FindStringSubmatch(m[4]); v != nil {
			n.Version = v[1]
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("parse ndb_mgm all status: no node in %q", shorten(out))
	}
	return distinct("all status", nodes)
}

func distinct(command string, nodes []NodeStatus) ([]NodeStatus, error) {
	seen := map[int]bool{}
	for _, n := range nodes {
		if seen[n.ID] {
			return nil, fmt.Errorf("parse ndb_mgm %s: node %d stands there twice", command, n.ID)
		}
		seen[n.ID] = true
	}
	return nodes, nil
}

// shorten keeps an error readable when a program printed something else.
func shorten(out string) string {
	const most = 200
	if out = strings.TrimSpace(out); len(out) > most {
		return out[:most] + "..."
	}
	return out
}
