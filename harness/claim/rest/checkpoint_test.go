package rest

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

func TestCheckpoint(t *testing.T) {
	c := Checkpoint{Before: 2}
	require.False(t, c.find(claimtest.ClusterLog(1)+claimtest.ClusterLog(2)))
	require.Zero(t, c.Number)
	began := strings.SplitAfter(claimtest.ClusterLog(3), "\n")[0]
	require.False(t, c.find(claimtest.ClusterLog(2)+began))
	require.Equal(t, 3, c.Number)
	require.True(t, c.find(claimtest.ClusterLog(2)+claimtest.ClusterLog(3)+claimtest.ClusterLog(4)))
	require.Equal(t, 3, c.Number)
	require.Contains(t, c.Began, "Local checkpoint 3 started")
	require.Contains(t, c.Ended, "Local checkpoint 3 completed")
}

func TestCheckpointThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := claimtest.NewRestingPair(t)
		asked := 0
		f.OnRun = func(_ topology.Side, c node.Command) (node.Output, error) {
			asked++
			require.Equal(t, []string{"ndb_mgm", "--ndb-connectstring=source-mgm", "--execute=ALL DUMP 7099"}, c.Argv)
			return node.Output{}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), replication.Patience)
		defer cancel()
		_, err := takeCheckpoint(ctx, f.Subject(), topology.Source)
		require.ErrorContains(t, err, "a local checkpoint of the source after number 1")
		require.ErrorContains(t, err, "none has begun")
		require.Greater(t, asked, 1, "one that is asked for may be forgotten")
	})
	f := claimtest.NewRestingPair(t)
	delete(f.Disk[topology.Source], topology.NdbDir+"/ndb_1_cluster.log")
	_, err := takeCheckpoint(t.Context(), f.Subject(), topology.Source)
	require.ErrorContains(t, err, "holds none")
	f = claimtest.NewRestingPair(t)
	endProgram(f, "ndb_mgm", node.Output{Exit: 1, Stdout: "Unable to connect"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.OnRun = func(topology.Side, node.Command) (node.Output, error) {
		cancel()
		return node.Output{Exit: 1, Stdout: "Unable to connect"}, nil
	}
	_, err = takeCheckpoint(ctx, f.Subject(), topology.Source)
	require.ErrorContains(t, err, "Unable to connect")
}
