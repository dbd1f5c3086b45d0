package rows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/parity"
	"ndbproof/harness/topology"
)

func TestLoggedTables(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.RowsLoggedID), func() *LoggedTables { return &LoggedTables{parity.Logging{Tables: 3, RulesRead: true}} }, []claimtest.Broken[*LoggedTables]{
		claimtest.Break("blob", func(o *LoggedTables) { o.Unlogged = []parity.Unlogged{{Table: "d.t", Why: parity.NoKeyAndBlob}} }, []string{"no-key-and-blob"}),
		claimtest.Break("ndb_log_bin", func(o *LoggedTables) { o.Unlogged = []parity.Unlogged{{Table: "d.t", Why: parity.LogBinOff}} }, []string{"log-bin-off"}),
		claimtest.Break("rule", func(o *LoggedTables) { o.Unlogged = []parity.Unlogged{{Table: "d.t", Why: parity.NoLog}} }, []string{"nolog"}),
	})
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no table": &LoggedTables{}})
}

// TestRuleNotToLog takes the table of rules away when it made it, and else only
// its own rule.
func TestRuleNotToLog(t *testing.T) {
	for there, last := range map[bool]string{false: "DROP TABLE IF EXISTS mysql.ndb_replication", true: "DELETE FROM mysql.ndb_replication"} {
		f := claimtest.NewPair(t, claimtest.Newest)
		source := f.Servers[topology.Source]
		if there {
			source.Answer("table_name = 'ndb_replication'", "1", []any{"1"})
		}
		rows := claimOf(t, claim.RowsLoggedID).Sabotage
		s := rows[len(rows)-1]
		undo, err := s.Do(t.Context(), f.Bench())
		require.NoError(t, err)
		require.NoError(t, undo(t.Context()))
		heard := strings.Join(source.Heard, "\n")
		require.Equal(t, !there, strings.Contains(heard, "CREATE TABLE mysql.ndb_replication"))
		require.Contains(t, source.Heard[len(source.Heard)-1], last)
		require.Len(t, f.Changes(topology.Replica), 2)
	}
}
