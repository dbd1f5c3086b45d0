package parity

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// way is a way of reading a table, by its key: the columns of the key, or what
// stands for it, and their values for a number.
type way struct {
	name     string
	columns  []column
	values   func(id int64) []driver.Value
	keyless  bool
	hashOnly bool // no ordered index
}

var (
	numberID = column{name: "id", kind: kindInteger, walks: true}
	textID   = column{name: "id", kind: kindText, charset: "utf8mb4", walks: true}

	byInteger = way{"integer key", []column{numberID}, func(id int64) []driver.Value { return []driver.Value{id} }, false, false}
	byText    = way{"text key", []column{textID}, func(id int64) []driver.Value { return []driver.Value{fmt.Append(nil, id)} }, false, false}
	byHash    = way{"hash key", []column{textID}, byText.values, false, true}
	byTwo     = way{"two columns", []column{{name: "a", kind: kindText, charset: "latin1", walks: true}, numberID}, func(id int64) []driver.Value {
		letter := []byte{"aBcD"[id&3]} // in another order as bytes than as the server has them
		return []driver.Value{letter, id >> 2}
	}, false, false}
	byNothing = way{"no key", []column{numberID}, byInteger.values, true, false}

	ways = []way{byInteger, byText, byHash, byTwo, byNothing}
)

// server has a table with a row for each number.
func (w way) server(rows map[int64]string) *fakeServer {
	f := &fakeServer{}
	for _, c := range append(slices.Clone(w.columns), column{name: "v"}) {
		f.columns = append(f.columns, secure.QuoteName(c.name))
	}
	for id, v := range rows {
		f.rows = append(f.rows, append(w.values(id), []byte(v)))
	}
	return f
}

// shown is how a number's key is printed.
func (w way) shown(id int64) string {
	cells, _ := cells(w.values(id), w.columns)
	return assignments(w.columns, cells)
}

// fakeServer answers the statements that the comparison of one table sends. Rows
// lie in no order, as in NDB, and text compares without regard to case.
type fakeServer struct {
	columns []string // quoted
	rows    [][]driver.Value
	fails   error             // after the first row
	often   int               // how often it does; 0: always
	lies    bool              // ignores ORDER BY
	deaf    bool              // ignores WHERE
	hides   int               // rows that no range finds
	moves   func(*fakeServer) // before every statement
	v       string            // definition of the column v; \"\": the table is not there
	mu      sync.Mutex
}

// set gives the server other rows.
func (f *fakeServer) set(rows [][]driver.Value) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = rows
}

func (f *fakeServer) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fakeServer) Driver() driver.Driver                        { return nil }
func (f *fakeServer) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrSkip }
func (f *fakeServer) Close() error                                 { return nil }
func (f *fakeServer) Begin() (driver.Tx, error)                    { return nil, driver.ErrSkip }

var (
	condition = regexp.MustCompile("^(`\\w+`) (=|>|<=|IN) \\(?([^()]*?)\\)?$")
	selected  = regexp.MustCompile("^SELECT (`.*`) FROM ")
	limit     = regexp.MustCompile(`LIMIT (\d+)`)
	hexed     = regexp.MustCompile(`^_(?:utf8mb4|latin1) x'([0-9a-f]*)'$`)
)

func (f *fakeServer) QueryContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.moves != nil {
		f.moves(f)
	}
	if strings.Contains(q, "FROM information_schema.") {
		return f.schema(q), nil
	}
	if strings.HasPrefix(q, "SELECT TIMESTAMP") {
		return &fakeRows{columns: 1, rows: [][]driver.Value{{[]byte("2000-01-01 00:00:00")}}}, nil
	}
	var out [][]driver.Value
	for _, row := range f.rows {
		found, err := f.finds(q, row)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, row)
		}
	}
	byKey := func() {
		slices.SortFunc(out, func(a, b []driver.Value) int { return slices.CompareFunc(a, b, collate) })
	}
	rand.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	switch {
	case strings.Contains(q, "COUNT(*)"):
		return &fakeRows{columns: 1, rows: [][]driver.Value{{int64(len(out))}}}, nil
	case strings.Contains(q, "MIN(") && len(out) == 0:
		return &fakeRows{columns: 2, rows: [][]driver.Value{{nil, nil}}}, nil
	case strings.Contains(q, "MIN("):
		byKey()
		return &fakeRows{columns: 2, rows: [][]driver.Value{{out[0][0], out[len(out)-1][0]}}}, nil
	case strings.Contains(q, "ORDER BY") && !f.lies:
		byKey()
		out = out[min(len(out), f.hides):]
	}
	if m := limit.FindStringSubmatch(q); m != nil {
		most, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, err
		}
		out = out[:min(len(out), most)]
	}
	fails := f.fails
	if f.often > 0 {
		if f.often--; f.often == 0 {
			f.fails = nil
		}
	}
	n := len(f.columns)
	if m := selected.FindStringSubmatch(q); m != nil {
		n = len(strings.Split(m[1], ", "))
	}
	for i := range out {
		out[i] = out[i][:n]
	}
	return &fakeRows{columns: n, rows: out, fails: fails}, nil
}

