package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodBinlogs() *BinaryLogs {
	server := func(side topology.Side) ServerLogs {
		return ServerLogs{
			Side: side, Node: "sql", Dir: topology.LogDir,
			Files: []Log{encryptedLog(topology.LogDir + "/binlog.000001"), encryptedLog(topology.LogDir + "/binlog.000002")},
			Index: []string{"binlog.000001", "binlog.000002"},
			Shown: []replication.BinaryLog{{Name: "binlog.000001", Encrypted: true}, {Name: "binlog.000002", Encrypted: true}},
		}
	}
	return &BinaryLogs{Servers: []ServerLogs{server(topology.Source), server(topology.Replica)}}
}

func encryptedLog(path string) Log {
	return Log{Path: path, Size: 4096, Magic: "fd62696e", Kind: scan.EncryptedLog}
}

// inClear makes a log one in clear.
func inClear(l *Log) { l.Kind, l.Magic = scan.PlainLog, "fe62696e" }

func TestBinlogs(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.LogsBinlogEncryptedID), goodBinlogs, []claimtest.Broken[*BinaryLogs]{
		claimtest.Break("clear", func(o *BinaryLogs) {
			inClear(&o.Servers[1].Files[0])
			o.Servers[1].Shown[0].Encrypted = false
		}, []string{"clear"}),
		claimtest.Break("clear, and the server says otherwise", func(o *BinaryLogs) { inClear(&o.Servers[1].Files[0]) }, []string{"clear", "column"}),
		claimtest.Break("encrypted, and the server says otherwise", func(o *BinaryLogs) { o.Servers[0].Shown[1].Encrypted = false }, []string{"column"}),
		claimtest.Break("no log", func(o *BinaryLogs) { o.Servers[0].Files[0].Kind = scan.OtherFile }, []string{"column", "not-a-log"}),
		claimtest.Break("empty file", func(o *BinaryLogs) {
			o.Servers[0].Files = append(o.Servers[0].Files, Log{Path: topology.LogDir + "/binlog.000003", Kind: scan.EmptyFile})
		}, []string{"not-a-log", "stray"}),
		claimtest.Break("stray", func(o *BinaryLogs) {
			o.Servers[1].Files = append(o.Servers[1].Files, encryptedLog(topology.LogDir+"/binlog.000000"))
		}, []string{"stray"}),
		claimtest.Break("copy elsewhere", func(o *BinaryLogs) {
			o.Servers[1].Files = append(o.Servers[1].Files, encryptedLog(topology.MysqlDir+"/old/binlog.000001"))
		}, []string{"stray"}),
		claimtest.Break("missing", func(o *BinaryLogs) { o.Servers[0].Files = o.Servers[0].Files[1:] }, []string{"missing"}),
		claimtest.Break("unlisted", func(o *BinaryLogs) { o.Servers[0].Shown = o.Servers[0].Shown[1:] }, []string{"unlisted"}),
		claimtest.Break("marker", func(o *BinaryLogs) { o.Servers[0].Files[1].Markers = 1 }, []string{"marker"}),
	})
	none, small := goodBinlogs(), goodBinlogs()
	none.Servers[1].Files = nil
	for i := range small.Servers[0].Files {
		small.Servers[0].Files[i].Size = scan.EmptyLogSize
	}
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no file on a side": none, "nothing in the files": small})
}

func goodRelaylogs() *RelayLogs {
	end := replication.Position{File: "binlog.000002", Pos: 900}
	return &RelayLogs{
		Mark: replication.Mark{Marker: "m", End: end}, Received: end,
		Servers: []ServerLogs{
			{Side: topology.Source, Node: "sql", Dir: topology.LogDir},
			{
				Side: topology.Replica, Node: "sql", Dir: topology.LogDir,
				Files: []Log{encryptedLog(topology.LogDir + "/relay.000007")}, Index: []string{"relay.000007"},
			},
		},
	}
}

func TestRelaylogs(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.LogsRelaylogEncryptedID), goodRelaylogs, []claimtest.Broken[*RelayLogs]{
		claimtest.Break("clear", func(o *RelayLogs) { inClear(&o.Servers[1].Files[0]) }, []string{"clear"}),
		claimtest.Break("clear at the source", func(o *RelayLogs) {
			l := encryptedLog(topology.LogDir + "/relay.000000")
			inClear(&l)
			o.Servers[0].Files = []Log{l}
		}, []string{"clear", "stray"}),
		claimtest.Break("no log", func(o *RelayLogs) { o.Servers[1].Files[0].Kind = scan.OtherFile }, []string{"not-a-log"}),
		claimtest.Break("missing", func(o *RelayLogs) { o.Servers[1].Index = append(o.Servers[1].Index, "relay.000008") }, []string{"missing"}),
		claimtest.Break("marker", func(o *RelayLogs) { o.Servers[1].Files[0].Markers = 2 }, []string{"marker"}),
	})
	none, before := goodRelaylogs(), goodRelaylogs()
	none.Servers[1].Files = nil
	before.Received.Pos--
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no relay log": none, "receiver before the mark": before})
}

