package claim

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestClassOf(t *testing.T) {
	for path, want := range map[string]class{
		topology.DataDir + "/binlog.000003":                     binaryLogs,
		topology.DataDir + "/relay.000003":                      relayLogs,
		topology.DataDir + "/binlog.index":                      anyFile,
		topology.KeyringDir + "/keyring":                        keyringStore,
		topology.KeyringDir + "/keyring.backup":                 keyringStore,
		topology.DataDir + "/mysql.ibd":                         innodbFile,
		topology.DataDir + "/undo_001":                          innodbFile,
		topology.DataDir + "/ibdata1":                           innodbFile,
		topology.DataDir + "/#ib_16384_0.dblwr":                 innodbFile,
		topology.DataDir + "/#innodb_redo/#ib_redo75":           innodbFile,
		topology.DataDir + "/#innodb_temp/temp_1.ibt":           innodbFile,
		topology.DataDir + "/mysql/general_log.CSV":             serverLog,
		topology.MysqlDir + "/general.log":                      serverLog,
		topology.DataDir + "/core.17":                           anyFile,
		topology.NdbDir + "/ndb_1_cluster.log":                  serverLog,
		topology.NdbDir + "/ndb_1_cluster.log.2":                serverLog,
		topology.NdbDir + "/ndb_2_trace.log.1_t1":               serverLog,
		topology.NdbDir + "/ndb_2_fs/D8/DBLQH/S0.FragLog":       redoLog,
		topology.NdbDir + "/ndb_2_fs/LCP/0/T13F0.Data":          checkpoint,
		topology.NdbDir + "/ndb_2_fs/D1/DBDICT/T1/S0.TableList": dataNodeFile,
		topology.NdbDir + "/BACKUP/BACKUP-1/BACKUP-1.2.log":     dataNodeFile,
		topology.NdbDir + "/ndb_1_config.bin.1":                 anyFile,
		controlDir + "/binlog.000002":                           control,
	} {
		require.Equal(t, want, classOf(node.Searched{Place: node.InVolume, Path: path}), path)
	}
	for want, f := range map[class]node.Searched{
		binaryLogs:    {Place: node.InLayer, Path: "/tmp/old", Kind: string(scan.PlainLog)},
		relayLogs:     {Place: node.InVolume, Path: topology.DataDir + "/relay.000001", Kind: string(scan.PlainLog)},
		control:       {Place: node.InVolume, Path: controlDir + "/binlog.000001", Kind: string(scan.PlainLog)},
		temporaryFile: {Place: node.InUnlinked, Path: "/tmp/#1", Kind: string(scan.PlainLog)},
		containerLog:  {Place: node.InLog, Path: "sql"},
		inspected:     {Place: node.InInspect, Path: "sql"},
		serverLog:     {Place: node.InLayer, Path: "/var/log/mysql/error"},
	} {
		require.Equal(t, want, classOf(f), "%+v", f)
	}
	require.Equal(t, temporaryFile, classOf(node.Searched{Place: node.InLayer, Path: "/tmp/MLabc"}))
}

// seenOn gives copies of what a search of a healthy fake gives.
func seenOn[T any](t *testing.T, look func(context.Context, Subject) (*T, error)) func() *T {
	t.Helper()
	o, err := look(t.Context(), resting(t).subject())
	require.NoError(t, err)
	kept, err := json.Marshal(o)
	require.NoError(t, err)
	return func() *T {
		again := new(T)
		require.NoError(t, json.Unmarshal(kept, again))
		return again
	}
}

// file gives the first file of a class, with another one's name if it must be
// made.
func fileOf(t *testing.T, o *node.PairSearch, side topology.Side, c class) *node.Searched {
	t.Helper()
	for i := range o.Nodes {
		for j := range o.Nodes[i].Files {
			if f := &o.Nodes[i].Files[j]; o.Nodes[i].Side == side && classOf(*f) == c {
				return f
			}
		}
	}
	require.Fail(t, "no file", "%s on the %s", c, side)
	return nil
}

func hit(name string, e scan.Encoding) node.Hit {
	return node.Hit{Needle: name, Encoding: string(e), Places: 3, First: 512}
}

