package node

import (
	"encoding/json"
	"fmt"
	"io"

	"ndbproof/harness/secret"
	"ndbproof/harness/topology"
)

// Needle is a text to be searched for, in every encoding that a column may give
// it. Its text is a secret, because passwords are among them.
type Needle struct {
	Name string // what is shown of it
	Text secret.Secret
}

// needle is how a Needle goes to the probe, on its standard input and nowhere
// else.
type needle struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// WriteNeedles gives what ReadNeedles reads. It holds the texts.
func WriteNeedles(all []Needle) (string, error) {
	open := make([]needle, len(all))
	for i, n := range all {
		open[i] = needle{n.Name, n.Text.Reveal()}
	}
	b, err := json.Marshal(open)
	if err != nil {
		return "", fmt.Errorf("write needles: %w", err)
	}
	return string(b), nil
}

// ReadNeedles reads one list of needles. Their order is kept.
func ReadNeedles(r io.Reader) ([]Needle, error) {
	var open []needle
	if err := json.NewDecoder(r).Decode(&open); err != nil {
		return nil, fmt.Errorf("read needles: %w", err)
	}
	all := make([]Needle, len(open))
	for i, n := range open {
		all[i] = Needle{n.Name, secret.Of(n.Text)}
	}
	return all, nil
}

// Place is where something that was searched lies.
type Place string

// Places.
const (
	InVolume   Place = "volume"   // a file on the node's volume
	InLayer    Place = "layer"    // a file beside it, in the container's own file system
	InUnlinked Place = "unlinked" // a file without a name, open in one of the node's processes
	InLog      Place = "log"      // what the node wrote to its standard output and error
	InInspect  Place = "inspect"  // what the engine tells of the container
)

// Searched is a file, or what is like one, of which every byte was searched.
type Searched struct {
	Place   Place  `json:"place"`
	Path    string `json:"path"` // absolute, inside the node
	Kind    string `json:"kind"` // by its first bytes: scan.FileKind
	Size    int64  `json:"size"`
	Scanned int64  `json:"scanned"` // bytes read; the holes of a sparse file are not
	Hits    []Hit  `json:"hits,omitempty"`
}

// Hit is a needle found in a file.
type Hit struct {
	Needle   string `json:"needle"` // its name
	Encoding string `json:"encoding"`
	Places   int    `json:"places"` // how often it stands there
	First    int64  `json:"first"`  // offset of the first, in bytes
}

// Search is what one run of the probe searched.
type Search struct {
	Files   []Searched `json:"files"`
	Seconds float64    `json:"seconds"`
	// Hidden are patterns (needles in an encoding) that the probe hid in a sparse
	// file of its own, in memory, and Seen those that the same search found there.
	Hidden int `json:"hidden"`
	Seen   int `json:"seen"`
}

// NodeSearch is what was searched of a node.
type NodeSearch struct {
	Side  topology.Side `json:"side"`
	Node  string        `json:"node"`
	Files []Searched    `json:"files"`
}

// PairSearch is a search of all nodes of both sides.
type PairSearch struct {
	Needles int          `json:"needles"` // how many were searched for
	Hidden  int          `json:"hidden"`  // as in Search, over all runs of the probe
	Seen    int          `json:"seen"`
	Seconds float64      `json:"seconds"` // that reading all volumes took
	Bytes   int64        `json:"bytes"`   // read on all volumes
	Nodes   []NodeSearch `json:"nodes"`
}