// TestLogsLeftBehind does what those sabotages do that only put files, and sees
// what must follow.
func TestLogsLeftBehind(t *testing.T) {
	done := 0
	for _, id := range []string{claim.LogsBinlogEncryptedID, claim.LogsRelaylogEncryptedID, claim.LogsKeysID} {
		for _, s := range claimOf(t, id).Sabotage {
			f := claimtest.NewHealthyPair(t)
			if _, err := s.Do(t.Context(), f.Bench()); err != nil || len(f.Changes(topology.Source))+len(f.Changes(topology.Replica)) > 0 {
				continue // runs statements or programs
			}
			done++
			t.Run(s.Name, func(t *testing.T) {
				o := claimtest.RunOn(t, f, claimOf(t, id))
				require.Equal(t, claim.Violated, o.Status, o.Reason)
				require.True(t, slices.ContainsFunc(o.Violations, func(v claim.Violation) bool { return v.Code == s.Want }), "%v", o.Violations)
			})
		}
	}
	require.Equal(t, 6, done)
}

func TestBinlogsWithMarkerInClear(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	m, err := f.Channel.Mark(t.Context())
	require.NoError(t, err)
	p := topology.LogDir + "/binlog.000001"
	f.Disk[topology.Source][p] = claimtest.NewFile(append(claimtest.OwnLog(), m.Marker...), 0o640)
	o := claimtest.RunOn(t, f, claimOf(t, claim.LogsBinlogEncryptedID))
	require.Len(t, o.Violations, 1)
	require.Equal(t, claim.LogsBinlogEncryptedID+".marker", o.Violations[0].Code)
}

// restless has another log after each one that was read.
type restless struct{ *claimtest.Pair }

func (r restless) Read(ctx context.Context, side topology.Side, node, p string, limit int64) ([]byte, error) {
	r.Disk[side][fmt.Sprintf("%s/binlog.%06d", topology.LogDir, len(r.Disk[side]))] = claimtest.NewFile(claimtest.OwnLog(), 0o640)
	return r.Pair.Read(ctx, side, node, p, limit)
}

func TestBinlogsThatNeverRest(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	s := f.Subject()
	s.Files = restless{f}
	o := claim.Run(t.Context(), claimOf(t, claim.LogsBinlogEncryptedID), s, evidence.At(t.TempDir()), secure.Published2021())
	require.Equal(t, claim.NotLooked, o.Status)
	require.Contains(t, o.Reason, "came or went")
}

func TestRelaylogsStartTheApplierWhateverHappens(t *testing.T) {
	stopped := []string{"STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD"}
	t.Run("all well", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		claimtest.RequireHeld(t, claimtest.RunOn(t, f, claimOf(t, claim.LogsRelaylogEncryptedID)))
		require.Equal(t, stopped, f.Changes(topology.Replica))
	})
	t.Run("receiver stopped", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.SetStatus("No", "No", 1236, replication.Position{File: "binlog.000001", Pos: 4})
		o := claimtest.RunOn(t, f, claimOf(t, claim.LogsRelaylogEncryptedID))
		require.Equal(t, claim.NotLooked, o.Status)
		require.Contains(t, o.Reason, "running: No")
		require.Equal(t, stopped, f.Changes(topology.Replica))
	})
	t.Run("context ended", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.SetStatus("Connecting", "No", 0, replication.Position{File: "binlog.000001", Pos: 4})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f.OnMark = cancel
		o := claim.Run(ctx, claimOf(t, claim.LogsRelaylogEncryptedID), f.Subject(), evidence.At(t.TempDir()), secure.Published2021())
		require.Equal(t, claim.NotLooked, o.Status)
		require.Equal(t, stopped, f.Changes(topology.Replica))
	})
	t.Run("does not catch up afterwards", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.Behind = errors.New("applied up to 5/0")
		o := claimtest.RunOn(t, f, claimOf(t, claim.LogsRelaylogEncryptedID))
		require.Equal(t, claim.NotLooked, o.Status)
		require.Contains(t, o.Reason, "start the channel again")
	})
}