func TestRestMarkers(t *testing.T) {
	good := seenOn(t, lookRestMarkers)
	in := func(side topology.Side, c class, name string) func(*RestMarkers) {
		return func(o *RestMarkers) {
			f := fileOf(t, &o.Search, side, c)
			f.Hits = append(f.Hits, hit(name, scan.UTF8))
		}
	}
	judges(t, restMarkersID, good, []broken[*RestMarkers]{
		{"row in a binary log", in(topology.Source, binaryLogs, "BLOB"), []string{"binary-log"}},
		{"definition in a binary log", in(topology.Replica, binaryLogs, tableNeedle), []string{"binary-log"}},
		{"row in a relay log", in(topology.Replica, relayLogs, "TEXT"), []string{"relay-log"}},
		{"uncommitted row in the log's cache", in(topology.Source, temporaryFile, heldNeedle), []string{"temporary"}},
		{"row in a cluster log", in(topology.Source, serverLog, "BLOB"), []string{"log"}},
		{"row in a container's log", in(topology.Replica, containerLog, "BLOB"), []string{"log"}},
		{"row in an inspect document", in(topology.Replica, inspected, "BLOB"), []string{"elsewhere"}},
		{"row beside the keyring", in(topology.Replica, keyringStore, "VARBINARY"), []string{"elsewhere"}},
		{"row in InnoDB", in(topology.Replica, innodbFile, "VARBINARY"), []string{"elsewhere"}},
		{"uncommitted row on a data node", in(topology.Source, redoLog, heldNeedle), []string{"elsewhere"}},
		{"needle of no kind", in(topology.Source, redoLog, "unknown"), []string{"elsewhere"}},
	})
}

func TestRestMarkersLeavesTheGaps(t *testing.T) {
	o := seenOn(t, lookRestMarkers)()
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
	require.Empty(t, byID(t, restMarkersID).Judge(o, secure.Seed2021(), newest))
}

