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
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

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
	before  func(q string) error // called with each statement; an error is its answer
	down    bool                 // logins are refused from now on
	ended   string               // the statement that ends it, with the connection
}

type answer struct {
	part    string
	once    bool // it is given to one statement only
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
	if s.before != nil {
		if err := s.before(q); err != nil {
			return answer{err: err}
		}
	}
	for i, a := range s.answers {
		if strings.Contains(q, a.part) {
			if a.once {
				s.answers = slices.Delete(s.answers, i, i+1)
			}
			return a
		}
	}
	return answer{}
}

// on puts an answer before the others.
func (s *server) on(part string, columns string, rows ...[]any) {
	s.answers = slices.Insert(s.answers, 0, answer{part: part, columns: strings.Fields(columns), rows: rows})
}

// once is on for one statement.
func (s *server) once(part string, columns string, rows ...[]any) {
	s.on(part, columns, rows...)
	s.answers[0].once = true
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

// fake is a pair without containers: all parts of a Subject but the channel, which is
// a real one between two fake servers.
type fake struct {
	t        *testing.T
	specs    map[topology.Side]topology.Spec
	servers  map[topology.Side]*server
	channel  *replication.Channel
	spares   map[topology.Side]*server // on which statements are tried that would do harm
	given    []topology.Side           // up, of the spare servers
	disk     map[topology.Side]map[string]fakeFile
	markers  []string // that were committed
	end      replication.Position
	run      func(topology.Side, node.Command) (node.Output, error)
	login    func(topology.Side, replication.Login) error
	dial     func(topology.Side) (net.Conn, error)
	leaves   map[topology.Side]*x509.Certificate
	ca       *x509.Certificate
	behind   error                  // of CatchUp: the fence cannot be committed
	marked   func()                 // called when a marker is committed
	scanned  func(*node.PairSearch) // what a search found, to be changed
	capture  func([]topology.NodeRef, node.CaptureOrder) ([]node.Captured, error)
	intrude  func(topology.Side, node.Command) (node.Output, error)
	sockets  func(topology.Side, string) ([]node.Socket, error)
	workload load.Totals
	ledger   fakeLedger
	acts     transcript // all that was done to the pair
	fails    func(act string) error
}

// transcript is what was done, in order.
type transcript struct {
	sync.Mutex
	lines []string
}

// note notes that something is done to a side, and gives the error with which it ends.
func (f *fake) note(side topology.Side, words ...any) error {
	f.acts.Lock()
	defer f.acts.Unlock()
	line := strings.Join(append([]string{string(side)}, strings.Fields(fmt.Sprintln(words...))...), " ")
	f.acts.lines = append(f.acts.lines, line)
	if f.fails == nil {
		return nil
	}
	return f.fails(line)
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
		spares: map[topology.Side]*server{}, disk: map[topology.Side]map[string]fakeFile{},
		end: replication.Position{File: "binlog.000002", Pos: 900},
	}
	servers := map[topology.Side]*replication.Server{}
	for _, side := range topology.Sides {
		f.specs[side] = topology.Standard(side, r, release.Layout{UID: 27, GID: 27}, secure.Seed2021())
		f.servers[side], f.spares[side], f.disk[side] = &server{}, &server{}, map[string]fakeFile{}
		servers[side] = &replication.Server{
			Side: side, Name: "sql", Spec: func() topology.Spec { return f.specs[side] },
			Dial: func(context.Context) (net.Conn, error) { return f.dial(side) },
			Login: func(_ context.Context, l replication.Login) (*sql.DB, error) {
				if err := f.login(side, l); err != nil {
					return nil, err
				}
				return sql.OpenDB(f.servers[side]), nil
			},
			DB: sql.OpenDB(f.servers[side]),
		}
		f.servers[side].before = func(q string) error { return f.hear(side, q) }
		t.Cleanup(servers[side].Close)
	}
	f.channel = replication.NewChannel(servers[topology.Source], servers[topology.Replica], f.Password(topology.Source, secure.ReplicationUser))
	source, replica := f.servers[topology.Source], f.servers[topology.Replica]
	source.on("SHOW STATUS LIKE 'Ndb_last_commit_epoch_session'", "Variable_name Value", []any{"Ndb_last_commit_epoch_session", "7"})
	source.on("SHOW ENGINE NDB STATUS", "Type Name Status", []any{
		"ndbcluster", "binlog",
		"latest_epoch=9, latest_trans_epoch=8, latest_received_binlog_epoch=9, latest_handled_binlog_epoch=8, latest_applied_binlog_epoch=0",
	})
	f.servers[topology.Replica].fails("SHOW RELAYLOG EVENTS", &mysql.MySQLError{Number: 1220, Message: "Could not find target log"})
	source.on("FROM mysql.ndb_binlog_index", "next_file next_position", []any{"./" + f.end.File, int64(f.end.Pos)})
	replica.on("SELECT epoch FROM mysql.ndb_apply_status", "epoch", []any{"9"})
	replica.on("FROM ndbproof.marker WHERE marker = ?", "n", []any{int64(1)})
	return f
}

