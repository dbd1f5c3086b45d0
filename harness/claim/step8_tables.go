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
		Sabotage: []Sabotage{{
			Name: "NDB table with a BLOB and without primary key", Effect: Disturbs, Want: loggedID + ".no-key-and-blob",
			Do:   logged("CREATE TABLE ndbproof.unlogged (n INT NOT NULL, b BLOB NULL) ENGINE=NDBCLUSTER"),
			Undo: logged("DROP TABLE IF EXISTS ndbproof.unlogged"),
		}},
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
