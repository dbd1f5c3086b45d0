package all

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// gapsOf judges the claims that tell of the gaps at rest, on one fake, and gives
// all gaps by their ids.
func gapsOf(t *testing.T, f *claimtest.Pair) map[string]evidence.GapResult {
	t.Helper()
	dir := evidence.At(t.TempDir())
	var outcomes []claim.Outcome
	for _, id := range []string{claim.RestMarkersID, claim.RestSecretsID, claim.LogsKeyringID} {
		outcomes = append(outcomes, claim.Run(t.Context(), claimtest.FindClaim(t, Claims(), id), f.Subject(), dir, secure.Published2021()))
	}
	all := map[string]evidence.GapResult{}
	for _, g := range Gaps(outcomes, dir) {
		all[g.ID] = g
	}
	return all
}

func TestGapsAtRest(t *testing.T) {
	f := claimtest.NewRestingPair(t)
	f.Disk[topology.Replica][topology.DataDir+"/mysql.ibd"] = claimtest.NewFile([]byte("... of user1"), 0o600)
	got := gapsOf(t, f)
	for id, says := range map[string]string{
		"G1": "row values are readable on 8 data nodes: in 8 redo logs, 8 files of local checkpoints",
		"G4": "the password of user1 is readable in mysql.ibd",
		"G8": "/var/lib/mysql/keys/keyring and 3 files of logs and tables lie on one volume, first at the source",
		"G9": "the source keeps its keys in /var/lib/mysql/keys/keyring",
	} {
		require.Equal(t, evidence.GapOpen, got[id].Status, id)
		require.Contains(t, got[id].Text, says)
		require.NotEmpty(t, got[id].Evidence, id)
		require.NotEmpty(t, got[id].Title, id)
	}
}

func TestGapsClosed(t *testing.T) {
	f := claimtest.NewRestingPair(t)
	for _, side := range topology.Sides {
		delete(f.Disk[side], topology.KeyringDir+"/keyring")
		f.Servers[side].Answer("keyring_component_status", "STATUS_KEY STATUS_VALUE", []any{"Component_status", "Active"})
	}
	f.OnScan = func(s *node.PairSearch) {
		for i := range s.Nodes {
			for j := range s.Nodes[i].Files {
				if file := &s.Nodes[i].Files[j]; ofDataNode(*file) {
					file.Hits, file.Kind = nil, string(scan.Transformed)
				}
			}
		}
	}
	all := gapsOf(t, f)
	for id, says := range map[string]string{
		"G1": "all 8 files of local checkpoints are in the format of an encrypted file system",
		"G4": "in no file of the replica", "G8": "no volume", "G9": "no server",
	} {
		got := all[id]
		require.Equal(t, evidence.GapClosed, got.Status, "%s: %s", id, got.Text)
		require.Contains(t, got.Text, says)
		require.NotEmpty(t, got.Evidence)
	}
}

// That a search finds nothing does not close G1 by itself.
func TestGapOfRowsThatAreOnlyNotFound(t *testing.T) {
	f := claimtest.NewRestingPair(t)
	f.OnScan = func(s *node.PairSearch) {
		for i := range s.Nodes {
			for j := range s.Nodes[i].Files {
				if file := &s.Nodes[i].Files[j]; ofDataNode(*file) {
					file.Hits = nil
				}
			}
		}
	}
	got := gapsOf(t, f)["G1"]
	require.Equal(t, evidence.GapOpen, got.Status)
	require.Contains(t, got.Text, "8 of 8 files of local checkpoints are not in the format")
}

func TestGapsNotLookedAt(t *testing.T) {
	all := Gaps(nil, evidence.At(t.TempDir()))
	require.Len(t, all, len(KnownGaps()))
	for _, g := range all {
		require.Equal(t, evidence.GapOpen, g.Status)
		require.Empty(t, g.Evidence)
		require.Contains(t, g.Text, "not looked at: ")
	}
	f := claimtest.NewRestingPair(t)
	f.OnScan = func(s *node.PairSearch) { s.Seen = 0 }
	g := gapsOf(t, f)["G1"]
	require.Empty(t, g.Evidence)
	require.Contains(t, g.Text, "rest.markers is not-looked: the search finds 0 of 3")

	gone := []claim.Outcome{{ID: claim.RestMarkersID, Status: claim.Held, Evidence: "claims/none.json"}}
	require.Contains(t, Gaps(gone, evidence.At(t.TempDir()))[0].Text, "no such file")
}

func TestGapsAreInOrderAndToldByAClaim(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range KnownGaps() {
		require.False(t, seen[g.ID], "%s is there twice", g.ID)
		seen[g.ID] = true
		c := claimtest.FindClaim(t, Claims(), g.From)
		require.NotPanics(t, func() { g.Tell(c.Blank()) }, "%s reads another observation than that of %s", g.ID, g.From)
	}
}

// ofDataNode tells whether a file is a data node's: the fakes have a redo log and a file of a local
// checkpoint.
func ofDataNode(f node.Searched) bool {
	return strings.HasPrefix(f.Path, topology.NdbDir+"/ndb_") && strings.Contains(f.Path, "_fs/")
}

// TestGapsOfTheProfile fixes that the published profile may leave open what
// docs/threat-model.md says of it.
func TestGapsOfTheProfile(t *testing.T) {
	b, err := os.ReadFile("../../../docs/threat-model.md")
	require.NoError(t, err)
	var open, known []string
	for _, m := range regexp.MustCompile(`(?m)^\| (G\d+) \| (open|closed) \|`).FindAllStringSubmatch(string(b), -1) {
		if known = append(known, m[1]); m[2] == "open" {
			open = append(open, m[1])
		}
	}
	var ids []string
	for _, g := range KnownGaps() {
		ids = append(ids, g.ID)
	}
	require.Equal(t, ids, known)
	require.Equal(t, secure.Published2021().Gaps, open)
}
