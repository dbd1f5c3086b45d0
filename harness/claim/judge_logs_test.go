package claim

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func fileMode(perm uint32) fs.FileMode { return fs.FileMode(perm) }

func folder(perm uint32) fs.FileMode { return fs.ModeDir | fs.FileMode(perm) }

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

// inClear makes a log one in clear.
func inClear(l *Log) { l.Kind, l.Magic = scan.PlainLog, "fe62696e" }

func TestBinlogs(t *testing.T) {
	judges(t, binlogsID, goodBinlogs, []broken[*BinaryLogs]{
		{"clear", func(o *BinaryLogs) {
			inClear(&o.Servers[1].Files[0])
			o.Servers[1].Shown[0].Encrypted = false
		}, []string{"clear"}},
		{"clear, and the server says otherwise", func(o *BinaryLogs) { inClear(&o.Servers[1].Files[0]) }, []string{"clear", "column"}},
		{"encrypted, and the server says otherwise", func(o *BinaryLogs) { o.Servers[0].Shown[1].Encrypted = false }, []string{"column"}},
		{"no log", func(o *BinaryLogs) { o.Servers[0].Files[0].Kind = scan.OtherFile }, []string{"column", "not-a-log"}},
		{"empty file", func(o *BinaryLogs) {
			o.Servers[0].Files = append(o.Servers[0].Files, Log{Path: topology.LogDir + "/binlog.000003", Kind: scan.EmptyFile})
		}, []string{"not-a-log", "stray"}},
		{"stray", func(o *BinaryLogs) {
			o.Servers[1].Files = append(o.Servers[1].Files, encryptedLog(topology.LogDir+"/binlog.000000"))
		}, []string{"stray"}},
		{"copy elsewhere", func(o *BinaryLogs) {
			o.Servers[1].Files = append(o.Servers[1].Files, encryptedLog(topology.MysqlDir+"/old/binlog.000001"))
		}, []string{"stray"}},
		{"missing", func(o *BinaryLogs) { o.Servers[0].Files = o.Servers[0].Files[1:] }, []string{"missing"}},
		{"unlisted", func(o *BinaryLogs) { o.Servers[0].Shown = o.Servers[0].Shown[1:] }, []string{"unlisted"}},
		{"marker", func(o *BinaryLogs) { o.Servers[0].Files[1].Markers = 1 }, []string{"marker"}},
	})
	none, small := goodBinlogs(), goodBinlogs()
	none.Servers[1].Files = nil
	for i := range small.Servers[0].Files {
		small.Servers[0].Files[i].Size = emptyLog
	}
	unseen(t, map[string]Observation{"no file on a side": none, "nothing in the files": small})
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
	judges(t, relaylogsID, goodRelaylogs, []broken[*RelayLogs]{
		{"clear", func(o *RelayLogs) { inClear(&o.Servers[1].Files[0]) }, []string{"clear"}},
		{"clear at the source", func(o *RelayLogs) {
			l := encryptedLog(topology.LogDir + "/relay.000000")
			inClear(&l)
			o.Servers[0].Files = []Log{l}
		}, []string{"clear", "stray"}},
		{"no log", func(o *RelayLogs) { o.Servers[1].Files[0].Kind = scan.OtherFile }, []string{"not-a-log"}},
		{"missing", func(o *RelayLogs) { o.Servers[1].Index = append(o.Servers[1].Index, "relay.000008") }, []string{"missing"}},
		{"marker", func(o *RelayLogs) { o.Servers[1].Files[0].Markers = 2 }, []string{"marker"}},
	})
	none, before := goodRelaylogs(), goodRelaylogs()
	none.Servers[1].Files = nil
	before.Received.Pos--
	unseen(t, map[string]Observation{"no relay log": none, "receiver before the mark": before})
}

func TestKeyring(t *testing.T) {
	good := func() *Keyrings {
		server := func(side topology.Side) ServerKeyring {
			return ServerKeyring{Side: side, Asked: 1, Component: map[string]string{"Component_status": "Active"}, Keys: 2}
		}
		return &Keyrings{[]ServerKeyring{server(topology.Source), server(topology.Replica)}}
	}
	judges(t, keyringID, good, []broken[*Keyrings]{
		{"disabled", func(o *Keyrings) { o.Servers[0].Component["Component_status"] = "Disabled" }, []string{"inactive"}},
		{"none", func(o *Keyrings) { o.Servers[1].Component, o.Servers[1].Keys = nil, 0 }, []string{"inactive", "no-keys"}},
		{"empty", func(o *Keyrings) { o.Servers[1].Keys = 0 }, []string{"no-keys"}},
		{"a plugin where there is none", func(o *Keyrings) { o.Servers[1].Component, o.Servers[1].Plugin = nil, "ACTIVE" }, []string{"inactive"}},
	})
	o := good()
	for i := range o.Servers {
		o.Servers[i].Component, o.Servers[i].Plugin = nil, "ACTIVE"
	}
	require.Empty(t, byID(t, keyringID).Judge(o, secure.Seed2021(), oldest))
	o.Servers[0].Asked = 0
	unseen(t, map[string]Observation{"no table to ask": o})
}