func (f *fakeServer) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

// schema is that of a table with an integer key.
func (f *fakeServer) schema(q string) driver.Rows {
	rows := map[string][][]string{
		"schemata": {{"d", "collate utf8mb4_0900_ai_ci"}},
		"tables":   {{"d", "t", "ndbcluster", "utf8mb4_0900_ai_ci", "", "3"}},
		"columns":  {{"d", "t", "id", "bigint", "", "bigint not null"}, {"d", "t", "v", "varchar", "utf8mb4", f.v}},
		"keys":     {{"d", "t", "id", "BTREE"}},
	}
	out := &fakeRows{columns: 4}
	for what, words := range map[string]string{
		"schemata": "FROM information_schema.schemata", "tables": "FROM information_schema.tables",
		"columns": "FROM information_schema.columns", "keys": "WHERE index_name = 'PRIMARY'",
	} {
		if !strings.Contains(q, words) {
			continue
		}
		out.columns = len(rows[what][0])
		for _, row := range rows[what] {
			values := make([]driver.Value, len(row))
			for i, v := range row {
				values[i] = v
			}
			if f.v != "" || what == "schemata" {
				out.rows = append(out.rows, values)
			}
		}
	}
	return out
}

// finds tells whether a row meets the condition of a statement: one in brackets of
// several, or all in a row.
func (f *fakeServer) finds(q string, row []driver.Value) (bool, error) {
	_, where, restricted := strings.Cut(q, " WHERE ")
	where, _, _ = strings.Cut(where, " ORDER BY ")
	if f.deaf {
		return true, nil
	}
	if !restricted || !strings.HasPrefix(where, "(") {
		return f.meets(where, row)
	}
	for one := range strings.SplitSeq(where, " OR ") {
		if met, err := f.meets(strings.TrimSuffix(strings.TrimPrefix(one, "("), ")"), row); met || err != nil {
			return met, err
		}
	}
	return false, nil
}

// meets tells whether a row meets all conditions.
func (f *fakeServer) meets(where string, row []driver.Value) (bool, error) {
	if where == "" {
		return true, nil
	}
	for one := range strings.SplitSeq(where, " AND ") {
		m := condition.FindStringSubmatch(one)
		if m == nil {
			return false, errors.New("a condition that is not known: " + one)
		}
		holds := false
		for literal := range strings.SplitSeq(m[3], ", ") {
			value, err := valueOf(literal)
			if err != nil {
				return false, err
			}
			c := collate(row[slices.Index(f.columns, m[1])], value)
			holds = holds || m[2] == ">" && c > 0 || m[2] == "<=" && c <= 0 || (m[2] == "=" || m[2] == "IN") && c == 0
		}
		if !holds {
			return false, nil
		}
	}
	return true, nil
}

func valueOf(literal string) (driver.Value, error) {
	if m := hexed.FindStringSubmatch(literal); m != nil {
		return hex.DecodeString(m[1])
	}
	return strconv.ParseInt(literal, 10, 64)
}

// collate is the order of two values of a column.
func collate(a, b driver.Value) int {
	if n, ok := a.(int64); ok {
		return cmp.Compare(n, b.(int64))
	}
	return bytes.Compare(bytes.ToLower(a.([]byte)), bytes.ToLower(b.([]byte)))
}

type fakeRows struct {
	columns int
	rows    [][]driver.Value
	fails   error
}

func (r *fakeRows) Columns() []string { return make([]string, r.columns) }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	if r.fails != nil && len(r.rows) == 1 {
		return r.fails
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// fakeT is what testing.T and rapid.T have in common.
type fakeT interface {
	require.TestingT
	Context() context.Context
}

// fakeComparison has two fake servers with one table d.t.
func fakeComparison(t fakeT, o Options, w way, servers [2]*fakeServer) (*comparison, pairing, func()) {
	o.held = cmp.Or(o.held, held)
	c := &comparison{Options: o}
	p := pairing{name: tableName{"d", "t"}}
	var key []string
	for _, c := range w.columns {
		if !w.keyless {
			key = append(key, c.name)
		}
	}
	var pools []*sql.DB
	for i, f := range servers {
		pool := sql.OpenDB(f)
		pools = append(pools, pool)
		c.sides[i] = &side{name: topology.Sides[i], db: pool}
		for range o.Connections {
			conn, err := pool.Conn(t.Context())
			require.NoError(t, err)
			c.sides[i].sessions = append(c.sides[i].sessions, &session{conn: conn})
		}
		columns := append(slices.Clone(w.columns), column{name: "v", kind: kindText})
		p.on[i] = &table{estimate: 1 << 40, columns: columns, key: key, ordered: !w.hashOnly, facts: facts{}}
	}
	return c, p, func() {
		for i, pool := range pools {
			c.sides[i].close()
			_ = pool.Close()
		}
	}
}
