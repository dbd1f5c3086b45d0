// Package claimtest has what the tests of several subjects need: a pair without containers, and
// checks of a claim's looks and judges. Only tests import it.
package claimtest

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/claim"
	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Pair is a pair without containers: all parts of a Subject but the channel, which is
// a real one between two fake servers.
type Pair struct {
	t         *testing.T
	Specs     map[topology.Side]topology.Spec
	Servers   map[topology.Side]*Server
	Channel   *replication.Channel
	Spares    map[topology.Side]*Server // on which statements are tried that would do harm
	GivenUp   []topology.Side           // of the spare servers
	Disk      map[topology.Side]map[string]File
	Markers   []string // that were committed
	End       replication.Position
	OnRun     func(topology.Side, node.Command) (node.Output, error)
	OnLogin   func(topology.Side, replication.Login) error
	OnDial    func(topology.Side) (net.Conn, error)
	Leaves    map[topology.Side]*x509.Certificate
	CA        *x509.Certificate
	Behind    error                  // of CatchUp: the fence cannot be committed
	OnMark    func()                 // called when a marker is committed
	OnScan    func(*node.PairSearch) // what a search found, to be changed
	OnCapture func([]topology.NodeRef, node.CaptureOrder) ([]node.Captured, error)
	OnIntrude func(topology.Side, node.Command) (node.Output, error)
	OnSockets func(topology.Side, string) ([]node.Socket, error)
	Workload  load.Totals
	Findings  Ledger
	acts      transcript // all that was done to the pair
	fails     func(act string) error
}

// transcript is what was done, in order.
type transcript struct {
	sync.Mutex
	lines []string
}

// note notes that something is done to a side, and gives the error with which it ends.
func (f *Pair) note(side topology.Side, words ...any) error {
	f.acts.Lock()
	defer f.acts.Unlock()
	line := strings.Join(append([]string{string(side)}, strings.Fields(fmt.Sprintln(words...))...), " ")
	f.acts.lines = append(f.acts.lines, line)
	if f.fails == nil {
		return nil
	}
	return f.fails(line)
}

// Ledger gives the findings of each side.
type Ledger map[topology.Side][]load.Findings

// Check gives the side's findings.
func (l Ledger) Check(_ context.Context, side topology.Side, _ *sql.DB) ([]load.Findings, error) {
	return l[side], nil
}

// Opinion knows every row.
func (Ledger) Opinion(database, table string, key uint64) string {
	return fmt.Sprintf("%s.%s %d is known", database, table, key)
}

// File is what the fake has on disk, with the bits of its mode.
type File struct {
	Content []byte
	Mode    uint32
}

// NewFile makes a file.
func NewFile(content []byte, mode uint32) File { return File{content, mode} }

// FailOn has acts of the pair end with the error that fails gives of them; nil: with none.
func (f *Pair) FailOn(fails func(act string) error) {
	f.acts.Lock()
	defer f.acts.Unlock()
	f.fails = fails
}

// NewPair makes a pair on a release, with no file and few answers.
func NewPair(t *testing.T, r release.Release) *Pair {
	t.Helper()
	f := &Pair{
		t: t, Specs: map[topology.Side]topology.Spec{}, Servers: map[topology.Side]*Server{},
		Spares: map[topology.Side]*Server{}, Disk: map[topology.Side]map[string]File{},
		End: replication.Position{File: "binlog.000002", Pos: 900},
	}
	servers := map[topology.Side]*replication.Server{}
	for _, side := range topology.Sides {
		f.Specs[side] = topology.Standard(side, r, release.Layout{UID: 27, GID: 27}, secure.Published2021())
		f.Servers[side], f.Spares[side], f.Disk[side] = &Server{}, &Server{}, map[string]File{}
		servers[side] = &replication.Server{
			Side: side, Name: "sql", Spec: func() topology.Spec { return f.Specs[side] },
			Dial: func(context.Context) (net.Conn, error) { return f.OnDial(side) },
			Login: func(_ context.Context, l replication.Login) (*sql.DB, error) {
				if err := f.OnLogin(side, l); err != nil {
					return nil, err
				}
				return sql.OpenDB(f.Servers[side]), nil
			},
			DB: sql.OpenDB(f.Servers[side]),
		}
		f.Servers[side].Before = func(q string) error { return f.hear(side, q) }
		t.Cleanup(servers[side].Close)
	}
	f.Channel = replication.NewChannel(servers[topology.Source], servers[topology.Replica], f.Password(topology.Source, secure.ReplicationUser))
	source, replica := f.Servers[topology.Source], f.Servers[topology.Replica]
	source.Answer("SHOW STATUS LIKE 'Ndb_last_commit_epoch_session'", "Variable_name Value", []any{"Ndb_last_commit_epoch_session", "7"})
	source.Answer("SHOW ENGINE NDB STATUS", "Type Name Status", []any{
		"ndbcluster", "binlog",
		"latest_epoch=9, latest_trans_epoch=8, latest_received_binlog_epoch=9, latest_handled_binlog_epoch=8, latest_applied_binlog_epoch=0",
	})
	replica.Fail("SHOW RELAYLOG EVENTS", &mysql.MySQLError{Number: 1220, Message: "Could not find target log"})
	source.Answer("FROM mysql.ndb_binlog_index", "next_file next_position", []any{"./" + f.End.File, int64(f.End.Pos)})
	replica.Answer("SELECT epoch FROM mysql.ndb_apply_status", "epoch", []any{"9"})
	replica.Answer("FROM ndbproof.marker WHERE marker = ?", "n", []any{int64(1)})
	return f
}

