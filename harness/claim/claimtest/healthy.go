package claimtest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/topology"
)

const ownUUID = "7f3b0c1e-0000-4000-8000-0242ac120002"

// OwnLog is a log encrypted with the servers' own key: header and ciphertext.
func OwnLog() []byte {
	const key = "MySQLReplicationKey_" + ownUUID + "_1"
	head := slices.Concat(
		[]byte("\xfdbin\x01\x01"), []byte{byte(len(key))}, []byte(key),
		[]byte{2}, bytes.Repeat([]byte{0xA5}, 32), []byte{3}, bytes.Repeat([]byte{0x5A}, 16))
	return slices.Concat(head, make([]byte, scan.HeaderSize-len(head)), bytes.Repeat([]byte{0x7E}, scan.EmptyLogSize))
}

// NewHealthyPair is a pair on which all is well, as far as the fakes go.
func NewHealthyPair(t *testing.T) *Pair {
	t.Helper()
	f := NewPair(t, Newest)
	for side, s := range f.Servers {
		s.Answer("@@log_bin_basename AS base", "base indexed other home",
			[]any{topology.LogDir + "/binlog", topology.LogDir + "/binlog.index", topology.LogDir + "/relay", topology.DataDir + "/"})
		s.Answer("@@relay_log_basename AS base", "base indexed other home",
			[]any{topology.LogDir + "/relay", topology.LogDir + "/relay.index", topology.LogDir + "/binlog", topology.DataDir + "/"})
		s.Answer("SHOW BINARY LOGS", "Log_name File_size Encrypted", []any{"binlog.000001", "1300", "Yes"}, []any{"binlog.000002", "1300", "Yes"})
		s.Answer("SHOW BINARY LOG STATUS", "File Position", []any{"binlog.000002", "700"})
		s.Answer("@@server_uuid", "uuid", []any{ownUUID})
		s.Answer("keyring_keys", "KEY_ID", []any{"MySQLReplicationKey_" + ownUUID}, []any{"MySQLReplicationKey_" + ownUUID + "_1"})
		s.Answer("keyring_component_status", "STATUS_KEY STATUS_VALUE", []any{"Component_status", "Active"}, []any{"Data_file", topology.KeyringDir + "/keyring"})
		s.Answer("@@mandatory_roles", "roles activate", []any{"", "0"})
		for _, s := range []*Server{s, f.Spares[side]} {
			s.Answer("SHOW GRANTS", "Grants", []any{"GRANT REPLICATION SLAVE ON *.* TO `user1`@`%`"})
			s.Answer("CONNECTION_ID()", "id", []any{"42"})
		}
		for _, name := range []string{"binlog.000001", "binlog.000002"} {
			f.Disk[side][topology.LogDir+"/"+name] = File{OwnLog(), 0o640}
		}
		f.Disk[side][topology.LogDir+"/binlog.index"] = File{[]byte("./binlog.000001\n./binlog.000002\n"), 0o640}
	}
	f.Disk[topology.Replica][topology.LogDir+"/relay.000003"] = File{OwnLog(), 0o640}
	f.Disk[topology.Replica][topology.LogDir+"/relay.index"] = File{[]byte("./relay.000003\n"), 0o640}
	f.SetStatus("Yes", "Yes", 0, f.End)
	f.OnLogin = func(topology.Side, replication.Login) error { return nil }
	f.OnRun = func(_ topology.Side, _ node.Command) (node.Output, error) {
		return node.Output{Exit: 1, Stderr: "ERROR: Reading encrypted log files directly is not supported."}, nil
	}
	return f
}

// SetStatus is what the replica says of its channel from now on.
func (f *Pair) SetStatus(receiver, applier string, errno int, received replication.Position) {
	w := Newest.Words()
	does := map[string]string{"Yes": w.ReceiverWaits}
	applies := map[string]string{"Yes": w.ApplierWaits}
	f.Servers[topology.Replica].Answer(w.ShowReplicaStatus, strings.Join([]string{
		w.IORunning, w.SQLRunning, w.IOState, w.SQLState, w.LastIOErrno, w.LastIOError, w.LastSQLErrno, w.LastSQLError,
		w.SourceLogFile, w.ReadSourceLogPos, w.RelaySourceLogFile, w.ExecSourceLogPos, w.SecondsBehind, "Relay_Log_File",
	}, " "), []any{
		receiver, applier, does[receiver], applies[applier], int64(errno), "", int64(0), "",
		received.File, int64(received.Pos), "binlog.000001", int64(500), int64(0), "relay.000003",
	})
}

// Changes gives what a server heard of the statements that change something.
func (f *Pair) Changes(side topology.Side) []string {
	return slices.DeleteFunc(slices.Clone(f.Servers[side].Heard), func(q string) bool {
		return strings.HasPrefix(q, "SELECT") || strings.HasPrefix(q, "SHOW")
	})
}

// Acts is what was done to a pair, without what is only asked. What is repeated stands
// once, and markers, which are drawn, are all alike.
func (f *Pair) Acts() []string {
	f.acts.Lock()
	defer f.acts.Unlock()
	var all []string
	for _, line := range f.acts.lines {
		if _, q, _ := strings.Cut(line, " "); strings.HasPrefix(q, "SELECT") || strings.HasPrefix(q, "SHOW") {
			continue
		}
		for i, m := range f.Markers {
			line = strings.ReplaceAll(line, m, "mark"+string(rune('1'+i)))
		}
		all = append(all, line)
	}
	return slices.Compact(all)
}
