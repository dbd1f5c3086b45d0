package scenarios

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/parity"
	"ndbproof/harness/topology"
)

// keys are tables by what their rows can be found by: the columns in front of v, the
// primary key, and the columns' values for a number from 1 to 2,000.
var keys = map[string][3]string{
	"collated":  {"c VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, n INT", "PRIMARY KEY (c, n)", "ELT(1 + id % 6, 'a', 'B', 'é', 'E ', 'ß', 'ss'), id"},
	"uppercase": {"c VARCHAR(20) COLLATE utf8mb4_general_ci, n INT", "PRIMARY KEY (n, c)", "ELT(1 + id % 6, 'a', 'B', 'é', 'F', 'ß', '_'), id DIV 6"},
	"latin":     {"c CHAR(8) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "PRIMARY KEY (c)", "CONCAT(ELT(1 + id % 3, 'x', 'Y', 'ü'), CONV(id, 10, 36))"},
	"varbytes":  {"b VARBINARY(8)", "PRIMARY KEY (b)", "UNHEX(LPAD(HEX(id * 256), 2 + 2 * (id % 3) + 4, '0'))"},
	"bytes":     {"b BINARY(4)", "PRIMARY KEY (b)", "UNHEX(LPAD(HEX(id * 256), 8, '0'))"},
	"decimals":  {"d DECIMAL(12,3)", "PRIMARY KEY (d)", "(id - 1000) * 0.125"},
	"moments":   {"at DATETIME(6)", "PRIMARY KEY (at)", "TIMESTAMP'2024-02-28 23:59:59.000001' + INTERVAL id * 1000003 MICROSECOND"},
	"stamps":    {"at TIMESTAMP(3), n SMALLINT", "PRIMARY KEY (at, n)", "TIMESTAMP'2024-10-27 00:00:00' + INTERVAL id DIV 9 MINUTE, -id"},
	"days":      {"d DATE, t TIME(2)", "PRIMARY KEY (d, t)", "DATE'2024-02-28' + INTERVAL id % 5 DAY, SEC_TO_TIME((id - 1000) * 1.25)"},
	"three":     {"a TINYINT UNSIGNED, b BIGINT, c VARCHAR(10)", "PRIMARY KEY (a, b, c)", "id % 3, CAST(id % 7 AS SIGNED) - 3, id"},
	"otherwise": {"b INT, a INT", "PRIMARY KEY (a, b)", "id % 11, id"},
	"hashed":    {"n BIGINT", "PRIMARY KEY (n) USING HASH", "id"},
	"listed":    {"e ENUM('z', 'b', ''), n INT", "PRIMARY KEY (e, n)", "1 + id % 3, id"},
	"promoted":  {"n INT NOT NULL, c TEXT", "UNIQUE KEY (n)", "id, 'a key to the server, for lack of one'"},
	"numbered":  {"n BIGINT UNSIGNED", "PRIMARY KEY (n)", "18446744073709551615 - id"},
	"keyless":   {"n INT", "KEY (n)", "id DIV 2"},
}

// Whatever the key of a table is, each of its rows is read once, and those that are
// missing, other or too many are found, one by one.
func TestKeysOfAllKinds(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, 5*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	const rows = 2000
	statements := []string{deepRecursion, "CREATE DATABASE sorts"}
	for name, k := range keys {
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE sorts.%s (%s, v INT NOT NULL, %s) ENGINE=NDBCLUSTER DEFAULT CHARSET=utf8mb4", name, k[0], k[1]),
			fmt.Sprintf("INSERT INTO sorts.%s WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < %d) SELECT %s, id FROM n", name, rows, k[2]))
	}
	require.NoError(t, inSession(ctx, p, topology.Source, statements...))
	_, err := p.Channel.CatchUp(ctx)
	require.NoError(t, err)
	o := parity.Options{Databases: []string{"sorts"}, Chunk: 37}
	compare := func() parity.Report {
		r, err := parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Replica).DB, o)
		require.NoError(t, err)
		require.Len(t, r.Tables, len(keys))
		return r
	}
	_, err = parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Source).DB, o)
	require.ErrorIs(t, err, parity.ErrOneServer)
	logging, err := parity.NotReplicated(ctx, p.Server(topology.Source).DB)
	require.NoError(t, err)
	require.Empty(t, logging.Unlogged)
	equal := compare()
	require.True(t, equal.Equal(), "%+v", equal)
	for _, table := range equal.Tables {
		assert.Equal(t, []int64{rows, rows}, []int64{table.RowsSource, table.RowsReplica}, table.Name)
	}

	for name := range keys {
		require.NoError(t, unlogged(ctx, p, topology.Replica,
			fmt.Sprintf("DELETE FROM sorts.%s WHERE v IN (1, 777, 2000)", name),
			fmt.Sprintf("UPDATE sorts.%s SET v = -v WHERE v IN (2, 999)", name)))
		require.NoError(t, unlogged(ctx, p, topology.Source,
			fmt.Sprintf("DELETE FROM sorts.%s WHERE v = 1500", name)))
	}
	begin := time.Now()
	for _, live := range []*parity.Live{nil, {Settle: 300 * time.Millisecond}} {
		o.Live = live
		for _, table := range compare().Tables {
			want := parity.TableReport{
				Database: "sorts", Name: table.Name, RowsSource: rows - 1, RowsReplica: rows - 3, Keyed: table.Name != "keyless" && table.Name != "promoted",
				Mismatched: 2, OnlySource: 3, OnlyReplica: 1, Live: live != nil, First: table.First,
			}
			if !want.Keyed {
				want.Mismatched, want.OnlySource, want.OnlyReplica = 0, 5, 3
			}
			assert.Equal(t, want, table)
			for _, m := range table.First {
				assert.Equal(t, want.Keyed, m.Key != "", "%+v", m)
			}
		}
	}

	// An error value is printed as the member '' is, and is another one.
	o = parity.Options{Tables: []string{"sorts.listed"}}
	var members int64
	require.NoError(t, p.Server(topology.Replica).DB.QueryRowContext(ctx, "SELECT COUNT(*) FROM sorts.listed WHERE e = 3").Scan(&members))
	require.Positive(t, members)
	require.NoError(t, unlogged(ctx, p, topology.Replica, "SET SESSION sql_mode=''", "UPDATE sorts.listed SET e = 0 WHERE e = 3"))
	r, err := parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Replica).DB, o)
	require.NoError(t, err)
	assert.Equal(t, members+1, r.Tables[0].OnlyReplica, "with the row that the source lacks")

	t.Logf("%d tables of %d rows: %.1f s when equal, %.1f s twice with differences", len(keys), rows, equal.Seconds, time.Since(begin).Seconds())
}