func TestKeys(t *testing.T) {
	const uuid = "7f3b0c1e-0000-4000-8000-0242ac120002"
	const id = "MySQLReplicationKey_" + uuid + "_1"
	good := func() *LogKeys {
		server := func(side topology.Side) ServerLogKeys {
			return ServerLogKeys{
				Side: side, UUID: uuid, Binary: 1, Keyring: []string{"MySQLReplicationKey_" + uuid, id},
				Logs: []LogKey{{Path: topology.LogDir + "/binlog.000001", KeyID: id}},
			}
		}
		return &LogKeys{[]ServerLogKeys{server(topology.Source), server(topology.Replica)}}
	}
	judges(t, keysID, good, []broken[*LogKeys]{
		{"clear", func(o *LogKeys) { o.Servers[0].Logs[0] = logKey("binlog.000001", clearLog) }, []string{"no-key"}},
		{"no log", func(o *LogKeys) { o.Servers[0].Logs[0] = logKey("binlog.000001", nil) }, []string{"no-key"}},
		{"no sequence", func(o *LogKeys) { o.Servers[0].Logs[0].KeyID = "MySQLReplicationKey_" + uuid }, []string{"no-key"}},
		{"sequence 0", func(o *LogKeys) { o.Servers[0].Logs[0].KeyID = "MySQLReplicationKey_" + uuid + "_0" }, []string{"no-key"}},
		{"another server's", func(o *LogKeys) { o.Servers[1].Logs[0] = logKey("binlog.000000", strangersLog) }, []string{"strangers-key"}},
		{"lost", func(o *LogKeys) { o.Servers[1].Keyring = nil }, []string{"not-in-keyring"}},
	})
	none := good()
	none.Servers[0].Binary = 0
	unseen(t, map[string]Observation{"no binary log": none})
}

func TestDirect(t *testing.T) {
	good := func() *DirectReads {
		server := func(side topology.Side) ServerReads {
			return ServerReads{side, "sql", []Try{{topology.LogDir + "/binlog.000001", 1, "ERROR: " + refusal}}}
		}
		return &DirectReads{[]ServerReads{server(topology.Source), server(topology.Replica)}}
	}
	judges(t, directID, good, []broken[*DirectReads]{
		{"readable", func(o *DirectReads) { o.Servers[1].Tries[0].Exit = 0 }, []string{"readable"}},
		{"another error", func(o *DirectReads) { o.Servers[0].Tries[0].Stderr = "ERROR: File not found" }, []string{"other-error"}},
	})
	none := good()
	none.Servers[1].Tries = nil
	unseen(t, map[string]Observation{"no file on a side": none})
}

func TestRemote(t *testing.T) {
	good := func() *RemoteRead {
		return &RemoteRead{Mark: replication.Mark{Marker: "m"}, Bytes: 1000, Found: true}
	}
	judges(t, remoteID, good, []broken[*RemoteRead]{
		{"refused", func(o *RemoteRead) { o.Exit, o.Found, o.Stderr = 1, false, "ERROR: Access denied" }, []string{"refused"}},
		{"no marker", func(o *RemoteRead) { o.Found = false }, []string{"no-marker"}},
	})
	require.Equal(t, []string{
		"mysqlbinlog", "--no-defaults", "--read-from-remote-server", "--host=source.link", "--port=3306", "--user=user1",
		"--ssl-mode=VERIFY_IDENTITY", "--ssl-ca=/etc/ndbproof/tls/ca.pem", "-vv", "--base64-output=decode-rows",
		"--start-position=157", "--stop-position=4", "binlog.000001", "binlog.000002",
	}, remoteArgv("source.link", replication.Position{File: "binlog.000001", Pos: 157}, replication.Position{File: "binlog.000002", Pos: 4}))
}

func TestPlainChannel(t *testing.T) {
	good := func() *PlainChannel {
		return &PlainChannel{Tried: 1, Receiver: "Connecting", Error: replication.LastError{Number: 3159, Message: "insecure"}, Arrived: true}
	}
	judges(t, plainChannelID, good, []broken[*PlainChannel]{
		{"accepted", func(o *PlainChannel) { o.Receiver, o.Error = "Yes", replication.LastError{} }, []string{"accepted"}},
		{"cold cache", func(o *PlainChannel) { o.Error.Number = 2061 }, []string{"other-error"}},
		{"lost", func(o *PlainChannel) { o.Arrived = false }, []string{"lost"}},
	})
}

func TestPlainClients(t *testing.T) {
	good := func() *PlainClients {
		o := &PlainClients{}
		for _, side := range topology.Sides {
			for _, l := range attempts {
				l.Side, l.Got = side, l.Want
				o.Logins = append(o.Logins, l)
			}
		}
		return o
	}
	judges(t, clientID, good, []broken[*PlainClients]{
		{"accepted", func(o *PlainClients) { o.Logins[2].Got = 0 }, []string{"accepted"}},
		{"root over TLS", func(o *PlainClients) { o.Logins[5].Got = 0 }, []string{"accepted"}},
		{"another error", func(o *PlainClients) { o.Logins[9].Got = 3159 }, []string{"other-error"}},
	})
	control := good()
	control.Logins[0].Got = 1045
	unseen(t, map[string]Observation{"the control failed": control})
}
