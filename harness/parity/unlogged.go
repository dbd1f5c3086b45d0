package parity

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
)

// Reasons why NDB does not write a table's rows to the binary log. It warns, at
// most.
const (
	NoKeyAndBlob = "no primary key and a column that NDB keeps in a blob table"
	LogBinOff    = "ndb_log_bin is off"
	NoLog        = "mysql.ndb_replication says NOLOG"
)

// Unlogged is a user table of NDB whose rows do not reach the binary log.
type Unlogged struct {
	Table string `json:"table"` // "database.table"
	Why   string `json:"why"`
}

// Logging is what a server tells of the tables that it should log.
type Logging struct {
	Tables    int        `json:"tables"` // user tables of NDB
	Unlogged  []Unlogged `json:"unlogged,omitempty"`
	RulesRead bool       `json:"rules_read"` // mysql.ndb_replication is there
}

// A unique key without NULLs, of whole columns, is a primary key to the server.
const ndbTables = `SELECT CONCAT(t.table_schema, '.', t.table_name), NOT EXISTS (SELECT 1 FROM information_schema.statistics s
   WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.non_unique = 0
   GROUP BY s.index_name HAVING SUM(s.nullable = 'YES' OR s.sub_part IS NOT NULL) = 0)
  AND EXISTS (SELECT 1 FROM information_schema.columns c
   WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND (c.data_type LIKE '%text' OR c.data_type LIKE '%blob'
    OR c.data_type IN ('json', 'vector', 'geometry', 'point', 'linestring', 'polygon',
     'multipoint', 'multilinestring', 'multipolygon', 'geomcollection', 'geometrycollection')))
 FROM information_schema.tables t WHERE t.engine = 'ndbcluster' AND t.table_type = 'BASE TABLE' AND `

// NotReplicated asks a source which of its NDB user tables it does not log.
func NotReplicated(ctx context.Context, db *sql.DB) (Logging, error) {
	l := Logging{}
	where, args := Options{}.choice("t.table_schema")
	var tables []string
	err := query(ctx, db, ndbTables+where+" ORDER BY 1", args, func(v []string) {
		tables = append(tables, v[0])
		if v[1] == "1" {
			l.Unlogged = append(l.Unlogged, Unlogged{v[0], NoKeyAndBlob})
		}
	})
	if err != nil {
		return l, err
	}
	l.Tables = len(tables)
	on := ""
	const logBin = "SELECT variable_value FROM performance_schema.global_variables WHERE variable_name = 'ndb_log_bin'"
	if err := query(ctx, db, logBin, nil, func(v []string) { on = v[0] }); err != nil {
		return l, err
	}
	if on != "ON" {
		for _, t := range tables {
			l.Unlogged = append(l.Unlogged, Unlogged{t, LogBinOff})
		}
	}
	rules, err := readRules(ctx, db)
	if err != nil {
		return l, err
	}
	l.RulesRead = rules != nil
	for _, t := range tables {
		if ruledOut(t, rules) {
			l.Unlogged = append(l.Unlogged, Unlogged{t, NoLog})
		}
	}
	return l, nil
}

// rule is a row of mysql.ndb_replication for this server: % stands for any text
// in the names, _ for any character.
type rule struct {
	database, table string
	own             bool // for this server's id, not for all
	noLog           bool // binlog_type 1, NBT_NO_LOGGING
}

// readRules reads mysql.ndb_replication; nil when the server has no such table.
// The manual ("NDB Cluster Replication: ndb_replication table"): binlog_type 1
// is NOLOG, server_id 0 is every server.
func readRules(ctx context.Context, db *sql.DB) ([]rule, error) {
	there := false
	const exists = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'mysql' AND table_name = 'ndb_replication'"
	if err := query(ctx, db, exists, nil, func([]string) { there = true }); err != nil || !there {
		return nil, err
	}
	rules := []rule{}
	const q = `SELECT CAST(db AS CHAR), CAST(table_name AS CHAR), server_id <> 0, COALESCE(binlog_type, 0) = 1
 FROM mysql.ndb_replication WHERE server_id IN (0, @@server_id)`
	err := query(ctx, db, q, nil, func(v []string) { rules = append(rules, rule{v[0], v[1], v[2] == "1", v[3] == "1"}) })
	return rules, err
}

// ruledOut goes by the rule that fits a table best: names without wildcards go
// before others, the table's before the database's, and a rule for this server
// before one for all.
func ruledOut(table string, rules []rule) bool {
	database, name, _ := strings.Cut(table, ".")
	fits := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !like(database, r.database) || !like(name, r.table) })
	rank := func(r rule) int {
		n := 0
		for i, is := range []bool{r.own, r.database == database, r.table == name} {
			if is {
				n += 1 << i
			}
		}
		return n
	}
	if len(fits) == 0 {
		return false
	}
	return slices.MaxFunc(fits, func(a, b rule) int { return cmp.Compare(rank(a), rank(b)) }).noLog
}

// like matches a name with a pattern of SQL's LIKE, without escapes.
func like(name, pattern string) bool {
	if pattern == "" {
		return name == ""
	}
	switch {
	case pattern[0] == '%':
		return like(name, pattern[1:]) || name != "" && like(name[1:], pattern)
	case name == "":
		return false
	}
	return (pattern[0] == '_' || pattern[0] == name[0]) && like(name[1:], pattern[1:])
}
