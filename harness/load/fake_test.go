package load

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// fakeServer carries out the statements that writers send, on rows in memory.
// Behaviour is scripted: trouble is asked before every change and gives the error
// to answer with, and whether the change gets in nevertheless.
type fakeServer struct {
	trouble func(key uint64) (err error, in bool)
	engine  string
	delay   time.Duration
	cut     chan struct{} // closed: connections break; made with the first one
	dial    error

	mu     sync.Mutex
	tables map[string]map[uint64][][]any // rows by table and key; of made tables one row with the number of columns
	closed int                           // connections
}

func (f *fakeServer) Connect(context.Context) (driver.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dial != nil {
		return nil, f.dial
	}
	if f.cut == nil {
		f.cut = make(chan struct{})
	}
	return &fakeConn{fakeServer: f}, nil
}

// sever breaks connections.
func (f *fakeServer) sever() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.cut:
	default:
		close(f.cut)
	}
}

func (f *fakeServer) Driver() driver.Driver { return nil }

// fakeConn is a session: what it has changed since BEGIN waits for COMMIT.
type fakeConn struct {
	*fakeServer
	open    bool
	waiting []func()
}

type fakeStmt struct {
	*fakeConn
	sql string
}

func (c *fakeConn) Prepare(q string) (driver.Stmt, error) { return fakeStmt{c, q}, nil }
func (c *fakeConn) Begin() (driver.Tx, error)             { return nil, driver.ErrSkip }

func (c *fakeConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

func (fakeStmt) Close() error                                { return nil }
func (fakeStmt) NumInput() int                               { return -1 }
func (fakeStmt) Exec([]driver.Value) (driver.Result, error)  { return nil, driver.ErrSkip }
func (fakeStmt) Query([]driver.Value) (driver.Rows, error)   { return nil, driver.ErrSkip }
func (fakeStmt) CheckNamedValue(*driver.NamedValue) error    { return nil }
func (c *fakeConn) CheckNamedValue(*driver.NamedValue) error { return nil }
func (s fakeStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.fakeConn.ExecContext(ctx, s.sql, args)
}

var (
	target = regexp.MustCompile("^(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE|DROP TABLE) `[^`]+`\\.`([^`]+)`")
	numbed = regexp.MustCompile(`^(.*)_(\d+)$`)
)

func (c *fakeConn) ExecContext(ctx context.Context, q string, named []driver.NamedValue) (driver.Result, error) {
	switch q {
	case "BEGIN":
		c.open = true
		return driver.ResultNoRows, nil
	case "COMMIT":
		return c.commit(ctx)
	}
	m := target.FindStringSubmatch(q)
	if m == nil || strings.Contains(q, "IF NOT EXISTS") {
		return driver.ResultNoRows, nil
	}
	args := make([]any, len(named))
	for i, n := range named {
		args[i] = n.Value
	}
	change := c.change(m[1], m[2], q, args)
	if c.open {
		c.waiting = append(c.waiting, func() { _ = change(false) })
		return driver.ResultNoRows, nil
	}
	key := keyOf(m[1], m[2], args)
	return c.answer(ctx, key, change)
}

func keyOf(verb, table string, args []any) uint64 {
	if m := numbed.FindStringSubmatch(table); m != nil && len(args) == 0 {
		n, _ := strconv.ParseUint(m[2], 10, 64)
		return n
	}
	if verb == "UPDATE" {
		return args[len(args)-1].(uint64)
	}
	return args[0].(uint64)
}

func (c *fakeConn) commit(ctx context.Context) (driver.Result, error) {
	c.open = false
	waiting := c.waiting
	c.waiting = nil
	return c.answer(ctx, 0, func(bool) error {
		for _, w := range waiting {
			w()
		}
		return nil
	})
}

// answer carries a change out, as the script has it.
func (c *fakeConn) answer(ctx context.Context, key uint64, change func(check bool) error) (driver.Result, error) {
	if c.delay > 0 {
		t := time.NewTimer(c.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.cut:
			return nil, mysql.ErrInvalidConn
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	in := true
	if c.trouble != nil {
		err, in = c.trouble(key)
	}
	if err == nil {
		err = change(true)
		in = err == nil
	}
	if in {
		_ = change(false)
	}
	return driver.RowsAffected(1), err
}

// change gives what a statement does; with check it only tells whether it can.
func (c *fakeConn) change(verb, table, q string, args []any) func(bool) error {
	base, key := table, keyOf(verb, table, args)
	if m := numbed.FindStringSubmatch(table); m != nil && len(args) == 0 {
		base = m[1]
	}
	return func(check bool) error {
		rows := c.tables[base]
		if rows == nil {
			rows = map[uint64][][]any{}
			c.tables[base] = rows
		}
		if check {
			if _, there := rows[key]; there && (verb == "INSERT INTO" || verb == "CREATE TABLE") {
				return serverError(1062, "Duplicate entry")
			}
			return nil
		}
		switch verb {
		case "INSERT INTO":
			n := strings.Count(q, "(?")
			width := len(args) / n
			for i := range n {
				rows[key] = append(rows[key][:i:i], args[i*width+1:(i+1)*width])
			}
		case "UPDATE":
			if rows[key] != nil {
				rows[key] = [][]any{args[:len(args)-1]}
			}
		case "CREATE TABLE":
			rows[key] = [][]any{{int64(1)}}
		case "ALTER TABLE":
			rows[key] = [][]any{{rows[key][0][0].(int64) + 1}}
		default:
			delete(rows, key)
		}
		return nil
	}
}

func (c *fakeConn) QueryContext(_ context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 2 {
		return &fakeRows{1, [][]driver.Value{{c.engine}}}, nil
	}
	if !strings.Contains(q, "MAX(") {
		return nil, fmt.Errorf("not known: %s", q)
	}
	return &fakeRows{1, [][]driver.Value{{int64(0)}}}, nil
}

type fakeRows struct {
	n    int
	rows [][]driver.Value
}

func (r *fakeRows) Columns() []string { return make([]string, r.n) }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// rows gives a table's rows to a judge, in order of keys.
func (f *fakeServer) rows(w *Workload, table int) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		t := w.Tables[table]
		for _, key := range slices.Sorted(maps.Keys(f.tables[t.Name])) {
			for _, r := range f.tables[t.Name][key] {
				if !yield(stored{key, t.cells(r)}, nil) {
					return
				}
			}
		}
	}
}

// judged holds all of a server's rows against a book.
func (f *fakeServer) judged(t testing.TB, b *Book) *judge {
	t.Helper()
	j := newJudge(b, "source")
	for table := range b.tables {
		if err := j.table(table, f.rows(&b.workload, table)); err != nil {
			t.Fatal(err)
		}
	}
	j.torn()
	return j
}
