package rows

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

// flipBit changes one bit of one column of one row: m is 0x6d, l is 0x6c.
var flipBit = changeMarkers("UPDATE ndbproof.marker SET marker=CONCAT(IF(LEFT(marker, 1)='m', 'l', 'm'), SUBSTRING(marker, 2)) WHERE id=1")

// changeBothSides does something to a row of the inserts on the source, and the channel
// does it on the replica: both have the same rows, and only the ledger can know. The
// writers have been settled, so that none writes to the row again. sql has the table
// for %[1]s and the row's key for %[2]s.
func changeBothSides(name, word, sql string) claim.Sabotage {
	return claim.Sabotage{
		Name: name + " on the source, and so on both sides", Effect: claim.Disturbs, Want: claim.RowsParityID + "." + word,
		Do: func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			w, err := b.Writers.Settle(ctx)
			if err != nil {
				return claim.UndoNothing, err
			}
			table := w.Database + "." + w.Table
			rows, err := replication.Rows(ctx, b.Server(topology.Source).DB,
				"SELECT id, n, HEX(c) AS c, CAST(at AS CHAR) AS at, COALESCE(CONCAT('0x', HEX(b)), 'NULL') AS b FROM "+table+" ORDER BY id LIMIT 1")
			if err != nil {
				return claim.UndoNothing, claim.WithSide(topology.Source, err)
			}
			if len(rows) == 0 {
				return claim.UndoNothing, errors.New("change a row of the inserts: there is none")
			}
			r := rows[0]
			if r["b"] == "0x" {
				r["b"] = "''"
			}
			return claim.MakeChange(
				runLogged(fmt.Sprintf(sql, table, r["id"])),
				claim.ChainActs(
					runLogged(fmt.Sprintf("DELETE FROM %s WHERE id=%d", table, addedID)),
					runLogged(fmt.Sprintf("REPLACE INTO %s (id, n, c, at, b) VALUES (%s, %s, CONVERT(0x%s USING utf8mb4), '%s', %s)",
						table, r["id"], r["n"], r["c"], r["at"], r["b"]))),
			)(ctx, b)
		},
	}
}

// otherCollation gives a column of the replica another collation.
func otherCollation() claim.Sabotage {
	alter := func(collation string) claim.Act {
		return claim.RunStatements(topology.Replica, "ALTER TABLE ndbproof.marker MODIFY marker VARCHAR(64) CHARACTER SET utf8mb4 "+collation+" NOT NULL")
	}
	return claim.Sabotage{
		Name: "collation of a replica column changed", Effect: claim.Disturbs, Want: claim.RowsParityID + ".schema",
		Do: claim.MakeChange(alter("COLLATE utf8mb4_bin"), alter("")),
	}
}

// missingIndex drops an index on the replica: the first one that is not unique.
func missingIndex() claim.Sabotage {
	return claim.Sabotage{
		Name: "index missing on the replica", Effect: claim.Disturbs, Want: claim.RowsParityID + ".schema",
		Do: func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			rows, err := replication.Rows(ctx, b.Server(topology.Replica).DB, `SELECT CONCAT('`+"`', s.table_schema, '`.`', s.table_name, '`"+`') AS on_table,
 s.index_name AS name, GROUP_CONCAT(s.column_name ORDER BY s.seq_in_index) AS columns_in
 FROM information_schema.statistics s JOIN information_schema.tables t ON t.table_schema = s.table_schema AND t.table_name = s.table_name
 WHERE t.engine = 'ndbcluster' AND s.non_unique = 1 AND s.table_schema NOT IN ('mysql', 'ndbinfo')
 AND EXISTS (SELECT 1 FROM information_schema.statistics p WHERE p.table_schema = s.table_schema AND p.table_name = s.table_name AND p.index_name = 'PRIMARY')
 GROUP BY s.table_schema, s.table_name, s.index_name ORDER BY 1, 2 LIMIT 1`)
			if err != nil {
				return claim.UndoNothing, claim.WithSide(topology.Replica, err)
			}
			if len(rows) == 0 {
				return claim.UndoNothing, errors.New("drop an index on the replica: no user table has one besides its key")
			}
			r := rows[0]
			return claim.MakeChange(
				claim.RunStatements(topology.Replica, fmt.Sprintf("DROP INDEX %s ON %s", r["name"], r["on_table"])),
				claim.RunStatements(topology.Replica, fmt.Sprintf("CREATE INDEX %s ON %s (%s)", r["name"], r["on_table"], strings.ReplaceAll(r["columns_in"], ",", ", "))),
			)(ctx, b)
		},
	}
}
