package claim

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ndbproof/harness/topology"
)

// oneBit changes one bit of one column of one row: m is 0x6d, l is 0x6c.
var oneBit = changed("UPDATE ndbproof.marker SET marker=CONCAT(IF(LEFT(marker, 1)='m', 'l', 'm'), SUBSTRING(marker, 2)) WHERE id=1")

// onBoth does something to a row of the inserts on the source, and the channel does
// it on the replica: both have the same rows, and only the ledger can know. The
// writers have been settled, so nobody writes to the row again. sql has the table
// for %[1]s and the row's key for %[2]s.
func onBoth(name, word, sql string) Sabotage {
	var back []act // what brings the row back
	return Sabotage{
		Name: name + " on the source, and so on both sides", Effect: Disturbs, Want: parityID + "." + word,
		Do: func(ctx context.Context, b Bench) error {
			w, err := b.Settle(ctx)
			if err != nil {
				return err
			}
			table := w.Database + "." + w.Table
			rows, err := records(ctx, b.Admin(topology.Source),
				"SELECT id, n, HEX(c) AS c, CAST(at AS CHAR) AS at, COALESCE(CONCAT('0x', HEX(b)), 'NULL') AS b FROM "+table+" ORDER BY id LIMIT 1")
			if err != nil {
				return on(topology.Source, err)
			}
			if len(rows) == 0 {
				return errors.New("change a row of the inserts: there is none")
			}
			r := rows[0]
			if r["b"] == "0x" {
				r["b"] = "''"
			}
			back = []act{
				logged(fmt.Sprintf("DELETE FROM %s WHERE id=%d", table, addedID)),
				logged(fmt.Sprintf("REPLACE INTO %s (id, n, c, at, b) VALUES (%s, %s, CONVERT(0x%s USING utf8mb4), '%s', %s)",
					table, r["id"], r["n"], r["c"], r["at"], r["b"])),
			}
			return logged(fmt.Sprintf(sql, table, r["id"]))(ctx, b)
		},
		Undo: func(ctx context.Context, b Bench) error {
			if back == nil {
				return errors.New("bring the row back as it was: nothing was done to one")
			}
			return inTurn(back...)(ctx, b)
		},
	}
}

// collationChanged gives a column of the replica another collation.
func collationChanged() Sabotage {
	alter := func(collation string) act {
		return statements(topology.Replica, "ALTER TABLE ndbproof.marker MODIFY marker VARCHAR(64) CHARACTER SET utf8mb4 "+collation+" NOT NULL")
	}
	return Sabotage{
		Name: "collation of a replica column changed", Effect: Disturbs, Want: parityID + ".schema",
		Do: alter("COLLATE utf8mb4_bin"), Undo: alter(""),
	}
}

// indexMissing drops an index on the replica: the first one that is not unique.
func indexMissing() Sabotage {
	var back string // the statement that makes it again
	return Sabotage{
		Name: "index missing on the replica", Effect: Disturbs, Want: parityID + ".schema",
		Do: func(ctx context.Context, b Bench) error {
			rows, err := records(ctx, b.Admin(topology.Replica), `SELECT CONCAT('`+"`', s.table_schema, '`.`', s.table_name, '`"+`') AS on_table,
 s.index_name AS name, GROUP_CONCAT(s.column_name ORDER BY s.seq_in_index) AS columns_in
 FROM information_schema.statistics s JOIN information_schema.tables t ON t.table_schema = s.table_schema AND t.table_name = s.table_name
 WHERE t.engine = 'ndbcluster' AND s.non_unique = 1 AND s.table_schema NOT IN ('mysql', 'ndbinfo')
 AND EXISTS (SELECT 1 FROM information_schema.statistics p WHERE p.table_schema = s.table_schema AND p.table_name = s.table_name AND p.index_name = 'PRIMARY')
 GROUP BY s.table_schema, s.table_name, s.index_name ORDER BY 1, 2 LIMIT 1`)
			if err != nil {
				return on(topology.Replica, err)
			}
			if len(rows) == 0 {
				return errors.New("drop an index on the replica: no user table has one besides its key")
			}
			r := rows[0]
			back = fmt.Sprintf("CREATE INDEX %s ON %s (%s)", r["name"], r["on_table"], strings.ReplaceAll(r["columns_in"], ",", ", "))
			return statements(topology.Replica, fmt.Sprintf("DROP INDEX %s ON %s", r["name"], r["on_table"]))(ctx, b)
		},
		Undo: func(ctx context.Context, b Bench) error {
			if back == "" {
				return errors.New("make the dropped index again: none was dropped")
			}
			return statements(topology.Replica, back)(ctx, b)
		},
	}
}
