package parity

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/topology"
)

// fakeServer answers the statements that the comparison of one table sends: a
// table of two columns, id and v. Rows lie in no order, as in NDB.
type fakeServer struct {
	rows  [][2]driver.Value
	text  bool  // id is text
	fails error // after the first row
	often int   // how often it does; 0: always
	lies  bool  // ignores ORDER BY
	mu    sync.Mutex
}

// set gives the server other rows.
func (f *fakeServer) set(rows [][2]driver.Value) {
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
	above = regexp.MustCompile(`> (-?\d+)`)
	upTo  = regexp.MustCompile(`<= (-?\d+)`)
	in    = regexp.MustCompile(` IN \(([^)]*)\)`)
	limit = regexp.MustCompile(`LIMIT (\d+)`)
)

func (f *fakeServer) QueryContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(q, "COUNT(*)") {
		return &fakeRows{columns: 1, rows: [][]driver.Value{{int64(len(f.rows))}}}, nil
	}
	num := func(r *regexp.Regexp, otherwise int64) int64 {
		if m := r.FindStringSubmatch(q); m != nil {
			if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
				return n
			}
		}
		return otherwise
	}
	var out [][]driver.Value
	for _, r := range f.rows {
		if id, ok := r[0].(int64); ok {
			if id <= num(above, -1<<62) || id > num(upTo, 1<<62) {
				continue
			}
			if m := in.FindStringSubmatch(q); m != nil && !slices.Contains(strings.Split(m[1], ", "), fmt.Sprint(id)) {
				continue
			}
		}
		out = append(out, []driver.Value{r[0], r[1]})
	}
	rand.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	if strings.Contains(q, "MIN(") {
		if len(out) == 0 {
			return &fakeRows{columns: 2, rows: [][]driver.Value{{nil, nil}}}, nil
		}
		sortByID(out)
		return &fakeRows{columns: 2, rows: [][]driver.Value{{out[0][0], out[len(out)-1][0]}}}, nil
	}
	if strings.Contains(q, "ORDER BY") && !f.lies {
		sortByID(out)
	}
	fails := f.fails
	if f.often > 0 {
		if f.often--; f.often == 0 {
			f.fails = nil
		}
	}
	return &fakeRows{columns: 2, rows: out[:min(int64(len(out)), num(limit, 1<<62))], fails: fails}, nil
}

func sortByID(rows [][]driver.Value) {
	slices.SortFunc(rows, func(a, b []driver.Value) int { return int(a[0].(int64) - b[0].(int64)) })
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

// fakeComparison has two fake servers with one table d.t that has a primary key,
// an integer or a text, or none.
func fakeComparison(t fakeT, o Options, key []string, servers [2]*fakeServer) (*comparison, pairing, func()) {
	o.held = cmp.Or(o.held, held)
	c := &comparison{Options: o}
	p := pairing{name: tableName{"d", "t"}}
	var pools []*sql.DB
	for i, f := range servers {
		pool := sql.OpenDB(f)
		pools = append(pools, pool)
		c.sides[i] = &side{name: topology.Sides[i]}
		for range o.Connections {
			conn, err := pool.Conn(t.Context())
			require.NoError(t, err)
			c.sides[i].sessions = append(c.sides[i].sessions, &session{conn: conn})
		}
		id := column{name: "id", kind: kindInteger}
		if f.text {
			id.kind = kindText
		}
		p.on[i] = &table{estimate: 1 << 40, columns: []column{id, {name: "v", kind: kindText}}, key: key, ordered: true, facts: facts{}}
	}
	return c, p, func() {
		for i, pool := range pools {
			c.sides[i].close()
			_ = pool.Close()
		}
	}
}
