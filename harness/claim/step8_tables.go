package claim

import (
	"context"
	"fmt"

	"ndbproof/harness/parity"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const loggedID = "seed.8.logged"

// LoggedTables is what the source tells of the tables that it should replicate.
type LoggedTables struct {
	parity.Logging
}

// Seen counts tables.
func (o *LoggedTables) Seen() (int, string) { return o.Tables, "the source has no user table of NDB" }

func loggedTables() Claim {
	return observed(Claim{
		ID: loggedID, Step: 8, Effect: Reads,
		Title: "there is no NDB user table that the source leaves out of its binary log",
		Codes: codes(loggedID, "no-key-and-blob", "log-bin-off", "nolog"),
		Sabotage: []Sabotage{
			{
				Name: "NDB table with a BLOB and without primary key", Effect: Disturbs, Want: loggedID + ".no-key-and-blob",
				Do:   logged("CREATE TABLE ndbproof.unlogged (n INT NOT NULL, b BLOB NULL) ENGINE=NDBCLUSTER"),
				Undo: logged("DROP TABLE IF EXISTS ndbproof.unlogged"),
			},
			ruledOutOfTheLog(),
		},
	}, func(ctx context.Context, s Subject) (*LoggedTables, error) {
		l, err := parity.NotReplicated(ctx, s.Admin(topology.Source))
		if err != nil {
			return nil, on(topology.Source, err)
		}
		return &LoggedTables{l}, nil
	}, judgeLogged)
}

func judgeLogged(o *LoggedTables, _ secure.Profile, _ release.Release) []Violation {
	f := found{id: loggedID}
	words := map[string]string{parity.NoKeyAndBlob: "no-key-and-blob", parity.LogBinOff: "log-bin-off", parity.NoLog: "nolog"}
	for _, u := range o.Unlogged {
		f.add(words[u.Why], topology.Source, fmt.Sprintf("rows of %s do not reach the binary log: %s", u.Table, u.Why))
	}
	return f.all
}

// logged runs SQL as root on the source, and waits for it on the replica.
func logged(sql string) act {
	return func(ctx context.Context, b Bench) error {
		if _, err := b.RootSQL(ctx, topology.Source, sql+";\n"); err != nil {
			return fmt.Errorf("run %q on the %s: %w", sql, topology.Source, err)
		}
		return caughtUp(ctx, b)
	}
}

// replicationRules is mysql.ndb_replication, which nobody makes by default
// (manual, "NDB Cluster Replication: ndb_replication Table").
const replicationRules = `CREATE TABLE mysql.ndb_replication (
 db VARBINARY(63), table_name VARBINARY(63), server_id INT UNSIGNED, binlog_type INT UNSIGNED, conflict_fn VARBINARY(128),
 PRIMARY KEY USING HASH (db, table_name, server_id)) ENGINE=NDBCLUSTER PARTITION BY KEY (db, table_name)`

// ruledOutOfTheLog has a rule say of a table that it is not to be logged
// (binlog_type 1, NBT_NO_LOGGING), and then makes it: the source reads its rules
// when a table comes. The table is made on both sides, so that they are alike.
func ruledOutOfTheLog() Sabotage {
	const (
		create = "CREATE TABLE ndbproof.ruled_out (id INT NOT NULL PRIMARY KEY) ENGINE=NDBCLUSTER"
		drop   = "DROP TABLE IF EXISTS ndbproof.ruled_out"
		rule   = "INSERT INTO mysql.ndb_replication VALUES ('ndbproof', 'ruled_out', 0, 1, NULL)"
		norule = "DELETE FROM mysql.ndb_replication WHERE db='ndbproof' AND table_name='ruled_out'"
	)
	var made bool // the table of rules, for this
	return Sabotage{
		Name: "rule not to log a table", Effect: Disturbs, Want: loggedID + ".nolog",
		Do: func(ctx context.Context, b Bench) error {
			l, err := parity.NotReplicated(ctx, b.Admin(topology.Source))
			if err != nil {
				return on(topology.Source, err)
			}
			if !l.RulesRead {
				if err := statements(topology.Source, replicationRules)(ctx, b); err != nil {
					return err
				}
				made = true
			}
			return inTurn(statements(topology.Source, rule, create), statements(topology.Replica, create))(ctx, b)
		},
		Undo: func(ctx context.Context, b Bench) error {
			rules := norule
			if made {
				rules = "DROP TABLE IF EXISTS mysql.ndb_replication"
			}
			return inTurn(statements(topology.Source, drop, rules), statements(topology.Replica, drop))(ctx, b)
		},
	}
}
