package rows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/load"
	"ndbproof/harness/parity"
	"ndbproof/harness/topology"
)

func goodContents() *Contents {
	return &Contents{
		Workload: load.Totals{Database: "test1", Table: "t1", Acked: 100, Wanted: 100},
		Report: parity.Report{Tables: []parity.TableReport{
			{Database: "ndbproof", Name: "marker", RowsSource: 3, RowsReplica: 3, Keyed: true},
			{Database: "test1", Name: "t1", RowsSource: 100, RowsReplica: 100, Keyed: true},
		}},
		Ledger: []load.Findings{
			{Side: topology.Source, Workload: "insert-only", Rows: 100, Expected: 100},
			{Side: topology.Replica, Workload: "insert-only", Rows: 100, Expected: 100},
		},
	}
}

func TestContents(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.RowsParityID), goodContents, []claimtest.Broken[*Contents]{
		claimtest.Break("lost", func(o *Contents) { o.Ledger[0].Missing = 1 }, []string{"missing"}),
		claimtest.Break("wrong on the replica", func(o *Contents) {
			o.Ledger[1].Wrong, o.Ledger[1].First = 1, []load.Finding{{Table: "t1", Key: 7, What: "wrong"}}
		}, []string{"wrong"}),
		claimtest.Break("never sent", func(o *Contents) { o.Ledger[1].Strange = 1 }, []string{"strange"}),
		claimtest.Break("deleted and back", func(o *Contents) { o.Ledger[0].Back = 1 }, []string{"back"}),
		claimtest.Break("half a transaction", func(o *Contents) { o.Ledger[0].Torn = 1 }, []string{"torn"}),
		claimtest.Break("unknown, on one side", func(o *Contents) { o.Ledger[1].There = []string{"t1 5"} }, []string{"unlike"}),
		claimtest.Break("only source", func(o *Contents) {
			o.Report.Tables[0].OnlySource = 1
			o.Report.Tables[0].First = []parity.Mismatch{{Key: "id=1", Source: "1", Replica: parity.Absent}}
		}, []string{"only-source"}),
		claimtest.Break("only replica", func(o *Contents) { o.Report.Tables[1].OnlyReplica = 1 }, []string{"only-replica"}),
		claimtest.Break("differs", func(o *Contents) { o.Report.Tables[1].Mismatched = 2 }, []string{"differs"}),
		claimtest.Break("duplicates", func(o *Contents) { o.Report.Tables[1].Duplicates = 2 }, []string{"duplicates"}),
		claimtest.Break("table's schema", func(o *Contents) { o.Report.Tables[1].Schema = []parity.Difference{{What: "column c"}} }, []string{"schema"}),
		claimtest.Break("database", func(o *Contents) { o.Report.Schema = []parity.Difference{{What: "database x"}} }, []string{"schema"}),
	})
	slow := goodContents()
	slow.Workload.Seconds, slow.Workload.Floor = 101, 1
	require.Contains(t, second(slow.Seen()), "throughput under the floor: 100 rows in 101.0 s")
	fewer, idle := goodContents(), goodContents()
	fewer.Workload.Wanted, idle.Workload.Acked = 101, 0
	unasked, empty := goodContents(), goodContents()
	unasked.Ledger, empty.Ledger[1].Expected = nil, 0
	kindless := goodContents()
	kindless.Ledger[1].Compared = map[string]int64{"delete": 0, "insert": 7}
	require.Contains(t, second(kindless.Seen()), "no delete was compared")
	claimtest.RequireUnseen(t, map[string]claim.Observation{"a kind that was never compared": kindless, "too slow": slow, "no ledger": unasked, "a ledger without rows": empty, "fewer rows than asked": fewer, "no row": idle, "nothing compared": &Contents{Workload: goodContents().Workload}})
}

// second is the reason of Seen.
func second(_ int, unless string) string { return unless }

// TestASkipThatSkippedNothing is no sabotage: a fake's rows always arrive.
func TestASkipThatSkippedNothing(t *testing.T) {
	f := claimtest.NewPair(t, claimtest.Newest)
	require.ErrorContains(t, skipTransaction(t.Context(), f.Bench()), "its row stands on the replica")
	heard := f.Changes(topology.Replica)
	require.Contains(t, heard[len(heard)-1], "SET GLOBAL sql_replica_skip_counter=1;\nSTART REPLICA SQL_THREAD;")
}
