package rows

import (
	"context"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/parity"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// LoggedTables is what the source tells of the tables that it should replicate.
type LoggedTables struct {
	parity.Logging
}

// Seen counts tables.
func (o *LoggedTables) Seen() (int, string) { return o.Tables, "the source has no user table of NDB" }

func loggedTables() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.RowsLoggedID, Step: 8, Effect: claim.Reads, Uses: claim.PartSQL,
		Title: "there is no NDB user table that the source leaves out of its binary log",
		Codes: claim.MakeCodes(claim.RowsLoggedID, "no-key-and-blob", "log-bin-off", "nolog"),
		Sabotage: []claim.Sabotage{
			{
				Name: "NDB table with a BLOB and without primary key", Effect: claim.Disturbs, Want: claim.RowsLoggedID + ".no-key-and-blob",
				Do: claim.MakeChange(
					runLogged("CREATE TABLE ndbproof.unlogged (n INT NOT NULL, b BLOB NULL) ENGINE=NDBCLUSTER"),
					runLogged("DROP TABLE IF EXISTS ndbproof.unlogged")),
			},
			ruleNotToLog(),
		},
	}, func(ctx context.Context, s claim.Subject) (*LoggedTables, error) {
		l, err := parity.NotReplicated(ctx, s.Server(topology.Source).DB)
		if err != nil {
			return nil, claim.WithSide(topology.Source, err)
		}
		return &LoggedTables{l}, nil
	}, judgeLogged)
}

func judgeLogged(o *LoggedTables, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.RowsLoggedID}
	words := map[string]string{parity.NoKeyAndBlob: "no-key-and-blob", parity.LogBinOff: "log-bin-off", parity.NoLog: "nolog"}
	for _, u := range o.Unlogged {
		f.Add(words[u.Why], topology.Source, fmt.Sprintf("rows of %s do not reach the binary log: %s", u.Table, u.Why))
	}
	return f.All
}

// runLogged runs SQL as root on the source, and waits for it on the replica.
func runLogged(sql string) claim.Act {
	return func(ctx context.Context, b claim.Bench) error {
		if _, err := b.Operator.RootSQL(ctx, topology.Source, sql+";\n"); err != nil {
			return fmt.Errorf("run %q on the %s: %w", sql, topology.Source, err)
		}
		return claim.CatchUp(ctx, b)
	}
}

// replicationRules is mysql.ndb_replication, which does not exist by default
// (manual, "NDB Cluster Replication: ndb_replication Table").
const replicationRules = `CREATE TABLE mysql.ndb_replication (
 db VARBINARY(63), table_name VARBINARY(63), server_id INT UNSIGNED, binlog_type INT UNSIGNED, conflict_fn VARBINARY(128),
 PRIMARY KEY USING HASH (db, table_name, server_id)) ENGINE=NDBCLUSTER PARTITION BY KEY (db, table_name)`

// ruleNotToLog has a rule say of a table that it is not to be logged
// (binlog_type 1, NBT_NO_LOGGING), and then makes it: the source reads its rules
// when a table comes. The table is made on both sides, so that they are alike.
func ruleNotToLog() claim.Sabotage {
	const (
		create = "CREATE TABLE ndbproof.ruled_out (id INT NOT NULL PRIMARY KEY) ENGINE=NDBCLUSTER"
		drop   = "DROP TABLE IF EXISTS ndbproof.ruled_out"
		rule   = "INSERT INTO mysql.ndb_replication VALUES ('ndbproof', 'ruled_out', 0, 1, NULL)"
		norule = "DELETE FROM mysql.ndb_replication WHERE db='ndbproof' AND table_name='ruled_out'"
	)
	return claim.Sabotage{
		Name: "rule not to log a table", Effect: claim.Disturbs, Want: claim.RowsLoggedID + ".nolog",
		Do: func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			l, err := parity.NotReplicated(ctx, b.Server(topology.Source).DB)
			if err != nil {
				return claim.UndoNothing, claim.WithSide(topology.Source, err)
			}
			// What is taken away again is what was made: the table of rules, or a rule.
			do, noRules := []claim.Act{claim.RunStatements(topology.Source, rule, create), claim.RunStatements(topology.Replica, create)}, norule
			if !l.RulesRead {
				do = slices.Insert(do, 0, claim.RunStatements(topology.Source, replicationRules))
				noRules = "DROP TABLE IF EXISTS mysql.ndb_replication"
			}
			return claim.MakeChange(claim.ChainActs(do...),
				claim.ChainActs(claim.RunStatements(topology.Source, drop, noRules), claim.RunStatements(topology.Replica, drop)))(ctx, b)
		},
	}
}
