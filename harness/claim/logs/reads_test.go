package logs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

func TestDirect(t *testing.T) {
	good := func() *DirectReads {
		server := func(side topology.Side) ServerReads {
			return ServerReads{side, "sql", []Try{{topology.LogDir + "/binlog.000001", 1, "ERROR: " + refusal}}}
		}
		return &DirectReads{[]ServerReads{server(topology.Source), server(topology.Replica)}}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.LogsDirectReadID), good, []claimtest.Broken[*DirectReads]{
		claimtest.Break("readable", func(o *DirectReads) { o.Servers[1].Tries[0].Exit = 0 }, []string{"readable"}),
		claimtest.Break("another error", func(o *DirectReads) { o.Servers[0].Tries[0].Stderr = "ERROR: File not found" }, []string{"other-error"}),
	})
	none := good()
	none.Servers[1].Tries = nil
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no file on a side": none})
}

func TestDirectWithoutTheProgram(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	f.OnRun = func(topology.Side, node.Command) (node.Output, error) { return node.Output{Exit: 127}, nil }
	require.Equal(t, claim.NotLooked, claimtest.RunOn(t, f, claimOf(t, claim.LogsDirectReadID)).Status)
}

func TestRemote(t *testing.T) {
	good := func() *RemoteRead {
		return &RemoteRead{Mark: replication.Mark{Marker: "m"}, Bytes: 1000, Found: true}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.LogsRemoteReadID), good, []claimtest.Broken[*RemoteRead]{
		claimtest.Break("refused", func(o *RemoteRead) { o.Exit, o.Found, o.Stderr = 1, false, "ERROR: Access denied" }, []string{"refused"}),
		claimtest.Break("no marker", func(o *RemoteRead) { o.Found = false }, []string{"no-marker"}),
	})
	require.Equal(t, []string{
		"mysqlbinlog", "--no-defaults", "--read-from-remote-server", "--host=source.link", "--port=3306", "--user=user1",
		"--ssl-mode=VERIFY_IDENTITY", "--ssl-ca=/etc/ndbproof/tls/ca.pem", "-vv", "--base64-output=decode-rows",
		"--start-position=157", "--stop-position=4", "binlog.000001", "binlog.000002",
	}, remoteArgv("source.link", replication.Position{File: "binlog.000001", Pos: 157}, replication.Position{File: "binlog.000002", Pos: 4}))
}

func TestRemoteLook(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	f.OnRun = func(side topology.Side, c node.Command) (node.Output, error) {
		require.Equal(t, topology.Replica, side)
		require.Equal(t, map[string]string{"MYSQL_PWD": "of user1"}, c.Env)
		require.NotContains(t, strings.Join(c.Argv, " "), "of user1")
		require.Contains(t, c.Argv, "--start-position=700")
		return node.Output{Stdout: "###   @2='" + f.Markers[len(f.Markers)-1] + "'"}, nil
	}
	claimtest.RequireHeld(t, claimtest.RunOn(t, f, claimOf(t, claim.LogsRemoteReadID)))
	f.OnRun = func(topology.Side, node.Command) (node.Output, error) {
		return node.Output{Stdout: "# nothing"}, nil
	}
	require.Equal(t, claim.Violated, claimtest.RunOn(t, f, claimOf(t, claim.LogsRemoteReadID)).Status)
}
