package rest

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// What stands on disk: which files there are, and what may be read in them.

// class is what something that was searched is.
type class string

const (
	binaryLogs    class = "binary log"
	relayLogs     class = "relay log"
	keyringStore  class = "keyring"
	innodbFile    class = "InnoDB's file"
	redoLog       class = "data node's redo log"
	checkpoint    class = "data node's local checkpoint"
	dataNodeFile  class = "data node's file"
	serverLog     class = "server's log or trace"
	temporaryFile class = "temporary file"
	containerLog  class = "container's log"
	inspected     class = "container's inspect document"
	control       class = "positive control"
	anyFile       class = "file"
)

// controlDir is where clear logs lie for as long as they are searched.
const controlDir = topology.MysqlDir + "/control"

// byPath tells what a file is by its path. The first that matches counts.
var byPath = []struct {
	class class
	path  *regexp.Regexp
}{
	{control, regexp.MustCompile("^" + controlDir + "/")},
	{keyringStore, regexp.MustCompile("^" + topology.KeyringDir + "/")},
	{relayLogs, regexp.MustCompile(`/relay\.\d{6,}$`)},
	{binaryLogs, regexp.MustCompile(`\.\d{6,}$`)},
	{innodbFile, regexp.MustCompile(`/#innodb_(redo|temp)/|/(ibdata\d+|ibtmp\d+|ib_logfile\d+|ib_buffer_pool|undo_\d+)$|\.(ibd|ibt|ibu|dblwr)$`)},
	{checkpoint, regexp.MustCompile(`/ndb_\d+_fs/LCP/`)},
	{redoLog, regexp.MustCompile(`/ndb_\d+_fs/.*\.FragLog$`)},
	{dataNodeFile, regexp.MustCompile(`^` + topology.NdbDir + `/(ndb_\d+_fs|BACKUP)/`)},
	{serverLog, regexp.MustCompile(`\.(log|err|CSV)(\.\w+)?$|^/var/log/`)},
	{temporaryFile, regexp.MustCompile(`^(/var)?/tmp/`)},
}

// classOf tells what something is: by where it lies, then by its magic, since a
// log may have been copied under any name, then by its path.
func classOf(f node.Searched) class {
	switch f.Place { //nolint:exhaustive // the code below sorts files by what they are
	case node.InUnlinked:
		return temporaryFile
	case node.InLog:
		return containerLog
	case node.InInspect:
		return inspected
	}
	known := anyFile
	for _, c := range byPath {
		if c.path.MatchString(f.Path) {
			known = c.class
			break
		}
	}
	log := f.Kind == string(scan.PlainLog) || f.Kind == string(scan.EncryptedLog)
	if log && known != control && known != relayLogs {
		return binaryLogs
	}
	return known
}

// needleKind is what a needle is, as far as profiles differ on who may read it.
type needleKind string

const (
	rowValue        needleKind = "row"         // of an NDB table
	definition      needleKind = "definition"  // of a table
	uncommitted     needleKind = "uncommitted" // row of an InnoDB table
	channelPassword needleKind = "channel's password"
	otherPassword   needleKind = "password"
)

// Sought is a needle, without its text.
type Sought struct {
	Name string     `json:"name"`
	Kind needleKind `json:"kind"`
	// Encoding in which a clear binary log must contain it; "" of a needle that a
	// clear binary log need not contain.
	Encoding scan.Encoding `json:"encoding,omitempty"`
}

// exposure is what a profile leaves readable.
type exposure struct {
	kinds   []needleKind
	side    topology.Side // "" for both
	classes []class
	gap     string // that leaves it so; "": no profile protects it
}

// exposures are those of a profile: of the gaps that it may leave open, and of InnoDB's
// own files, which log encryption does not cover.
func exposures(p secure.Profile) []exposure {
	return slices.DeleteFunc([]exposure{
		{[]needleKind{rowValue, definition}, "", []class{redoLog, checkpoint, dataNodeFile}, "G1"},
		{[]needleKind{channelPassword}, topology.Replica, []class{innodbFile}, "G4"},
		{[]needleKind{definition, uncommitted}, "", []class{innodbFile}, ""},
	}, func(e exposure) bool { return e.gap != "" && !slices.Contains(p.Gaps, e.gap) })
}

// exposed tells whether a needle may be read in a file.
func exposed(all []exposure, k needleKind, side topology.Side, c class) bool {
	return c == control || slices.ContainsFunc(all, func(e exposure) bool {
		return slices.Contains(e.kinds, k) && slices.Contains(e.classes, c) && (e.side == "" || e.side == side)
	})
}

// Looked is a search of everything that every node has.
type Looked struct {
	Wanted  []topology.NodeRef `json:"wanted"` // nodes that must be among those searched
	Needles []Sought           `json:"needles"`
	Search  node.PairSearch    `json:"search"`
	// GBps is how fast volumes were read, in 10^9 bytes a second.
	GBps float64 `json:"gb_per_second"`
}