// Subject gives all parts.
func (f *Pair) Subject() claim.Subject {
	return claim.Subject{Spec: f.Spec, Channel: f.Channel, Keys: f, Files: f, Host: f, Wire: f, Disks: f, Writers: f, Promised: secure.Published2021()}
}

// Bench is the pair with its operator.
func (f *Pair) Bench() claim.Bench { return claim.Bench{Subject: f.Subject(), Operator: f} }

// markerCommit finds a marker in the statement that commits it.
var markerCommit = regexp.MustCompile(`^INSERT INTO ndbproof\.marker VALUES \(\d+, '(\w+)'\)$`)

// hear is called with each statement that comes to a server.
func (f *Pair) hear(side topology.Side, q string) error {
	if err := f.note(side, q); err != nil || side != topology.Source {
		return err
	}
	if strings.HasPrefix(q, "REPLACE INTO ndbproof.fence") {
		return f.Behind
	}
	if m := markerCommit.FindStringSubmatch(q); m != nil {
		f.Markers = append(f.Markers, m[1])
		if f.OnMark != nil {
			f.OnMark()
		}
	}
	return nil
}

// Spec and what follows make it all parts of a Subject, and an Operator.
func (f *Pair) Spec(s topology.Side) topology.Spec { return f.Specs[s] }

func (f *Pair) Password(_ topology.Side, u string) secret.Secret {
	return secret.Of("of " + u)
}

func (f *Pair) Authority() *x509.Certificate { return f.CA }

func (f *Pair) Leaf(s topology.Side) *x509.Certificate { return f.Leaves[s] }

func (f *Pair) Totals() load.Totals { return f.Workload }

func (f *Pair) Ledger() load.Ledger { return f.Findings }

func (f *Pair) Settle(context.Context) (load.Totals, error) { return f.Workload, nil }

func (f *Pair) List(_ context.Context, s topology.Side, _, dir string) ([]node.Stat, error) {
	var all []node.Stat
	for p, file := range f.Disk[s] {
		if claim.LiesWithin(p, dir) {
			all = append(all, node.Stat{Path: p, Mode: FileMode(file.Mode), UID: 27, Size: int64(len(file.Content))})
		}
	}
	return all, nil
}

func (f *Pair) Read(_ context.Context, s topology.Side, node, p string, limit int64) ([]byte, error) {
	file, ok := f.Disk[s][p]
	if !ok {
		return nil, fmt.Errorf("read %s of %s %s: no such file", p, s, node)
	}
	if limit > 0 {
		return file.Content[:min(int64(len(file.Content)), limit)], nil
	}
	return file.Content, nil
}

func (f *Pair) Run(_ context.Context, s topology.Side, _ string, c node.Command) (node.Output, error) {
	if err := f.note(s, "run", c.User, c.Argv); err != nil {
		return node.Output{}, err
	}
	return f.OnRun(s, c)
}

func (f *Pair) Sockets(_ context.Context, s topology.Side, name string) ([]node.Socket, error) {
	if f.OnSockets == nil {
		return nil, errors.New("no namespace")
	}
	return f.OnSockets(s, name)
}

func (f *Pair) Addresses(context.Context) ([]node.Address, error) { return PairAddresses(), nil }

func (f *Pair) Capture(_ context.Context, at []topology.NodeRef, o node.CaptureOrder) (func(context.Context) ([]node.Captured, error), error) {
	if f.OnCapture == nil {
		return nil, errors.New("operation not permitted")
	}
	return func(context.Context) ([]node.Captured, error) { return f.OnCapture(at, o) }, nil
}

func (f *Pair) Spare(_ context.Context, s topology.Side) (replication.Spare, error) {
	return fakeSpare{f, s}, nil
}

type fakeSpare struct {
	*Pair
	side topology.Side
}

func (f fakeSpare) Login(context.Context, replication.Login) (*sql.DB, error) {
	if f.Spares[f.side].Down {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	return sql.OpenDB(f.Spares[f.side]), nil
}

func (f fakeSpare) GiveUp(context.Context) error {
	f.GivenUp = append(f.GivenUp, f.side)
	return nil
}

func (f *Pair) Intrude(_ context.Context, s topology.Side, c node.Command) (node.Output, error) {
	if err := f.note(s, "intrude", c.Argv); err != nil {
		return node.Output{}, err
	}
	return f.OnIntrude(s, c)
}

func (f *Pair) RootSQL(_ context.Context, s topology.Side, statements string) (string, error) {
	f.Servers[s].Heard = append(f.Servers[s].Heard, "root: "+statements)
	return "", f.note(s, "root:", statements)
}

func (f *Pair) Put(_ context.Context, s topology.Side, _ string, file topology.File) error {
	if err := f.note(s, "put", file.Path, len(file.Content)); err != nil {
		return err
	}
	f.Disk[s][file.Path] = File{file.Content, uint32(file.Mode)}
	return nil
}

func (f *Pair) Listen(_ context.Context, s topology.Side, node string, port int) (func() error, error) {
	if err := f.note(s, "listen", node, port); err != nil {
		return nil, err
	}
	return func() error { return f.note(s, "stop listening", node, port) }, nil
}

func (f *Pair) ServerFiles(topology.Side, secure.Identity) ([]topology.File, error) {
	return nil, nil
}

func (f *Pair) Restart(_ context.Context, s topology.Side, ws ...secure.Weakness) error {
	return f.note(s, "restart", len(ws))
}
