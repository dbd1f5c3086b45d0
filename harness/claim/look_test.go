package claim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const ownUUID = "7f3b0c1e-0000-4000-8000-0242ac120002"

// ownLog is a log encrypted with the servers' own key.
func ownLog() []byte {
	return []byte(strings.Replace(string(strangersLog), strangersKey, "MySQLReplicationKey_"+ownUUID+"_1", 1))
}

// healthy is a pair on which all is well, as far as the fakes go.
func healthy(t *testing.T) *fake {
	t.Helper()
	f := newFake(t, newest)
	for side, s := range f.servers {
		s.on("@@log_bin_basename AS base", "base indexed other home",
			[]any{topology.LogDir + "/binlog", topology.LogDir + "/binlog.index", topology.LogDir + "/relay", topology.DataDir + "/"})
		s.on("@@relay_log_basename AS base", "base indexed other home",
			[]any{topology.LogDir + "/relay", topology.LogDir + "/relay.index", topology.LogDir + "/binlog", topology.DataDir + "/"})
		s.on("SHOW BINARY LOGS", "Log_name File_size Encrypted", []any{"binlog.000001", "1300", "Yes"}, []any{"binlog.000002", "1300", "Yes"})
		s.on("SHOW BINARY LOG STATUS", "File Position", []any{"binlog.000002", "700"})
		s.on("@@server_uuid", "uuid", []any{ownUUID})
		s.on("keyring_keys", "KEY_ID", []any{"MySQLReplicationKey_" + ownUUID}, []any{"MySQLReplicationKey_" + ownUUID + "_1"})
		s.on("keyring_component_status", "STATUS_KEY STATUS_VALUE", []any{"Component_status", "Active"}, []any{"Data_file", topology.KeyringDir + "/keyring"})
		s.on("@@mandatory_roles", "roles activate", []any{"", "0"})
		for _, s := range []*server{s, f.spares[side]} {
			s.on("SHOW GRANTS", "Grants", []any{"GRANT REPLICATION SLAVE ON *.* TO `user1`@`%`"})
			s.on("CONNECTION_ID()", "id", []any{"42"})
		}
		for _, name := range []string{"binlog.000001", "binlog.000002"} {
			f.disk[side][topology.LogDir+"/"+name] = fakeFile{ownLog(), 0o640}
		}
		f.disk[side][topology.LogDir+"/binlog.index"] = fakeFile{[]byte("./binlog.000001\n./binlog.000002\n"), 0o640}
	}
	f.disk[topology.Replica][topology.LogDir+"/relay.000003"] = fakeFile{ownLog(), 0o640}
	f.disk[topology.Replica][topology.LogDir+"/relay.index"] = fakeFile{[]byte("./relay.000003\n"), 0o640}
	f.status("Yes", "Yes", 0, f.end)
	f.login = func(topology.Side, replication.Login) error { return nil }
	f.run = func(_ topology.Side, c node.Command) (node.Output, error) {
		return node.Output{Exit: 1, Stderr: "ERROR: " + refusal}, nil
	}
	return f
}

// status is what the replica says of its channel from now on.
func (f *fake) status(receiver, applier string, errno int, received replication.Position) {
	w := newest.Words()
	does := map[string]string{"Yes": w.ReceiverWaits}
	applies := map[string]string{"Yes": w.ApplierWaits}
	f.servers[topology.Replica].on(w.ShowReplicaStatus, strings.Join([]string{
		w.IORunning, w.SQLRunning, w.IOState, w.SQLState, w.LastIOErrno, w.LastIOError, w.LastSQLErrno, w.LastSQLError,
		w.SourceLogFile, w.ReadSourceLogPos, w.RelaySourceLogFile, w.ExecSourceLogPos, w.SecondsBehind, "Relay_Log_File",
	}, " "), []any{
		receiver, applier, does[receiver], applies[applier], int64(errno), "", int64(0), "",
		received.File, int64(received.Pos), "binlog.000001", int64(500), int64(0), "relay.000003",
	})
}