// search searches all nodes, and the log and inspect document of each container.
func search(ctx context.Context, s claim.Subject, sought []Sought, texts map[string]secret.Secret) (Looked, error) {
	o := Looked{Needles: sought}
	for _, side := range topology.Sides {
		for _, n := range s.Spec(side).Nodes {
			o.Wanted = append(o.Wanted, topology.NodeRef{Side: side, Node: n.Name})
		}
	}
	var needles []node.Needle
	for _, n := range sought {
		needles = append(needles, node.Needle{Name: n.Name, Text: texts[n.Name]})
	}
	finder, err := scan.NewFinder(needles)
	if err != nil {
		return o, err
	}
	if o.Search, err = s.Disks.Scan(ctx, needles); err != nil {
		return o, err
	}
	if o.Search.Seconds > 0 {
		o.GBps = float64(o.Search.Bytes) / o.Search.Seconds / 1e9
	}
	for i, n := range o.Search.Nodes {
		more, err := outside(ctx, s, finder, n.Side, n.Node)
		if err != nil {
			return o, err
		}
		o.Search.Nodes[i].Files = slices.Concat(n.Files, more)
	}
	return o, nil
}

// outside searches what the engine keeps of a node's container.
func outside(ctx context.Context, s claim.Subject, f *scan.Finder, side topology.Side, name string) ([]node.Searched, error) {
	var all []node.Searched
	for _, kept := range []struct {
		place node.Place
		read  func(context.Context, topology.Side, string) ([]byte, error)
	}{{node.InLog, s.Host.Log}, {node.InInspect, s.Host.Inspect}} {
		b, err := kept.read(ctx, side, name)
		if err != nil {
			return nil, err
		}
		found, err := f.Bytes(b)
		if err != nil {
			return nil, err
		}
		found.Place, found.Path = kept.place, name
		all = append(all, found)
	}
	return all, nil
}

// missing says what a search lacks, "" when it is whole.
func (o Looked) missing() string {
	switch {
	case len(o.Wanted) == 0:
		return "no node was looked at"
	case len(o.Needles) == 0:
		return "nothing was searched for"
	case o.Search.Needles < len(o.Needles):
		return fmt.Sprintf("fewer needles than asked: %d of %d were searched for", o.Search.Needles, len(o.Needles))
	case o.Search.Hidden == 0 || o.Search.Seen < o.Search.Hidden:
		return fmt.Sprintf("the search finds %d of %d needles that it hid itself", o.Search.Seen, o.Search.Hidden)
	}
	for _, w := range o.Wanted {
		if lacks := o.lacks(w); lacks != "" {
			return fmt.Sprintf("the %s's %s: %s", w.Side, w.Node, lacks)
		}
	}
	return ""
}

// lacks says what was not searched of a node that is wanted.
func (o Looked) lacks(w topology.NodeRef) string {
	places, scanned := map[node.Place]int{}, int64(0)
	for _, f := range o.files(w.Side, w.Node) {
		if places[f.Place]++; f.Place == node.InVolume {
			scanned += f.Scanned
		}
	}
	switch {
	case places[node.InVolume] == 0:
		return "no file of its volume was scanned"
	case scanned == 0:
		return "no byte of its volume was scanned"
	case places[node.InLog] == 0:
		return "its container's log was not searched"
	case places[node.InInspect] == 0:
		return "its container's inspect document was not searched"
	}
	return ""
}

// asked tells whether a needle was searched for.
func (o Looked) asked(want Sought) bool { return slices.Contains(o.Needles, want) }

func (o Looked) files(side topology.Side, node string) []node.Searched {
	for _, n := range o.Search.Nodes {
		if n.Side == side && n.Node == node {
			return n.Files
		}
	}
	return nil
}

// count is how many things were searched.
func (o Looked) count() int {
	total := 0
	for _, n := range o.Search.Nodes {
		total += len(n.Files)
	}
	return total
}

// any tells whether a side has a file, on one of its nodes, that is as wanted.
func (o Looked) any(side topology.Side, like func(node.Searched) bool) bool {
	return slices.ContainsFunc(o.Search.Nodes, func(n node.NodeSearch) bool {
		return n.Side == side && slices.ContainsFunc(n.Files, like)
	})
}

// judgeHits notes a violation for every file with a needle that may not be read
// in it. word gives the violation's word by what the file is.
func (o Looked) judgeHits(f *claim.Violations, p secure.Profile, word func(class) string) {
	may, kinds := exposures(p), map[string]needleKind{}
	for _, n := range o.Needles {
		kinds[n.Name] = n.Kind
	}
	for _, n := range o.Search.Nodes {
		for _, file := range n.Files {
			c := classOf(file)
			var there []string
			for _, h := range file.Hits {
				if !exposed(may, kinds[h.Needle], n.Side, c) {
					there = append(there, fmt.Sprintf("%s (%s, %d places, first at byte %d)", h.Needle, h.Encoding, h.Places, h.First))
				}
			}
			if there != nil {
				f.AddAt(word(c), n.Side, n.Node, fmt.Sprintf("readable in %s (%s): %s; expected none", shown(file), c, strings.Join(there, ", ")))
			}
		}
	}
}

// shown names a file for people.
func shown(f node.Searched) string {
	if f.Place == node.InUnlinked {
		return path.Base(f.Path) + " without a name"
	}
	return f.Path
}
