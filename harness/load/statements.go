package load

import (
	"fmt"
	"strings"

	"ndbproof/harness/secure"
)

// quoted is a table's full name.
func (w *Workload) quoted(table int) string {
	return secure.QuoteName(w.Database) + "." + secure.QuoteName(w.Tables[table].Name)
}

// Schema are the statements that make a workload's database and tables where
// they are missing.
func (w *Workload) Schema(engine string) []string {
	out := []string{"CREATE DATABASE IF NOT EXISTS " + secure.QuoteName(w.Database)}
	for i, t := range w.Tables {
		if t.Form == Schemas {
			continue
		}
		lines := []string{"id BIGINT UNSIGNED NOT NULL"}
		for _, c := range t.Columns {
			lines = append(lines, secure.QuoteName(c.Name)+" "+c.Type)
		}
		if t.Form == Keyless {
			lines = append(lines, "KEY by_id (id)")
		} else {
			lines = append(lines, "PRIMARY KEY (id)")
		}
		if t.Index != "" {
			lines = append(lines, t.Index)
		}
		out = append(out, "CREATE TABLE IF NOT EXISTS "+w.quoted(i)+" (\n  "+strings.Join(lines, ",\n  ")+"\n) ENGINE = "+engine)
	}
	return out
}

// statement is what is sent of a change. Those with arguments are prepared once
// for each connection.
type statement struct {
	sql  string
	args []any
}

// statements of a write, in order.
func (w *Workload) statements(op Op, engine string) []statement {
	out := make([]statement, len(op.Changes))
	for i, c := range op.Changes {
		switch t := w.Tables[c.Table]; {
		case t.Form == Schemas:
			out[i] = statement{sql: w.schemaChange(c, len(op.before) == 0, engine)}
		case c.Gone:
			out[i] = statement{"DELETE FROM " + w.quoted(c.Table) + " WHERE id = ?", []any{c.Key}}
		case len(op.before) > 0 && i < len(op.before) && !op.before[i].dead:
			out[i] = statement{w.update(c.Table), append(append([]any{}, op.values[i]...), c.Key)}
		default:
			out[i] = w.insert(c, op.values[i])
		}
	}
	return out
}

func (w *Workload) update(table int) string {
	var b strings.Builder
	b.WriteString("UPDATE " + w.quoted(table) + " SET ")
	for i, c := range w.Tables[table].Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(secure.QuoteName(c.Name) + " = ?")
	}
	b.WriteString(" WHERE id = ?")
	return b.String()
}

func (w *Workload) insert(c Change, values []any) statement {
	t := w.Tables[c.Table]
	var b strings.Builder
	b.WriteString("INSERT INTO " + w.quoted(c.Table) + " (id")
	for _, c := range t.Columns {
		b.WriteString(", " + secure.QuoteName(c.Name))
	}
	b.WriteString(") VALUES ")
	n := int64(1)
	if t.Form == Keyless {
		n = copies(c.Key)
	}
	var args []any
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(?" + strings.Repeat(", ?", len(values)) + ")")
		args = append(append(args, c.Key), values...)
	}
	return statement{b.String(), args}
}

// schemaChange makes, widens or drops the table that a key stands for.
func (w *Workload) schemaChange(c Change, create bool, engine string) string {
	name := secure.QuoteName(w.Database) + "." + secure.QuoteName(fmt.Sprintf("%s_%d", w.Tables[c.Table].Name, c.Key))
	switch {
	case c.Gone:
		return "DROP TABLE " + name
	case create:
		return "CREATE TABLE " + name + " (id INT NOT NULL PRIMARY KEY, v1 INT NULL) ENGINE = " + engine
	}
	return fmt.Sprintf("ALTER TABLE %s ADD COLUMN v%d INT NULL COMMENT 'version %[2]d'", name, c.Version)
}

// selectFrom reads the rows of a table from a key on, in order of keys: id and
// then the columns as text.
func (w *Workload) selectFrom(table int, first uint64) string {
	t := w.Tables[table]
	if t.Form == Schemas {
		name := strings.ReplaceAll(t.Name, "_", `\_`)
		return fmt.Sprintf(`SELECT CAST(SUBSTRING(table_name, %d) AS UNSIGNED) AS id, COUNT(*) - 1 FROM information_schema.columns
 WHERE table_schema = '%s' AND table_name LIKE '%s\_%%' GROUP BY table_name HAVING id >= %d ORDER BY id`, len(t.Name)+2, w.Database, name, first)
	}
	columns := []string{"id"}
	for _, c := range t.Columns {
		columns = append(columns, c.read())
	}
	index := "PRIMARY"
	if t.Form == Keyless {
		index = "by_id"
	}
	return fmt.Sprintf("SELECT %s FROM %s FORCE INDEX (%s) WHERE id >= %d ORDER BY id", strings.Join(columns, ", "), w.quoted(table), index, first)
}

// highest is the highest key of a table, 0 for none.
func (w *Workload) highest(table int) string {
	t := w.Tables[table]
	if t.Form == Schemas {
		return fmt.Sprintf(`SELECT COALESCE(MAX(CAST(SUBSTRING(table_name, %d) AS UNSIGNED)), 0) FROM information_schema.tables
 WHERE table_schema = '%s' AND table_name LIKE '%s\_%%'`, len(t.Name)+2, w.Database, strings.ReplaceAll(t.Name, "_", `\_`))
	}
	return "SELECT COALESCE(MAX(id), 0) FROM " + w.quoted(table)
}