func TestRestMarkersGuards(t *testing.T) {
	good := seenOn(t, lookRestMarkers)
	for name, c := range map[string]struct {
		with func(*RestMarkers)
		says string
	}{
		"no node":      {func(o *RestMarkers) { o.Wanted = nil }, "no node was looked at"},
		"node missing": {func(o *RestMarkers) { o.Search.Nodes = o.Search.Nodes[:11] }, "the replica's sql: no file of its volume was scanned"},
		"no file":      {func(o *RestMarkers) { o.Search.Nodes[1].Files = o.Search.Nodes[1].Files[2:] }, "the source's ndb1: no file of its volume"},
		"files without data": {func(o *RestMarkers) {
			for i := range o.Search.Nodes[1].Files {
				o.Search.Nodes[1].Files[i].Scanned = 0
			}
		}, "no byte of its volume"},
		"no container's log":   {func(o *RestMarkers) { o.Search.Nodes[2].Files = slices.Delete(o.Search.Nodes[2].Files, 2, 3) }, "container's log was not searched"},
		"no inspect document":  {func(o *RestMarkers) { o.Search.Nodes[2].Files = o.Search.Nodes[2].Files[:3] }, "inspect document was not searched"},
		"fewer needles sent":   {func(o *RestMarkers) { o.Search.Needles-- }, "fewer needles than asked"},
		"fewer needles asked":  {func(o *RestMarkers) { o.Needles = o.Needles[1:] }, "fewer needles than asked"},
		"blind search":         {func(o *RestMarkers) { o.Search.Seen-- }, "needles that it hid itself"},
		"no row":               {func(o *RestMarkers) { o.Rows = 0 }, "no row with markers"},
		"no checkpoint":        {func(o *RestMarkers) { o.Checkpoints = o.Checkpoints[:1] }, "no local checkpoint of the replica"},
		"checkpoint too early": {func(o *RestMarkers) { o.Checkpoints[0].Number = o.Checkpoints[0].Before }, "no local checkpoint of the source"},
		"checkpoint goes on":   {func(o *RestMarkers) { o.Checkpoints[0].Ended = "" }, "no local checkpoint of the source"},
		"not rotated":          {func(o *RestMarkers) { o.Rotated = o.Rotated[:1] }, "the replica's binary log was not rotated"},
		"no binary log": {func(o *RestMarkers) {
			for i := range o.Search.Nodes[5].Files {
				if f := &o.Search.Nodes[5].Files[i]; classOf(*f) == binaryLogs {
					f.Scanned = emptyLog
				}
			}
		}, "the source has no binary log with anything in it"},
		"no relay log": {func(o *RestMarkers) {
			*fileOf(t, &o.Search, topology.Replica, relayLogs) = node.Searched{Place: node.InVolume, Path: "x", Scanned: 1}
		}, "the replica has no relay log"},
		"receiver behind":   {func(o *RestMarkers) { o.Received.Pos = 4 }, "before the last marker"},
		"small transaction": {func(o *RestMarkers) { o.Held.Bytes = o.Held.Cache }, "no transaction larger than the binary log cache"},
		"no cache's file": {func(o *RestMarkers) {
			fileOf(t, &o.Search, topology.Source, temporaryFile).Scanned = 0
		}, "no file without a name"},
		"no control": {func(o *RestMarkers) { fileOf(t, &o.Search, topology.Replica, control).Hits = nil }, "the positive control failed"},
		"half of the control": {func(o *RestMarkers) {
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

func TestRestMarkersPutsAllRightAgain(t *testing.T) {
	f := resting(t)
	o := judged(t, f, restMarkersID)
	held(t, o)
	require.Empty(t, slices.DeleteFunc(keysOf(f.disk[topology.Replica]), func(p string) bool { return !within(p, controlDir) }), "clear logs are removed")
	require.Contains(t, f.heard(topology.Source), "ROLLBACK")
	require.Equal(t, "START REPLICA SQL_THREAD", f.heard(topology.Replica)[len(f.heard(topology.Replica))-1])

	for name, breaks := range map[string]func(*fake){
		"no scan":        func(f *fake) { f.scanned = func(s *node.PairSearch) { s.Nodes = nil } },
		"no control":     func(f *fake) { f.runs("mysqlbinlog", node.Output{Exit: 1, Stderr: "Access denied"}) },
		"no mysqlbinlog": func(f *fake) { f.runs("mysqlbinlog", node.Output{Exit: 127}) },
		"no transaction": func(f *fake) { f.servers[topology.Source].fails("ndbproof_rest.held VALUES", errors.New("lock")) },
		"no rotation":    func(f *fake) { f.servers[topology.Replica].fails("FLUSH BINARY LOGS", errors.New("read only")) },
		"receiver stops": func(f *fake) {
			f.marked = func() { f.status("No", "No", 1236, replication.Position{File: "binlog.000001"}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := resting(t)
			breaks(f)
			o := judged(t, f, restMarkersID)
			require.Equal(t, NotLooked, o.Status)
			require.NotEmpty(t, o.Reason)
			require.Contains(t, f.heard(topology.Replica), "START REPLICA SQL_THREAD")
			require.NotContains(t, strings.Join(keysOf(f.disk[topology.Replica]), " "), controlDir)
			if slices.Contains(f.heard(topology.Source), "START TRANSACTION") {
				require.Contains(t, f.heard(topology.Source), "ROLLBACK")
			}
		})
	}
}

// runs has a program end in another way.
func (f *fake) runs(program string, out node.Output) {
	before := f.run
	f.run = func(side topology.Side, c node.Command) (node.Output, error) {
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

func TestRestMarkersFindsWhatSabotageLeaves(t *testing.T) {
	for path, word := range map[string]string{
		topology.DataDir + "/binlog.000002": "binary-log", topology.DataDir + "/relay.000003": "relay-log",
		topology.MysqlDir + "/general.log": "log", topology.KeyringDir + "/notes": "elsewhere",
	} {
		f := resting(t)
		f.marked = func() {
			b := slices.Concat(f.disk[topology.Replica][path].content, []byte(f.markers[0]))
			f.disk[topology.Replica][path] = fakeFile{b, 0o600}
		}
		o := judged(t, f, restMarkersID)
		require.Equal(t, Violated, o.Status, o.Reason)
		require.Len(t, o.Violations, 1)
		require.Equal(t, restMarkersID+"."+word, o.Violations[0].Code)
		require.Equal(t, "replica", o.Violations[0].Side)
		require.Contains(t, o.Violations[0].Text, path)
		require.NotContains(t, o.Violations[0].Text, f.markers[0])
	}
}

func TestCheckpoint(t *testing.T) {
	c := Checkpoint{Before: 2}
	require.False(t, c.find(clusterLogOf(1)+clusterLogOf(2)))
	require.Zero(t, c.Number)
	began := strings.SplitAfter(clusterLogOf(3), "\n")[0]
	require.False(t, c.find(clusterLogOf(2)+began))
	require.Equal(t, 3, c.Number)
	require.True(t, c.find(clusterLogOf(2)+clusterLogOf(3)+clusterLogOf(4)))
	require.Equal(t, 3, c.Number)
	require.Contains(t, c.Began, "Local checkpoint 3 started")
	require.Contains(t, c.Ended, "Local checkpoint 3 completed")
}

func TestCheckpointThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resting(t)
		asked := 0
		f.run = func(_ topology.Side, c node.Command) (node.Output, error) {
			asked++
			require.Equal(t, []string{"ndb_mgm", "--ndb-connectstring=source-mgm", "--execute=ALL DUMP 7099"}, c.Argv)
			return node.Output{}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), replication.Patience)
		defer cancel()
		_, err := takeCheckpoint(ctx, f.subject(), topology.Source)
		require.ErrorContains(t, err, "a local checkpoint of the source after number 1")
		require.ErrorContains(t, err, "none has begun")
		require.Greater(t, asked, 1, "one that is asked for may be forgotten")
	})
	f := resting(t)
	delete(f.disk[topology.Source], topology.NdbDir+"/ndb_1_cluster.log")
	_, err := takeCheckpoint(t.Context(), f.subject(), topology.Source)
	require.ErrorContains(t, err, "holds none")
	f = resting(t)
	f.runs("ndb_mgm", node.Output{Exit: 1, Stdout: "Unable to connect"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.run = func(topology.Side, node.Command) (node.Output, error) {
		cancel()
		return node.Output{Exit: 1, Stdout: "Unable to connect"}, nil
	}
	_, err = takeCheckpoint(ctx, f.subject(), topology.Source)
	require.ErrorContains(t, err, "Unable to connect")
}

func TestRestSecrets(t *testing.T) {
	good := seenOn(t, lookRestSecrets)
	in := func(side topology.Side, c class, name string) func(*RestSecrets) {
		return func(o *RestSecrets) {
			f := fileOf(t, &o.Search, side, c)
			f.Hits = append(f.Hits, hit(name, scan.UTF16))
		}
	}
	root := localPassword(topology.Source, secure.Root)
	judges(t, restSecretsID, good, []broken[*RestSecrets]{
		{"channel's password in the source's tables", in(topology.Source, innodbFile, channelNeedle), []string{"elsewhere"}},
		{"channel's password on a data node", in(topology.Replica, redoLog, channelNeedle), []string{"elsewhere"}},
		{"root's password in the tables", in(topology.Replica, innodbFile, root), []string{"elsewhere"}},
		{"root's password in a log", in(topology.Source, containerLog, root), []string{"log"}},
		{"root's password in a relay log", in(topology.Replica, relayLogs, root), []string{"log"}},
		{"root's password in an inspect document", in(topology.Source, inspected, root), []string{"inspect"}},
	})
	o := good()
	in(topology.Replica, innodbFile, channelNeedle)(o)
	require.Empty(t, byID(t, restSecretsID).Judge(o, secure.Seed2021(), newest), "gap G4")

	missing, fewer, blind := good(), good(), good()
	missing.Search.Nodes, fewer.Needles, blind.Search.Seen = missing.Search.Nodes[1:], fewer.Needles[1:], 0
	unseen(t, map[string]Observation{"node missing": missing, "fewer needles": fewer, "blind": blind})
}

func TestRestSecretsNeverShowThem(t *testing.T) {
	f := resting(t)
	f.disk[topology.Source][topology.MysqlDir+"/client.log"] = fakeFile{[]byte("of root"), 0o600}
	dir := evidence.At(t.TempDir())
	o := Run(t.Context(), byID(t, restSecretsID), f.subject(), dir, secure.Seed2021())
	require.Equal(t, Violated, o.Status, o.Reason)
	secrets := &secret.Set{}
	require.NoError(t, secrets.Add("root", secret.Of("of root, and more")))
	file, err := dir.Open(o.Evidence)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	hits, err := secrets.Search("evidence", file)
	require.NoError(t, err)
	require.Empty(t, hits)
}

func TestRestSabotages(t *testing.T) {
	for _, id := range []string{restMarkersID, restSecretsID} {
		for _, s := range byID(t, id).Sabotage {
			f := resting(t)
			f.servers[topology.Source].on("SHOW BINARY LOGS", "Log_name File_size Encrypted", []any{"binlog.000003", "1300", "Yes"})
			undo, err := s.Do(t.Context(), f.bench())
			require.NoError(t, err, s.Name)
			require.NoError(t, undo(t.Context()), s.Name)
		}
	}
}

// A log is one wherever it lies, but for logs made for the purpose, and the
// harness never takes one for a file that may be readable.
func FuzzClassOf(f *testing.F) {
	f.Add("/var/lib/mysql/binlog.000001", string(scan.EncryptedLog))
	f.Add("/data/ndb_2_fs/LCP/0/T1F0.Data", "")
	f.Add("/tmp/x.log", string(scan.PlainLog))
	f.Fuzz(func(t *testing.T, path, kind string) {
		got := classOf(node.Searched{Path: path, Kind: kind})
		if kind == string(scan.EncryptedLog) || kind == string(scan.PlainLog) {
			require.Contains(t, []class{binaryLogs, relayLogs, control}, got, path)
		}
		require.Equal(t, temporaryFile, classOf(node.Searched{Path: path, Kind: kind, Place: node.InUnlinked}))
	})
}
