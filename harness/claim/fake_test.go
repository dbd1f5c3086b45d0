package claim

import (
	"context"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/epoch"
	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// server answers SQL from a table: the first entry whose text is part of the
// statement counts, a statement without an entry succeeds with no row.
type server struct {
	answers []answer
	heard   []string
	down    bool   // nobody can log in any more
	ended   string // the statement that ends it, with the connection
}

type answer struct {
	part    string
	columns []string
	rows    [][]any
	err     error
}

func (s *server) hear(q string) answer {
	s.heard = append(s.heard, q)
	if s.ended != "" && s.ended == q {
		s.down = true
		return answer{err: mysql.ErrInvalidConn}
	}
	for _, a := range s.answers {
		if strings.Contains(q, a.part) {
			return a
		}
	}
	return answer{}
}

// on puts an answer before the others.
func (s *server) on(part string, columns string, rows ...[]any) {
	s.answers = slices.Insert(s.answers, 0, answer{part: part, columns: strings.Fields(columns), rows: rows})
}

func (s *server) fails(part string, err error) {
	s.answers = slices.Insert(s.answers, 0, answer{part: part, err: err})
}

// Connect, Driver and what follows make it a database/sql server.
func (s *server) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s *server) Driver() driver.Driver                        { return nil }
func (s *server) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not prepared") }
func (s *server) Close() error                                 { return nil }
func (s *server) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }

func (s *server) QueryContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	a := s.hear(q)
	return &rows{columns: a.columns, left: a.rows}, a.err
}

func (s *server) ExecContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), s.hear(q).err
}

type rows struct {
	columns []string
	left    [][]any
}

func (r *rows) Columns() []string { return r.columns }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	for i, v := range r.left[0] {
		dest[i] = v
	}
	r.left = r.left[1:]
	return nil
}

// fake is a pair without containers.
type fake struct {
	t        *testing.T
	specs    map[topology.Side]topology.Spec
	servers  map[topology.Side]*server
	pools    map[topology.Side]*sql.DB
	spares   map[topology.Side]*server // on which statements are tried that would do harm
	given    []topology.Side           // up, of the spare servers
	disk     map[topology.Side]map[string]fakeFile
	markers  []string
	end      replication.Position
	run      func(topology.Side, node.Command) (node.Output, error)
	login    func(topology.Side, replication.Login) error
	dial     func(topology.Side) (net.Conn, error)
	leaves   map[topology.Side]*x509.Certificate
	ca       *x509.Certificate
	behind   error                  // of CatchUp
	marked   func()                 // called by Mark
	scanned  func(*node.PairSearch) // what a search found, to be changed
	capture  func([]topology.NodeRef, node.CaptureOrder) ([]node.Captured, error)
	rogue    func(topology.Side, node.Command) (node.Output, error)
	workload load.Totals
	ledger   fakeLedger
}

// fakeLedger gives what it is told to find.
type fakeLedger map[topology.Side][]load.Findings

func (l fakeLedger) Check(_ context.Context, side topology.Side, _ *sql.DB) ([]load.Findings, error) {
	return l[side], nil
}

func (fakeLedger) Opinion(database, table string, key uint64) string {
	return fmt.Sprintf("%s.%s %d is known", database, table, key)
}

type fakeFile struct {
	content []byte
	mode    uint32
}

func newFake(t *testing.T, r release.Release) *fake {
	t.Helper()
	f := &fake{
		t: t, specs: map[topology.Side]topology.Spec{}, servers: map[topology.Side]*server{},
		pools: map[topology.Side]*sql.DB{}, spares: map[topology.Side]*server{}, disk: map[topology.Side]map[string]fakeFile{},
		end: replication.Position{File: "binlog.000002", Pos: 900},
	}
	for _, side := range topology.Sides {
		f.specs[side] = topology.Standard(side, r, release.Layout{UID: 27, GID: 27}, secure.Seed2021())
		f.servers[side], f.spares[side], f.disk[side] = &server{}, &server{}, map[string]fakeFile{}
		f.pools[side] = sql.OpenDB(f.servers[side])
		t.Cleanup(func() { _ = f.pools[side].Close() })
	}
	return f
}

