package rest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/scan"
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
func seenOn[T any](t *testing.T, look func(context.Context, claim.Subject) (*T, error)) func() *T {
	t.Helper()
	o, err := look(t.Context(), claimtest.NewRestingPair(t).Subject())
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

func TestSabotages(t *testing.T) {
	for _, id := range []string{claim.RestMarkersID, claim.RestSecretsID} {
		for _, s := range claimOf(t, id).Sabotage {
			f := claimtest.NewRestingPair(t)
			f.Servers[topology.Source].Answer("SHOW BINARY LOGS", "Log_name File_size Encrypted", []any{"binlog.000003", "1300", "Yes"})
			undo, err := s.Do(t.Context(), f.Bench())
			require.NoError(t, err, s.Name)
			require.NoError(t, undo(t.Context()), s.Name)
		}
	}
}
