package parity

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ndbproof/harness/secure"
)

type tableName struct{ database, table string }

func (n tableName) String() string { return n.database + "." + n.table }
func (n tableName) quoted() string {
	return secure.QuoteName(n.database) + "." + secure.QuoteName(n.table)
}

func (n tableName) compare(m tableName) int {
	return cmp.Or(cmp.Compare(n.database, m.database), cmp.Compare(n.table, m.table))
}

// table is a base table of one side.
type table struct {
	estimate int64 // rows, as the server guesses
	columns  []column
	key      []string // columns of the primary key, in order
	ordered  bool     // the primary key has an ordered index (in NDB: not USING HASH)
	facts    facts
}

// column is what reading a column needs to know.
type column struct {
	name    string
	kind    kind
	charset string
	walks   bool // its values can be the ends of a range
	listed  bool // ENUM or SET: the number that is stored says more than the text
}

// column is the one of that name; nil: there is none.
func (t *table) column(name string) *column {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &t.columns[i]
}

// facts are the parts of a schema that are compared, each by name, each defined
// in one line. Left out: AUTO_INCREMENT counters, row formats, and the partitions
// that NDB makes by itself, whose number is the cluster's business.
type facts map[string]string

// differences lists what is not alike, in order.
func differences(source, replica facts) []Difference {
	var out []Difference
	what := slices.Collect(maps.Keys(source))
	for w := range replica {
		if _, both := source[w]; !both {
			what = append(what, w)
		}
	}
	slices.Sort(what)
	for _, w := range what {
		s, onSource := source[w]
		r, onReplica := replica[w]
		if s == r && onSource == onReplica {
			continue
		}
		if !onSource {
			s = Absent
		}
		if !onReplica {
			r = Absent
		}
		out = append(out, Difference{w, s, r})
	}
	return out
}

const tablesQuery = `SELECT table_schema, table_name, COALESCE(engine, ''), COALESCE(table_collation, ''), table_comment,
 COALESCE(table_rows, 0) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND `

const columnsQuery = `SELECT table_schema, table_name, column_name, LOWER(data_type), COALESCE(character_set_name, ''),
 CONCAT_WS(' ', column_type, IF(is_nullable = 'YES', 'null', 'not null'), CONCAT('collate ', collation_name),
  IF(column_default IS NULL, NULL, CONCAT('default ', QUOTE(column_default))), NULLIF(extra, ''),
  CONCAT('as (', NULLIF(generation_expression, ''), ')'), CONCAT('srid ', srs_id),
  IF(column_comment = '', NULL, CONCAT('comment ', QUOTE(column_comment)))) AS definition
 FROM information_schema.columns WHERE %s ORDER BY table_schema, table_name, ordinal_position`

const keysQuery = `SELECT table_schema, table_name, column_name, index_type FROM information_schema.statistics
 WHERE index_name = 'PRIMARY' AND %s ORDER BY table_schema, table_name, seq_in_index`

// factQueries give database, table, what, definition. Foreign keys go by their
// columns, for NDB may name them by object ids, which differ between clusters.
var factQueries = []string{
	`SELECT table_schema, table_name, CONCAT('index ', index_name), CONCAT(IF(MAX(non_unique), '', 'unique '), LOWER(MAX(index_type)),
  ' (', GROUP_CONCAT(COALESCE(column_name, CONCAT('(', expression, ')')), IF(sub_part IS NULL, '', CONCAT('(', sub_part, ')')),
  IF(collation = 'D', ' desc', '') ORDER BY seq_in_index SEPARATOR ', '), ')', IF(MAX(is_visible) = 'NO', ' invisible', ''),
  IF(MAX(index_comment) = '', '', CONCAT(' comment ', QUOTE(MAX(index_comment)))))
 FROM information_schema.statistics WHERE %s GROUP BY table_schema, table_name, index_name`,
	`SELECT table_schema, table_name, CONCAT_WS(' ', 'partition', partition_name, subpartition_name),
  CONCAT_WS(' ', partition_ordinal_position, partition_method, partition_expression, partition_description,
  subpartition_ordinal_position, subpartition_method, subpartition_expression,
  IF(partition_comment = '', NULL, CONCAT('comment ', QUOTE(partition_comment))))
 FROM information_schema.partitions WHERE partition_method NOT LIKE '%%AUTO%%' AND %s`,
	`SELECT table_schema, table_name, CONCAT('foreign key (', columns, ') references ', parent, ' (', parents, ')'), rules FROM (
  SELECT k.table_schema, k.table_name, GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position SEPARATOR ', ') AS columns,
   CONCAT(MAX(k.referenced_table_schema), '.', MAX(k.referenced_table_name)) AS parent,
   GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position SEPARATOR ', ') AS parents,
   CONCAT('on update ', MAX(r.update_rule), ' on delete ', MAX(r.delete_rule)) AS rules
  FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
   ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
  GROUP BY k.table_schema, k.table_name, k.constraint_name) AS f WHERE %s`,
	`SELECT t.table_schema, t.table_name, CONCAT('check ', t.constraint_name), CONCAT(c.check_clause, IF(t.enforced = 'NO', ' not enforced', ''))
 FROM information_schema.table_constraints t JOIN information_schema.check_constraints c
  ON c.constraint_schema = t.constraint_schema AND c.constraint_name = t.constraint_name
 WHERE t.constraint_type = 'CHECK' AND %s`,
}