func (f *fake) Spec(s topology.Side) topology.Spec { return f.specs[s] }
func (f *fake) Admin(s topology.Side) *sql.DB      { return f.pools[s] }
func (f *fake) Password(_ topology.Side, u string) secret.Secret {
	return secret.Of("of " + u)
}
func (f *fake) Authority() *x509.Certificate                              { return f.ca }
func (f *fake) Leaf(s topology.Side) *x509.Certificate                    { return f.leaves[s] }
func (f *fake) Markers() []string                                         { return f.markers }
func (f *fake) Arrived(context.Context, string) (bool, error)             { return true, nil }
func (f *fake) CatchUp(context.Context) (epoch.Epoch, error)              { return 7, f.behind }
func (f *fake) Workload() load.Totals                                     { return f.workload }
func (f *fake) Ledger() load.Ledger                                       { return f.ledger }
func (f *fake) Settle(context.Context) (load.Totals, error)               { return f.workload, nil }
func (f *fake) Dial(_ context.Context, s topology.Side) (net.Conn, error) { return f.dial(s) }

func (f *fake) Channel() secure.ChannelOptions {
	return secure.ChannelOptions{Host: "source.link", Port: 3306, User: secure.ReplicationUser, TLS: true, CA: "/ca.pem", VerifyIdentity: true}
}

func (f *fake) Mark(ctx context.Context) (replication.Mark, error) {
	return f.MarkAs(ctx, fmt.Sprintf("mark%028d", len(f.markers)))
}

func (f *fake) MarkAs(_ context.Context, marker string) (replication.Mark, error) {
	m := replication.Mark{Marker: marker, Epoch: 5, End: f.end}
	f.markers = append(f.markers, m.Marker)
	if f.marked != nil {
		f.marked()
	}
	return m, nil
}

func (f *fake) Login(_ context.Context, s topology.Side, l replication.Login) (*sql.DB, error) {
	if err := f.login(s, l); err != nil {
		return nil, err
	}
	return sql.OpenDB(f.servers[s]), nil
}

func (f *fake) List(_ context.Context, s topology.Side, _, dir string) ([]node.Stat, error) {
	var all []node.Stat
	for p, file := range f.disk[s] {
		if within(p, dir) {
			all = append(all, node.Stat{Path: p, Mode: fileMode(file.mode), UID: 27, Size: int64(len(file.content))})
		}
	}
	return all, nil
}

func (f *fake) Read(_ context.Context, s topology.Side, node, p string, limit int64) ([]byte, error) {
	file, ok := f.disk[s][p]
	if !ok {
		return nil, fmt.Errorf("read %s of %s %s: no such file", p, s, node)
	}
	if limit > 0 {
		return file.content[:min(int64(len(file.content)), limit)], nil
	}
	return file.content, nil
}

func (f *fake) Run(_ context.Context, s topology.Side, _ string, c node.Command) (node.Output, error) {
	return f.run(s, c)
}

func (f *fake) Sockets(context.Context, topology.Side, string) ([]node.Socket, error) {
	return nil, errors.New("no namespace")
}

func (f *fake) Addresses(context.Context) ([]node.Address, error) { return addresses(), nil }

func (f *fake) Capture(_ context.Context, at []topology.NodeRef, o node.CaptureOrder) (func(context.Context) ([]node.Captured, error), error) {
	if f.capture == nil {
		return nil, errors.New("operation not permitted")
	}
	return func(context.Context) ([]node.Captured, error) { return f.capture(at, o) }, nil
}

func (f *fake) Spare(_ context.Context, s topology.Side) (replication.Spare, error) {
	return fakeSpare{f, s}, nil
}

type fakeSpare struct {
	*fake
	side topology.Side
}

func (f fakeSpare) Login(context.Context, replication.Login) (*sql.DB, error) {
	if f.spares[f.side].down {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	return sql.OpenDB(f.spares[f.side]), nil
}

func (f fakeSpare) GiveUp(context.Context) error {
	f.given = append(f.given, f.side)
	return nil
}

func (f *fake) Rogue(_ context.Context, s topology.Side, c node.Command) (node.Output, error) {
	return f.rogue(s, c)
}

func (f *fake) RootSQL(_ context.Context, s topology.Side, statements string) (string, error) {
	f.servers[s].heard = append(f.servers[s].heard, "root: "+statements)
	return "", nil
}

func (f *fake) Put(_ context.Context, s topology.Side, _ string, file topology.File) error {
	f.disk[s][file.Path] = fakeFile{file.Content, uint32(file.Mode)}
	return nil
}

func (f *fake) Listen(context.Context, topology.Side, string, int) (func() error, error) {
	return func() error { return nil }, nil
}

func (f *fake) ServerFiles(topology.Side, secure.Identity) ([]topology.File, error) {
	return nil, nil
}

func (f *fake) Restart(context.Context, topology.Side, ...secure.Weakness) error { return nil }

var _ Bench = (*fake)(nil)
