package claim

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// gap is something that the published procedure does not protect, and how a
// run tells whether the profile at hand does.
type gap struct {
	id, title string
	from      string // the claim whose evidence tells
	// tell gives what was seen, and whether the gap is open. The observation is
	// from's, and counted for something.
	tell func(Observation) (seen string, open bool)
}

// gaps are all that are known (docs/threat-model.md), in the order of their ids.
func gaps() []gap {
	return []gap{
		{"G1", "data nodes' files hold rows in clear", restMarkersID, told(rowsOnDataNodes)},
		{"G2", "rows travel in clear inside a cluster", wireFlowsID, told(rowsOnLinks)},
		{"G3", "who reaches a cluster's network reads its rows", wireFlowsID, told(rowsForStrangers)},
		{"G4", "the replica keeps the channel's password in clear", restSecretsID, told(passwordAtReplica)},
		{"G5", "the channel does not check its source's certificate", channelID, told(channelUnverified)},
		{"G6", "the channel's account may come from any host, with a password alone", accountsID, told(accountFromAnywhere)},
		{"G7", "the channel's account reads all rows through the binary log", remoteID, told(rowsForReader)},
		{"G8", "the keyring lies on the volume of the data", restMarkersID, told(keyringBesideData)},
		{"G9", "the keyring is a file", keyringID, told(keyringInFile)},
		{"G10", "a count of rows does not see wrong ones", parityID, told(contentsCompared)},
	}
}

// told ties what tells to the type of the observation.
func told[O Observation](tell func(O) (string, bool)) func(Observation) (string, bool) {
	return func(o Observation) (string, bool) { return tell(o.(O)) } // what the claim's Blank gave
}

// Gaps tells of each known gap whether it is open, from the evidence that the
// claims of a run kept in dir. A gap that was not looked at is open, without
// evidence and with the reason.
func Gaps(outcomes []Outcome, dir *evidence.Dir) []evidence.GapResult {
	var all []evidence.GapResult
	for _, g := range gaps() {
		res := evidence.GapResult{ID: g.id, Title: g.title, Status: evidence.GapOpen}
		o, file, err := g.evidence(outcomes, dir)
		if err != nil {
			res.Text = "not looked at: " + brief.Line(err.Error())
			all = append(all, res)
			continue
		}
		seen, open := g.tell(o)
		if res.Text, res.Evidence = seen, file; !open {
			res.Status = evidence.GapClosed
		}
		all = append(all, res)
	}
	return all
}

// evidence reads what the claim that tells of a gap has kept.
func (g gap) evidence(outcomes []Outcome, dir *evidence.Dir) (Observation, string, error) {
	i := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.ID == g.from })
	if i < 0 {
		return nil, "", fmt.Errorf("%s was not judged", g.from)
	}
	o := outcomes[i]
	if o.Status != Held && o.Status != Violated {
		return nil, "", fmt.Errorf("%s is %s: %s", g.from, o.Status, o.Reason)
	}
	kept, err := dir.Open(o.Evidence)
	if err != nil {
		return nil, "", err
	}
	defer kept.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(kept)
	if err != nil {
		return nil, "", fmt.Errorf("read evidence %s: %w", o.Evidence, err)
	}
	c := All()[slices.IndexFunc(All(), func(c Claim) bool { return c.ID == g.from })]
	seen, err := reread(c, b)
	return seen, o.Evidence, err
}

// rowsOnDataNodes is gap G1. Files in which nothing was found count as protected
// only when they are in the format of an encrypted file system: what is not
// found in them may be compressed.
func rowsOnDataNodes(o *RestMarkers) (string, bool) {
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
func passwordAtReplica(o *RestSecrets) (string, bool) {
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
func keyringBesideData(o *RestMarkers) (string, bool) {
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

// keyringInFile is gap G9.
func keyringInFile(o *Keyrings) (string, bool) {
	for _, s := range o.Servers {
		if file := s.Component["Data_file"]; file != "" {
			return fmt.Sprintf("the %s keeps its keys in %s", s.Side, file), true
		}
		if s.Plugin == "ACTIVE" {
			return fmt.Sprintf("the %s has plugin keyring_file", s.Side), true
		}
	}
	return "no server has a keyring that is a file", false
}

// fewOf names the first of many.
func fewOf(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
