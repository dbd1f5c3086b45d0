package parity

import (
	"database/sql/driver"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDifferences(t *testing.T) {
	source := facts{"engine": "ndbcluster", "index PRIMARY": "unique btree (id)", "column c": "int not null", "comment": ""}
	replica := facts{"engine": "innodb", "column c": "int not null", "column d": "int null", "comment": ""}
	assert.Equal(t, []Difference{
		{"column d", Absent, "int null"},
		{"engine", "ndbcluster", "innodb"},
		{"index PRIMARY", "unique btree (id)", Absent},
	}, differences(source, replica))
	assert.Empty(t, differences(source, source))
}

func TestPlainDropsWhatReleasesPrintDifferently(t *testing.T) {
	for in, want := range map[string]string{
		"int(11) not null":                  "int not null",
		"bigint(20) unsigned not null":      "bigint unsigned not null",
		"tinyint(1) null":                   "tinyint(1) null",
		"tinyint(4) null":                   "tinyint null",
		"int(8) unsigned zerofill null":     "int(8) unsigned zerofill null",
		"varchar(10) collate utf8_bin":      "varchar(10) collate utf8mb3_bin",
		"varchar(10) collate utf8mb4_bin":   "varchar(10) collate utf8mb4_bin",
		"utf8":                              "utf8mb3",
		"utf8_general_ci":                   "utf8mb3_general_ci",
		"int not null comment 'was int(4)'": "int not null comment 'was int(4)'",
	} {
		assert.Equal(t, want, plain(in))
	}
}

func TestChoiceOfDatabases(t *testing.T) {
	where, args := Options{}.choice("s")
	assert.Equal(t, "s NOT IN (?, ?, ?, ?, ?)", where)
	assert.Len(t, args, len(systemDatabases))
	where, args = Options{Databases: []string{"a"}}.choice("s")
	assert.Equal(t, "s IN (?)", where)
	assert.Equal(t, []any{"a"}, args)
	_, args = Options{Tables: []string{"x.t", "y.u"}}.choice("s")
	assert.Equal(t, []any{"x", "y"}, args)
	for _, q := range append([]string{columnsQuery, keysQuery}, factQueries...) {
		assert.Equal(t, 1, strings.Count(strings.ReplaceAll(q, "%%", ""), "%s"))
	}
}

// Asked for a table that neither server has, or for two empty servers, Compare must
// not say equal.
func TestNothingToCompareIsAnError(t *testing.T) {
	one := []pairing{{name: tableName{"a", "t"}}}
	require.ErrorIs(t, (&comparison{}).complete(nil), errNothing)
	require.ErrorIs(t, (&comparison{Options: Options{Tables: []string{"a.u"}}}).complete(one), errNothing)
	require.ErrorIs(t, (&comparison{Options: Options{Databases: []string{"a", "b"}}}).complete(one), errNothing)
	require.NoError(t, (&comparison{Options: Options{Databases: []string{"a"}, Tables: []string{"a.t"}}}).complete(one))
	assert.False(t, Report{}.Equal())
}

func TestReportIsEqualOnlyIfAllOfItIs(t *testing.T) {
	assert.True(t, Report{Tables: []TableReport{{RowsSource: 1, RowsReplica: 1}}}.Equal())
	for _, bad := range []Report{
		{Tables: []TableReport{{}}, Schema: []Difference{{}}},
		{Tables: []TableReport{{}, {Mismatched: 1}}},
		{Tables: []TableReport{{OnlySource: 1}}},
		{Tables: []TableReport{{OnlyReplica: 1}}},
		{Tables: []TableReport{{Duplicates: 1}}},
		{Tables: []TableReport{{RowsSource: 1}}},
		{Tables: []TableReport{{Schema: []Difference{{}}}}},
	} {
		assert.False(t, bad.Equal(), "%+v", bad)
	}
}

func TestPairMatchesByName(t *testing.T) {
	a, b := &table{}, &table{}
	got := pair(map[tableName]*table{{"d", "t"}: a, {"d", "x"}: a}, map[tableName]*table{{"d", "t"}: b, {"c", "y"}: b})
	assert.Equal(t, []pairing{
		{tableName{"c", "y"}, [2]*table{nil, b}},
		{tableName{"d", "t"}, [2]*table{a, b}},
		{tableName{"d", "x"}, [2]*table{a, nil}},
	}, got)
}

func TestStatementForEachKind(t *testing.T) {
	j := &job{name: tableName{"d`b", "t"}}
	j.columns[0] = []column{{name: "id", kind: kindInteger}, {name: "f", kind: kindFloat}, {name: "at", kind: kindTemporal}, {name: "s", kind: kindText, charset: "latin1"}, {name: "u", kind: kindText, charset: "sjis"}}
	j.columns[1] = []column{{name: "id", kind: kindInteger}, {name: "f", kind: kindFloat}, {name: "at", kind: kindTemporal}, {name: "s", kind: kindText, charset: "utf8mb4"}, {name: "u", kind: kindText, charset: "sjis"}}
	assert.Equal(t, "SELECT `id`, `f` * 1e0, `at`, CONVERT(`s` USING utf8mb4), `u` FROM `d``b`.`t`", j.selectFrom(0, &session{}))
	assert.Contains(t, j.selectFrom(1, &session{timesAsText: true}), "CAST(`at` AS CHAR)")
	assert.Equal(t, "SELECT `id` FROM `d``b`.`t`", j.selectFirst(0, &session{}, 1))
	j.columns[0] = []column{{name: "e", kind: kindText, charset: "latin1", listed: true}, {name: "s", kind: kindText, charset: "latin1", listed: true}}
	j.columns[1] = []column{{name: "e", kind: kindText, charset: "latin1", listed: true}, {name: "s", kind: kindText, charset: "utf8mb4", listed: true}}
	assert.Equal(t, "SELECT CONCAT(CAST(`e` AS UNSIGNED), ' ', `e`), CONVERT(CONCAT(CAST(`s` AS UNSIGNED), ' ', `s`) USING utf8mb4) FROM `d``b`.`t`", j.selectFrom(0, &session{}))
}

func TestValuesAreShownAsLiterals(t *testing.T) {
	long := strings.Repeat("é", 100)
	for _, c := range []struct {
		kind kind
		in   string
		at   int
		want string
	}{
		{kindInteger, "42", 0, "42"},
		{kindText, "a\x00b", 0, `"a\x00b"`},
		{kindText, "\xff", 0, "0xff"},
		{kindBytes, "ab", 0, "0x6162"},
		{kindText, long, 101, `"` + strings.Repeat("é", 33) + `" (bytes 84 to 150 of 200)`},
	} {
		cells, err := cells([]driver.Value{[]byte(c.in)}, []column{{kind: c.kind}})
		require.NoError(t, err)
		assert.Equal(t, c.want, cells[0].text(c.kind, c.at))
	}
	assert.Equal(t, "NULL", cell{null: true}.text(kindText, 0))
	f, err := appendValue(nil, kindFloat, 0.1)
	require.NoError(t, err)
	assert.Equal(t, "0.1", cell{size: 8, head: f}.text(kindFloat, 0))
}
