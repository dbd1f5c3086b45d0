package claim

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestMatrixHasEveryRow(t *testing.T) {
	p := secure.Seed2021()
	rows := Matrix(p, newest)
	want := 0
	for _, c := range For(p) {
		if c.Needs == "" || newest.Has(c.Needs) {
			want += len(c.Sabotage)
		}
	}
	require.Len(t, rows, want)
	require.True(t, slices.IsSortedFunc(rows, func(a, b Row) int { return int(a.Sabotage.Effect - b.Sabotage.Effect) }))
	for _, r := range rows {
		require.NotEmpty(t, r.Claim.ID)
		require.Contains(t, r.Claim.Codes, r.Sabotage.Want)
	}
	require.Less(t, len(Matrix(secure.Weaken(p, secure.NoKeyring), newest)), len(rows), "what is not promised is not broken")
	require.NotEmpty(t, Matrix(p, release.MustParse("8.0.25")))
}

func TestOneEach(t *testing.T) {
	a, b := Claim{ID: "a"}, Claim{ID: "b"}
	rows := []Row{{a, Sabotage{Name: "1"}}, {a, Sabotage{Name: "2"}}, {b, Sabotage{Name: "3"}}, {a, Sabotage{Name: "4"}}}
	one := OneEach(rows)
	require.Len(t, one, 2)
	require.Equal(t, []string{"1", "3"}, []string{one[0].Sabotage.Name, one[1].Sabotage.Name})
	require.Len(t, rows, 4)
}

// TestASkipThatSkippedNothing is no sabotage: a fake's rows always arrive.
func TestASkipThatSkippedNothing(t *testing.T) {
	f := newFake(t, newest)
	require.ErrorContains(t, skipTransaction(t.Context(), f.bench()), "its row stands on the replica")
	heard := f.heard(topology.Replica)
	require.Contains(t, heard[len(heard)-1], "SET GLOBAL sql_replica_skip_counter=1;\nSTART REPLICA SQL_THREAD;")
}

// TestRuleNotToLog takes the table of rules away when it made it, and else only
// its own rule.
func TestRuleNotToLog(t *testing.T) {
	for there, last := range map[bool]string{false: "DROP TABLE IF EXISTS mysql.ndb_replication", true: "DELETE FROM mysql.ndb_replication"} {
		f := newFake(t, newest)
		source := f.servers[topology.Source]
		if there {
			source.on("table_name = 'ndb_replication'", "1", []any{"1"})
		}
		rows := byID(t, loggedID).Sabotage
		s := rows[len(rows)-1]
		undo, err := s.Do(t.Context(), f.bench())
		require.NoError(t, err)
		require.NoError(t, undo(t.Context()))
		heard := strings.Join(source.heard, "\n")
		require.Equal(t, !there, strings.Contains(heard, "CREATE TABLE mysql.ndb_replication"))
		require.Contains(t, source.heard[len(source.heard)-1], last)
		require.Len(t, f.heard(topology.Replica), 2)
	}
}