func judged(t *testing.T, f *fake, id string) Outcome {
	t.Helper()
	return Run(t.Context(), byID(t, id), f.subject(), evidence.At(t.TempDir()), secure.Seed2021())
}

func held(t *testing.T, o Outcome) {
	t.Helper()
	require.Equal(t, Held, o.Status, "%s %v", o.Reason, o.Violations)
}

// heard gives what a server heard of the statements that change something.
func (f *fake) heard(side topology.Side) []string {
	return slices.DeleteFunc(slices.Clone(f.servers[side].heard), func(q string) bool {
		return strings.HasPrefix(q, "SELECT") || strings.HasPrefix(q, "SHOW")
	})
}

func TestLookHealthy(t *testing.T) {
	for _, id := range []string{grantsID, binlogsID, relaylogsID, keyringID, keysID, directID, runningID} {
		t.Run(id, func(t *testing.T) { held(t, judged(t, healthy(t), id)) })
	}
}

// TestLogsLeftBehind does what those sabotages do that only put files, and sees
// what must follow.
func TestLogsLeftBehind(t *testing.T) {
	done := 0
	for _, id := range []string{binlogsID, relaylogsID, keysID} {
		for _, s := range byID(t, id).Sabotage {
			f := healthy(t)
			if _, err := s.Do(t.Context(), f.bench()); err != nil || len(f.heard(topology.Source))+len(f.heard(topology.Replica)) > 0 {
				continue // runs statements or programs
			}
			done++
			t.Run(s.Name, func(t *testing.T) {
				o := judged(t, f, id)
				require.Equal(t, Violated, o.Status, o.Reason)
				require.True(t, slices.ContainsFunc(o.Violations, func(v Violation) bool { return v.Code == s.Want }), "%v", o.Violations)
			})
		}
	}
	require.Equal(t, 6, done)
}

func TestBinlogsWithMarkerInClear(t *testing.T) {
	f := healthy(t)
	m, err := f.channel.Mark(t.Context())
	require.NoError(t, err)
	p := topology.LogDir + "/binlog.000001"
	f.disk[topology.Source][p] = fakeFile{append(ownLog(), m.Marker...), 0o640}
	o := judged(t, f, binlogsID)
	require.Len(t, o.Violations, 1)
	require.Equal(t, binlogsID+".marker", o.Violations[0].Code)
}

// restless has another log after each one that was read.
type restless struct{ *fake }

func (r restless) Read(ctx context.Context, side topology.Side, node, p string, limit int64) ([]byte, error) {
	r.disk[side][fmt.Sprintf("%s/binlog.%06d", topology.LogDir, len(r.disk[side]))] = fakeFile{ownLog(), 0o640}
	return r.fake.Read(ctx, side, node, p, limit)
}

func TestBinlogsThatNeverRest(t *testing.T) {
	f := healthy(t)
	s := f.subject()
	s.Files = restless{f}
	o := Run(t.Context(), byID(t, binlogsID), s, evidence.At(t.TempDir()), secure.Seed2021())
	require.Equal(t, NotLooked, o.Status)
	require.Contains(t, o.Reason, "came or went")
}

