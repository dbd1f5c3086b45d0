package rest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestMarkers(t *testing.T) {
	good := seenOn(t, lookMarkers)
	in := func(side topology.Side, c class, name string) func(*Markers) {
		return func(o *Markers) {
			f := fileOf(t, &o.Search, side, c)
			f.Hits = append(f.Hits, hit(name, scan.UTF8))
		}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.RestMarkersID), good, []claimtest.Broken[*Markers]{
		claimtest.Break("row in a binary log", in(topology.Source, binaryLogs, "BLOB"), []string{"binary-log"}),
		claimtest.Break("definition in a binary log", in(topology.Replica, binaryLogs, tableNeedle), []string{"binary-log"}),
		claimtest.Break("row in a relay log", in(topology.Replica, relayLogs, "TEXT"), []string{"relay-log"}),
		claimtest.Break("uncommitted row in the log's cache", in(topology.Source, temporaryFile, heldNeedle), []string{"temporary"}),
		claimtest.Break("row in a cluster log", in(topology.Source, serverLog, "BLOB"), []string{"log"}),
		claimtest.Break("row in a container's log", in(topology.Replica, containerLog, "BLOB"), []string{"log"}),
		claimtest.Break("row in an inspect document", in(topology.Replica, inspected, "BLOB"), []string{"elsewhere"}),
		claimtest.Break("row beside the keyring", in(topology.Replica, keyringStore, "VARBINARY"), []string{"elsewhere"}),
		claimtest.Break("row in InnoDB", in(topology.Replica, innodbFile, "VARBINARY"), []string{"elsewhere"}),
		claimtest.Break("uncommitted row on a data node", in(topology.Source, redoLog, heldNeedle), []string{"elsewhere"}),
		claimtest.Break("needle of no kind", in(topology.Source, redoLog, "unknown"), []string{"elsewhere"}),
	})
}

func TestMarkersLeavesTheGaps(t *testing.T) {
	o := seenOn(t, lookMarkers)()
	for _, hits := range []struct {
		c    class
		name string
	}{{innodbFile, columnNeedle}, {innodbFile, heldNeedle}, {checkpoint, "TEXT"}, {redoLog, tableNeedle}, {control, "BLOB"}} {
		side := topology.Source
		if hits.c == control {
			side = topology.Replica
		}
		f := fileOf(t, &o.Search, side, hits.c)
		f.Hits = append(f.Hits, hit(hits.name, scan.UTF8))
	}
	require.Empty(t, claimOf(t, claim.RestMarkersID).Judge(o, secure.Published2021(), claimtest.Newest))
	closed := secure.Published2021()
	closed.Gaps = nil
	require.Len(t, claimOf(t, claim.RestMarkersID).Judge(o, closed, claimtest.Newest), 16, "a profile that closes G1: redo log and checkpoint of 8 data nodes")
}

func TestMarkersGuards(t *testing.T) {
	good := seenOn(t, lookMarkers)
	for name, c := range map[string]struct {
		with func(*Markers)
		says string
	}{
		"no node":      {func(o *Markers) { o.Wanted = nil }, "no node was looked at"},
		"node missing": {func(o *Markers) { o.Search.Nodes = o.Search.Nodes[:11] }, "the replica's sql: no file of its volume was scanned"},
		"no file":      {func(o *Markers) { o.Search.Nodes[1].Files = o.Search.Nodes[1].Files[2:] }, "the source's ndb1: no file of its volume"},
		"files without data": {func(o *Markers) {
			for i := range o.Search.Nodes[1].Files {
				o.Search.Nodes[1].Files[i].Scanned = 0
			}
		}, "no byte of its volume"},
		"no container's log":   {func(o *Markers) { o.Search.Nodes[2].Files = slices.Delete(o.Search.Nodes[2].Files, 2, 3) }, "container's log was not searched"},
		"no inspect document":  {func(o *Markers) { o.Search.Nodes[2].Files = o.Search.Nodes[2].Files[:3] }, "inspect document was not searched"},
		"fewer needles sent":   {func(o *Markers) { o.Search.Needles-- }, "fewer needles than asked"},
		"fewer needles asked":  {func(o *Markers) { o.Needles = o.Needles[1:] }, "fewer needles than asked"},
		"blind search":         {func(o *Markers) { o.Search.Seen-- }, "needles that it hid itself"},
		"no row":               {func(o *Markers) { o.Rows = 0 }, "no row with markers"},
		"no checkpoint":        {func(o *Markers) { o.Checkpoints = o.Checkpoints[:1] }, "no local checkpoint of the replica"},
		"checkpoint too early": {func(o *Markers) { o.Checkpoints[0].Number = o.Checkpoints[0].Before }, "no local checkpoint of the source"},
		"checkpoint goes on":   {func(o *Markers) { o.Checkpoints[0].Ended = "" }, "no local checkpoint of the source"},
		"not rotated":          {func(o *Markers) { o.Rotated = o.Rotated[:1] }, "the replica's binary log was not rotated"},
		"no binary log": {func(o *Markers) {
			for i := range o.Search.Nodes[5].Files {
				if f := &o.Search.Nodes[5].Files[i]; classOf(*f) == binaryLogs {
					f.Scanned = scan.EmptyLogSize
				}
			}
		}, "the source has no binary log with anything in it"},
		"no relay log": {func(o *Markers) {
			*fileOf(t, &o.Search, topology.Replica, relayLogs) = node.Searched{Place: node.InVolume, Path: "x", Scanned: 1}
		}, "the replica has no relay log"},
		"receiver behind":   {func(o *Markers) { o.Received.Pos = 4 }, "before the last marker"},
		"small transaction": {func(o *Markers) { o.Held.Bytes = o.Held.Cache }, "no transaction larger than the binary log cache"},
		"no cache's file": {func(o *Markers) {
			fileOf(t, &o.Search, topology.Source, temporaryFile).Scanned = 0
		}, "no file without a name"},
		"no control": {func(o *Markers) { fileOf(t, &o.Search, topology.Replica, control).Hits = nil }, "the positive control failed"},
		"half of the control": {func(o *Markers) {
			f := fileOf(t, &o.Search, topology.Replica, control)
			f.Hits = slices.DeleteFunc(f.Hits, func(h node.Hit) bool { return h.Encoding == string(scan.UTF16) })
		}, "VARCHAR utf16 (utf16) was not found"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good()
			c.with(o)
			n, unless := o.Seen()
			require.Zero(t, n)
			require.Contains(t, unless, c.says)
		})
	}
}

