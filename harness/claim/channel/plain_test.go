package channel

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

func TestPlainChannel(t *testing.T) {
	good := func() *PlainChannel {
		return &PlainChannel{Tried: 1, Receiver: "Connecting", Error: replication.LastError{Number: 3159, Message: "insecure"}, Arrived: true}
	}
	claimtest.RequireJudges(t, claimOf(t, claim.ChannelPlainID), good, []claimtest.Broken[*PlainChannel]{
		claimtest.Break("accepted", func(o *PlainChannel) { o.Receiver, o.Error = "Yes", replication.LastError{} }, []string{"accepted"}),
		claimtest.Break("cold cache", func(o *PlainChannel) { o.Error.Number = 2061 }, []string{"other-error"}),
		claimtest.Break("lost", func(o *PlainChannel) { o.Arrived = false }, []string{"lost"}),
	})
}

func TestPlainChannelIsRestored(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	f.OnMark = func() { f.SetStatus("Connecting", "No", 3159, replication.Position{}) }
	claimtest.RequireHeld(t, claimtest.RunOn(t, f, claimOf(t, claim.ChannelPlainID)))
	heard := f.Changes(topology.Replica)
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
	f := claimtest.NewHealthyPair(t)
	f.Servers[topology.Replica].Fail("START REPLICA IO_THREAD", errors.New("the server is busy"))
	o := claimtest.RunOn(t, f, claimOf(t, claim.ChannelPlainID))
	require.Equal(t, claim.NotLooked, o.Status)
	require.Contains(t, o.Reason, "the server is busy")
	require.Equal(t, "START REPLICA", f.Changes(topology.Replica)[7])
}

func TestPlainChannelLeavesAStoppedOneAlone(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	f.SetStatus("Yes", "No", 0, f.End)
	o := claimtest.RunOn(t, f, claimOf(t, claim.ChannelPlainID))
	require.Equal(t, claim.NotLooked, o.Status)
	require.Empty(t, f.Changes(topology.Replica))
}