// subject gives all parts.
func (f *fake) subject() Subject {
	return Subject{Spec: f.Spec, Channel: f.channel, Keys: f, Files: f, Host: f, Wire: f, Disks: f, Writers: f}
}

func (f *fake) bench() Bench { return Bench{f.subject(), f} }

// markerCommit finds a marker in the statement that commits it.
var markerCommit = regexp.MustCompile(`^INSERT INTO ndbproof\.marker VALUES \(\d+, '(\w+)'\)$`)

// hear is called with each statement that comes to a server.
func (f *fake) hear(side topology.Side, q string) error {
	if err := f.note(side, q); err != nil || side != topology.Source {
		return err
	}
	if strings.HasPrefix(q, "REPLACE INTO ndbproof.fence") {
		return f.behind
	}
	if m := markerCommit.FindStringSubmatch(q); m != nil {
		f.markers = append(f.markers, m[1])
		if f.marked != nil {
			f.marked()
		}
	}
	return nil
}

func (f *fake) Spec(s topology.Side) topology.Spec { return f.specs[s] }
func (f *fake) Password(_ topology.Side, u string) secret.Secret {
	return secret.Of("of " + u)
}
func (f *fake) Authority() *x509.Certificate                { return f.ca }
func (f *fake) Leaf(s topology.Side) *x509.Certificate      { return f.leaves[s] }
func (f *fake) Totals() load.Totals                         { return f.workload }
func (f *fake) Ledger() load.Ledger                         { return f.ledger }
func (f *fake) Settle(context.Context) (load.Totals, error) { return f.workload, nil }

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
	if err := f.note(s, "run", c.User, c.Argv); err != nil {
		return node.Output{}, err
	}
	return f.run(s, c)
}

func (f *fake) Sockets(_ context.Context, s topology.Side, name string) ([]node.Socket, error) {
	if f.sockets == nil {
		return nil, errors.New("no namespace")
	}
	return f.sockets(s, name)
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

func (f *fake) Intrude(_ context.Context, s topology.Side, c node.Command) (node.Output, error) {
	if err := f.note(s, "intrude", c.Argv); err != nil {
		return node.Output{}, err
	}
	return f.intrude(s, c)
}

func (f *fake) RootSQL(_ context.Context, s topology.Side, statements string) (string, error) {
	f.servers[s].heard = append(f.servers[s].heard, "root: "+statements)
	return "", f.note(s, "root:", statements)
}

func (f *fake) Put(_ context.Context, s topology.Side, _ string, file topology.File) error {
	if err := f.note(s, "put", file.Path, len(file.Content)); err != nil {
		return err
	}
	f.disk[s][file.Path] = fakeFile{file.Content, uint32(file.Mode)}
	return nil
}

func (f *fake) Listen(_ context.Context, s topology.Side, node string, port int) (func() error, error) {
	if err := f.note(s, "listen", node, port); err != nil {
		return nil, err
	}
	return func() error { return f.note(s, "stop listening", node, port) }, nil
}

func (f *fake) ServerFiles(topology.Side, secure.Identity) ([]topology.File, error) {
	return nil, nil
}

func (f *fake) Restart(_ context.Context, s topology.Side, ws ...secure.Weakness) error {
	return f.note(s, "restart", len(ws))
}