func TestRelaylogsStartTheApplierWhateverHappens(t *testing.T) {
	stopped := []string{"STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD"}
	t.Run("all well", func(t *testing.T) {
		f := healthy(t)
		held(t, judged(t, f, relaylogsID))
		require.Equal(t, stopped, f.heard(topology.Replica))
	})
	t.Run("receiver stopped", func(t *testing.T) {
		f := healthy(t)
		f.status("No", "No", 1236, replication.Position{File: "binlog.000001", Pos: 4})
		o := judged(t, f, relaylogsID)
		require.Equal(t, NotLooked, o.Status)
		require.Contains(t, o.Reason, "running: No")
		require.Equal(t, stopped, f.heard(topology.Replica))
	})
	t.Run("context ended", func(t *testing.T) {
		f := healthy(t)
		f.status("Connecting", "No", 0, replication.Position{File: "binlog.000001", Pos: 4})
		ctx, cancel := context.WithCancel(t.Context())
		f.marked = cancel
		o := Run(ctx, byID(t, relaylogsID), f.subject(), evidence.At(t.TempDir()), secure.Seed2021())
		require.Equal(t, NotLooked, o.Status)
		require.Equal(t, stopped, f.heard(topology.Replica))
	})
	t.Run("does not catch up afterwards", func(t *testing.T) {
		f := healthy(t)
		f.behind = errors.New("applied up to 5/0")
		o := judged(t, f, relaylogsID)
		require.Equal(t, NotLooked, o.Status)
		require.Contains(t, o.Reason, "start the channel again")
	})
}

func TestPlainChannelIsRestored(t *testing.T) {
	f := healthy(t)
	f.marked = func() { f.status("Connecting", "No", 3159, replication.Position{}) }
	held(t, judged(t, f, plainChannelID))
	heard := f.heard(topology.Replica)
	require.Len(t, heard, 8)
	for i, part := range []string{
		"STOP REPLICA", "RESET REPLICA ALL", "SOURCE_SSL=0", "START REPLICA IO_THREAD",
		"STOP REPLICA", "RESET REPLICA ALL", "SOURCE_SSL=1", "START REPLICA",
	} {
		require.Contains(t, heard[i], part)
	}
	for _, i := range []int{2, 6} {
		require.Contains(t, heard[i], "SOURCE_LOG_FILE='binlog.000001', SOURCE_LOG_POS=500")
	}
	require.Contains(t, heard[2], "GET_SOURCE_PUBLIC_KEY=1")
	require.Contains(t, heard[6], "SOURCE_SSL_VERIFY_SERVER_CERT=1")
}

func TestPlainChannelIsRestoredAfterAnError(t *testing.T) {
	f := healthy(t)
	f.servers[topology.Replica].fails("START REPLICA IO_THREAD", errors.New("the server is busy"))
	o := judged(t, f, plainChannelID)
	require.Equal(t, NotLooked, o.Status)
	require.Contains(t, o.Reason, "the server is busy")
	require.Equal(t, "START REPLICA", f.heard(topology.Replica)[7])
}

func TestPlainChannelLeavesAStoppedOneAlone(t *testing.T) {
	f := healthy(t)
	f.status("Yes", "No", 0, f.end)
	o := judged(t, f, plainChannelID)
	require.Equal(t, NotLooked, o.Status)
	require.Empty(t, f.heard(topology.Replica))
}

func TestRunningLooks(t *testing.T) {
	t.Run("applier stopped", func(t *testing.T) {
		f := healthy(t)
		f.behind = errors.New("must not be waited for")
		f.status("Yes", "No", 0, f.end)
		o := judged(t, f, runningID)
		require.Equal(t, Violated, o.Status)
		require.Equal(t, runningID+".applier", o.Violations[0].Code)
	})
	t.Run("behind", func(t *testing.T) {
		f := healthy(t)
		f.behind = errors.New("applied up to 5/0")
		o := judged(t, f, runningID)
		require.Equal(t, Violated, o.Status)
		require.Equal(t, runningID+".behind", o.Violations[0].Code)
	})
	t.Run("nothing came since the run began", func(t *testing.T) {
		f := healthy(t)
		f.workload.Before = 9
		require.Contains(t, judged(t, f, runningID).Reason, "no epoch was applied since the run began")
		f.servers[topology.Replica].on("SELECT epoch FROM mysql.ndb_apply_status", "epoch")
		f.servers[topology.Replica].once("SELECT epoch FROM mysql.ndb_apply_status", "epoch", []any{"9"}) // for the fence
		require.Equal(t, NotLooked, judged(t, f, runningID).Status)
	})
	t.Run("no channel", func(t *testing.T) {
		f := healthy(t)
		f.servers[topology.Replica].on("SHOW REPLICA STATUS", "")
		require.Equal(t, runningID+".no-channel", judged(t, f, runningID).Violations[0].Code)
	})
	t.Run("never at rest", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := healthy(t)
			w := newest.Words()
			a := &f.servers[topology.Replica].answers[0]
			require.Equal(t, w.ShowReplicaStatus, a.part)
			a.rows[0][slices.Index(a.columns, w.SQLState)] = "Applying batch of row changes"
			o := judged(t, f, runningID)
			require.Equal(t, Violated, o.Status, o.Reason)
			require.Equal(t, runningID+".applier-state", o.Violations[0].Code)
		})
	})
	t.Run("server gone", func(t *testing.T) {
		f := healthy(t)
		f.servers[topology.Replica].fails("SHOW REPLICA STATUS", errors.New("connection refused"))
		require.Equal(t, NotLooked, judged(t, f, runningID).Status)
	})
}