// choice is the condition that picks the databases, and its arguments.
func (o Options) choice(column string) (where string, args []any) {
	names, not := o.Databases, ""
	if len(names) == 0 {
		for _, t := range o.Tables {
			database, _, _ := strings.Cut(t, ".")
			names = append(names, database)
		}
	}
	if len(names) == 0 {
		names, not = systemDatabases, "NOT "
	}
	for _, n := range names {
		args = append(args, n)
	}
	return column + " " + not + "IN (?" + strings.Repeat(", ?", len(names)-1) + ")", args
}

func (s *side) readSchema(ctx context.Context, o Options) error {
	s.databases, s.tables = facts{}, map[tableName]*table{}
	where, args := o.choice("schema_name")
	q := "SELECT schema_name, CONCAT('collate ', default_collation_name) FROM information_schema.schemata WHERE " + where
	if err := s.query(ctx, q, args, func(v []string) { s.databases["database "+v[0]] = plain(v[1]) }); err != nil {
		return err
	}
	where, args = o.choice("table_schema")
	if err := s.query(ctx, tablesQuery+where, args, func(v []string) { s.addTable(v, o) }); err != nil {
		return err
	}
	if err := s.query(ctx, strings.Replace(columnsQuery, "%s", where, 1), args, s.addColumn); err != nil {
		return err
	}
	if err := s.query(ctx, strings.Replace(keysQuery, "%s", where, 1), args, s.addKey); err != nil {
		return err
	}
	for _, q := range factQueries {
		q = strings.ReplaceAll(strings.Replace(q, "%s", where, 1), "%%", "%")
		if err := s.query(ctx, q, args, func(v []string) {
			if t := s.tables[tableName{v[0], v[1]}]; t != nil {
				t.facts[v[2]] = plain(v[3])
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *side) addTable(v []string, o Options) {
	n := tableName{v[0], v[1]}
	if len(o.Tables) > 0 && !slices.Contains(o.Tables, n.String()) {
		return
	}
	s.tables[n] = &table{
		estimate: number(v[5]),
		facts:    facts{"engine": strings.ToLower(v[2]), "collation": plain(v[3]), "comment": v[4], "column order": ""},
	}
}

func (s *side) addColumn(v []string) {
	t := s.tables[tableName{v[0], v[1]}]
	if t == nil {
		return
	}
	t.columns = append(t.columns, column{v[2], kindOf(v[3]), plain(v[4]), walkable(v[3]), v[3] == "enum" || v[3] == "set"})
	t.facts["column "+v[2]] = plain(v[5])
	t.facts["column order"] = strings.TrimPrefix(t.facts["column order"]+", "+v[2], ", ")
}

func (s *side) addKey(v []string) {
	if t := s.tables[tableName{v[0], v[1]}]; t != nil {
		t.key, t.ordered = append(t.key, v[2]), v[3] == "BTREE"
	}
}

var (
	width   = regexp.MustCompile(`^(smallint|mediumint|int|bigint|tinyint)\((\d+)\)( unsigned)?( zerofill)?`)
	oldUTF8 = regexp.MustCompile(`(^|\bcollate )utf8(_\w+)?\b`)
)

// plain drops what releases merely print differently: the display width of
// integers (gone in 8.0.19 but for tinyint(1) and ZEROFILL) and utf8 for utf8mb3.
func plain(definition string) string {
	definition = width.ReplaceAllStringFunc(definition, func(m string) string {
		p := width.FindStringSubmatch(m)
		if p[4] != "" || (p[1] == "tinyint" && p[2] == "1") {
			return m
		}
		return p[1] + p[3]
	})
	return oldUTF8.ReplaceAllString(definition, "${1}utf8mb3$2")
}
