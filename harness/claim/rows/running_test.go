package rows

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodRunning() *Running {
	w := claimtest.Newest.Words()
	return &Running{Asked: 2, Status: replication.Status{
		Configured: true, Receiver: "Yes", Applier: "Yes", ReceiverDoes: w.ReceiverWaits, ApplierDoes: w.ApplierWaits,
	}, Before: 7, Applied: 9}
}

func TestRunning(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.RowsRunningID), goodRunning, []claimtest.Broken[*Running]{
		claimtest.Break("no channel", func(o *Running) { o.Status = replication.Status{} }, []string{"no-channel"}),
		claimtest.Break("receiver", func(o *Running) { o.Status.Receiver, o.Status.ReceiverDoes = "No", "" }, []string{"receiver", "receiver-state"}),
		claimtest.Break("applier", func(o *Running) { o.Status.Applier, o.Status.ApplierDoes = "No", "" }, []string{"applier", "applier-state"}),
		claimtest.Break("error", func(o *Running) { o.Status.ReceiverErr = replication.LastError{Number: 2061, Message: "x"} }, []string{"error"}),
		claimtest.Break("applier's error", func(o *Running) { o.Status.ApplierErr = replication.LastError{Number: 13119, Message: "x"} }, []string{"error"}),
		claimtest.Break("behind", func(o *Running) { o.Behind = "gave up" }, []string{"behind"}),
	})
}

func TestRunningInOldWords(t *testing.T) {
	o := goodRunning()
	o.Status.ReceiverDoes = "Waiting for master to send event"
	o.Status.ApplierDoes = "Slave has read all relay log; waiting for more updates"
	c := claimOf(t, claim.RowsRunningID)
	require.Empty(t, c.Judge(o, secure.Published2021(), claimtest.Oldest))
	require.Len(t, c.Judge(o, secure.Published2021(), claimtest.Newest), 2)
}

func TestRunningLooks(t *testing.T) {
	t.Run("applier stopped", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.Behind = errors.New("must not be waited for")
		f.SetStatus("Yes", "No", 0, f.End)
		o := claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID))
		require.Equal(t, claim.Violated, o.Status)
		require.Equal(t, claim.RowsRunningID+".applier", o.Violations[0].Code)
	})
	t.Run("behind", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.Behind = errors.New("applied up to 5/0")
		o := claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID))
		require.Equal(t, claim.Violated, o.Status)
		require.Equal(t, claim.RowsRunningID+".behind", o.Violations[0].Code)
	})
	t.Run("nothing came since the run began", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.Workload.Before = 9
		require.Contains(t, claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID)).Reason, "no epoch was applied since the run began")
		f.Servers[topology.Replica].Answer("SELECT epoch FROM mysql.ndb_apply_status", "epoch")
		f.Servers[topology.Replica].AnswerOnce("SELECT epoch FROM mysql.ndb_apply_status", "epoch", []any{"9"}) // for the fence
		require.Equal(t, claim.NotLooked, claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID)).Status)
	})
	t.Run("no channel", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.Servers[topology.Replica].Answer("SHOW REPLICA STATUS", "")
		require.Equal(t, claim.RowsRunningID+".no-channel", claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID)).Violations[0].Code)
	})
	t.Run("never at rest", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := claimtest.NewHealthyPair(t)
			w := claimtest.Newest.Words()
			a := &f.Servers[topology.Replica].Answers[0]
			require.Equal(t, w.ShowReplicaStatus, a.Part)
			a.Rows[0][slices.Index(a.Columns, w.SQLState)] = "Applying batch of row changes"
			o := claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID))
			require.Equal(t, claim.Violated, o.Status, o.Reason)
			require.Equal(t, claim.RowsRunningID+".applier-state", o.Violations[0].Code)
		})
	})
	t.Run("server gone", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.Servers[topology.Replica].Fail("SHOW REPLICA STATUS", errors.New("connection refused"))
		require.Equal(t, claim.NotLooked, claimtest.RunOn(t, f, claimOf(t, claim.RowsRunningID)).Status)
	})
}