func TestPlainClientsLook(t *testing.T) {
	refused := func(_ topology.Side, l replication.Login) error {
		switch {
		case l.User == secure.Root || l.User == secure.AdminUser && l.TLS == replication.TLSOff:
			return fmt.Errorf("log in: %w", &mysql.MySQLError{Number: 1045})
		case l.TLS == replication.TLSOff:
			require.True(t, l.PublicKey)
			return &mysql.MySQLError{Number: 3159}
		}
		return nil
	}
	f := healthy(t)
	f.login = refused
	held(t, judged(t, f, clientID))

	f.login = func(s topology.Side, l replication.Login) error {
		if l.User == secure.ReplicationUser {
			return nil
		}
		return refused(s, l)
	}
	require.Equal(t, Violated, judged(t, f, clientID).Status)

	f.login = func(topology.Side, replication.Login) error {
		return &net.OpError{Op: "dial", Err: errors.New("refused")}
	}
	o := judged(t, f, clientID)
	require.Equal(t, NotLooked, o.Status)
	require.Contains(t, o.Reason, "no answer of the server")
}

func TestDirectWithoutTheProgram(t *testing.T) {
	f := healthy(t)
	f.run = func(topology.Side, node.Command) (node.Output, error) { return node.Output{Exit: 127}, nil }
	require.Equal(t, NotLooked, judged(t, f, directID).Status)
}

func TestRemoteLook(t *testing.T) {
	f := healthy(t)
	f.run = func(side topology.Side, c node.Command) (node.Output, error) {
		require.Equal(t, topology.Replica, side)
		require.Equal(t, map[string]string{"MYSQL_PWD": "of user1"}, c.Env)
		require.NotContains(t, strings.Join(c.Argv, " "), "of user1")
		require.Contains(t, c.Argv, "--start-position=700")
		return node.Output{Stdout: "###   @2='" + f.markers[len(f.markers)-1] + "'"}, nil
	}
	held(t, judged(t, f, remoteID))
	f.run = func(topology.Side, node.Command) (node.Output, error) {
		return node.Output{Stdout: "# nothing"}, nil
	}
	require.Equal(t, Violated, judged(t, f, remoteID).Status)
}

func TestGrantsLook(t *testing.T) {
	f := healthy(t)
	f.servers[topology.Replica].on("FROM mysql.db ", "Host Db User Select_priv Insert_priv", []any{"%", "test1", "user1", "Y", "N"})
	o := judged(t, f, grantsID)
	require.Equal(t, Violated, o.Status)
	require.Equal(t, "user1 has a row in mysql.db: Db=test1, Host=%, Select_priv=Y, User=user1; expected none", o.Violations[0].Text)
	require.Equal(t, "replica", o.Violations[0].Side)
}
