package logs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestKeyring(t *testing.T) {
	good := func() *Keyrings {
		server := func(side topology.Side) ServerKeyring {
			return ServerKeyring{Side: side, Asked: 1, Component: map[string]string{"Component_status": "Active"}, Keys: 2}
		}
		return &Keyrings{[]ServerKeyring{server(topology.Source), server(topology.Replica)}}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.LogsKeyringID), good, []claimtest.Broken[*Keyrings]{
		claimtest.Break("disabled", func(o *Keyrings) { o.Servers[0].Component["Component_status"] = "Disabled" }, []string{"inactive"}),
		claimtest.Break("none", func(o *Keyrings) { o.Servers[1].Component, o.Servers[1].Keys = nil, 0 }, []string{"inactive", "no-keys"}),
		claimtest.Break("empty", func(o *Keyrings) { o.Servers[1].Keys = 0 }, []string{"no-keys"}),
		claimtest.Break("a plugin where there is none", func(o *Keyrings) { o.Servers[1].Component, o.Servers[1].Plugin = nil, "ACTIVE" }, []string{"inactive"}),
	})
	o := good()
	for i := range o.Servers {
		o.Servers[i].Component, o.Servers[i].Plugin = nil, "ACTIVE"
	}
	require.Empty(t, claimOf(t, claim.LogsKeyringID).Judge(o, secure.Published2021(), claimtest.Oldest))
	o.Servers[0].Asked = 0
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no table to ask": o})
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
	claimtest.RequireJudges(t, claimOf(t, claim.LogsKeysID), good, []claimtest.Broken[*LogKeys]{
		claimtest.Break("clear", func(o *LogKeys) { o.Servers[0].Logs[0] = logKey("binlog.000001", clearLog) }, []string{"no-key"}),
		claimtest.Break("no log", func(o *LogKeys) { o.Servers[0].Logs[0] = logKey("binlog.000001", nil) }, []string{"no-key"}),
		claimtest.Break("no sequence", func(o *LogKeys) { o.Servers[0].Logs[0].KeyID = "MySQLReplicationKey_" + uuid }, []string{"no-key"}),
		claimtest.Break("sequence 0", func(o *LogKeys) { o.Servers[0].Logs[0].KeyID = "MySQLReplicationKey_" + uuid + "_0" }, []string{"no-key"}),
		claimtest.Break("another server's", func(o *LogKeys) { o.Servers[1].Logs[0] = logKey("binlog.000000", strangersLog) }, []string{"strangers-key"}),
		claimtest.Break("lost", func(o *LogKeys) { o.Servers[1].Keyring = nil }, []string{"not-in-keyring"}),
	})
	none := good()
	none.Servers[0].Binary = 0
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no binary log": none})
}
