package rest

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Gaps are those that the evidence of these claims tells of.
func Gaps() []claim.Gap {
	return []claim.Gap{
		claim.NewGap("G1", "data nodes' files hold rows in clear", claim.RestMarkersID, rowsOnDataNodes),
		claim.NewGap("G4", "the replica keeps the channel's password in clear", claim.RestSecretsID, passwordAtReplica),
		claim.NewGap("G8", "the keyring lies on the volume of the data", claim.RestMarkersID, keyringBesideData),
	}
}

// rowsOnDataNodes is gap G1. Files in which nothing was found count as protected
// only when they are in the format of an encrypted file system: what is not
// found in them may be compressed.
func rowsOnDataNodes(o *Markers) (string, bool) {
	files, nodes, checkpoints, transformed := map[class]int{}, map[string]bool{}, 0, 0
	for _, n := range o.Search.Nodes {
		for _, f := range n.Files {
			c := classOf(f)
			if c == checkpoint && path.Ext(f.Path) == ".Data" && f.Size > 0 {
				checkpoints++
				if f.Kind == string(scan.Transformed) {
					transformed++
				}
			}
			if (c == redoLog || c == checkpoint || c == dataNodeFile) && o.holds(f, rowValue) {
				files[c]++
				nodes[string(n.Side)+" "+n.Node] = true
			}
		}
	}
	if len(nodes) > 0 {
		return fmt.Sprintf("row values are readable on %d data nodes: in %d redo logs, %d files of local checkpoints, %d others",
			len(nodes), files[redoLog], files[checkpoint], files[dataNodeFile]), true
	}
	if checkpoints == 0 || transformed < checkpoints {
		return fmt.Sprintf("no row value was found on a data node, and %d of %d files of local checkpoints are not in the format of an encrypted file system",
			checkpoints-transformed, checkpoints), true
	}
	return fmt.Sprintf("no row value is readable on any data node; all %d files of local checkpoints are in the format of an encrypted file system", checkpoints), false
}

// holds tells whether a needle of a kind was found in a file.
func (o Looked) holds(f node.Searched, k needleKind) bool {
	return slices.ContainsFunc(f.Hits, func(h node.Hit) bool {
		return slices.ContainsFunc(o.Needles, func(n Sought) bool { return n.Kind == k && n.Name == h.Needle })
	})
}

// passwordAtReplica is gap G4.
func passwordAtReplica(o *Secrets) (string, bool) {
	var in []string
	for _, n := range o.Search.Nodes {
		for _, f := range n.Files {
			if n.Side == topology.Replica && o.holds(f, channelPassword) {
				in = append(in, path.Base(f.Path))
			}
		}
	}
	if in == nil {
		return "the channel's password is readable in no file of the replica", false
	}
	return fmt.Sprintf("the password of %s is readable in %s", secure.ReplicationUser, fewOf(in)), true
}

// keyringBesideData is gap G8: files of a keyring on a volume that holds logs
// or tables.
func keyringBesideData(o *Markers) (string, bool) {
	for _, n := range o.Search.Nodes {
		var keys, data []string
		for _, f := range n.Files {
			switch c := classOf(f); {
			case f.Place != node.InVolume:
			case c == keyringStore:
				keys = append(keys, f.Path)
			case c == binaryLogs || c == relayLogs || c == innodbFile:
				data = append(data, f.Path)
			}
		}
		if keys != nil && data != nil {
			return fmt.Sprintf("%s and %d files of logs and tables lie on one volume, first at the %s", fewOf(keys), len(data), n.Side), true
		}
	}
	return "no volume with logs or tables holds a file of a keyring", false
}

// fewOf names the first of many.
func fewOf(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