func TestMarkersPutsAllRightAgain(t *testing.T) {
	f := claimtest.NewRestingPair(t)
	o := claimtest.RunOn(t, f, claimOf(t, claim.RestMarkersID))
	claimtest.RequireHeld(t, o)
	require.Empty(t, slices.DeleteFunc(keysOf(f.Disk[topology.Replica]), func(p string) bool { return !claim.LiesWithin(p, controlDir) }), "clear logs are removed")
	require.Contains(t, f.Changes(topology.Source), "ROLLBACK")
	require.Equal(t, "START REPLICA SQL_THREAD", f.Changes(topology.Replica)[len(f.Changes(topology.Replica))-1])

	for name, breaks := range map[string]func(*claimtest.Pair){
		"no scan":        func(f *claimtest.Pair) { f.OnScan = func(s *node.PairSearch) { s.Nodes = nil } },
		"no control":     func(f *claimtest.Pair) { endProgram(f, "mysqlbinlog", node.Output{Exit: 1, Stderr: "Access denied"}) },
		"no mysqlbinlog": func(f *claimtest.Pair) { endProgram(f, "mysqlbinlog", node.Output{Exit: 127}) },
		"no transaction": func(f *claimtest.Pair) {
			f.Servers[topology.Source].Fail("ndbproof_rest.held VALUES", errors.New("lock"))
		},
		"no rotation": func(f *claimtest.Pair) {
			f.Servers[topology.Replica].Fail("FLUSH BINARY LOGS", errors.New("read only"))
		},
		"receiver stops": func(f *claimtest.Pair) {
			f.OnMark = func() { f.SetStatus("No", "No", 1236, replication.Position{File: "binlog.000001"}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := claimtest.NewRestingPair(t)
			breaks(f)
			o := claimtest.RunOn(t, f, claimOf(t, claim.RestMarkersID))
			require.Equal(t, claim.NotLooked, o.Status)
			require.NotEmpty(t, o.Reason)
			require.Contains(t, f.Changes(topology.Replica), "START REPLICA SQL_THREAD")
			require.NotContains(t, strings.Join(keysOf(f.Disk[topology.Replica]), " "), controlDir)
			if slices.Contains(f.Changes(topology.Source), "START TRANSACTION") {
				require.Contains(t, f.Changes(topology.Source), "ROLLBACK")
			}
		})
	}
}

// endProgram has a program end in another way.
func endProgram(f *claimtest.Pair, program string, out node.Output) {
	before := f.OnRun
	f.OnRun = func(side topology.Side, c node.Command) (node.Output, error) {
		if c.Argv[0] == program {
			return out, nil
		}
		return before(side, c)
	}
}

func keysOf[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestMarkersFindsWhatSabotageLeaves(t *testing.T) {
	for path, word := range map[string]string{
		topology.DataDir + "/binlog.000002": "binary-log", topology.DataDir + "/relay.000003": "relay-log",
		topology.MysqlDir + "/general.log": "log", topology.KeyringDir + "/notes": "elsewhere",
	} {
		f := claimtest.NewRestingPair(t)
		f.OnMark = func() {
			b := slices.Concat(f.Disk[topology.Replica][path].Content, []byte(f.Markers[0]))
			f.Disk[topology.Replica][path] = claimtest.NewFile(b, 0o600)
		}
		o := claimtest.RunOn(t, f, claimOf(t, claim.RestMarkersID))
		require.Equal(t, claim.Violated, o.Status, o.Reason)
		require.Len(t, o.Violations, 1)
		require.Equal(t, claim.RestMarkersID+"."+word, o.Violations[0].Code)
		require.Equal(t, "replica", o.Violations[0].Side)
		require.Contains(t, o.Violations[0].Text, path)
		require.NotContains(t, o.Violations[0].Text, f.Markers[0])
	}
}
