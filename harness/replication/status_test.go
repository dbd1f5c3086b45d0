package replication

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// statusServer answers every query with the same rows.
type statusServer struct {
	columns []string
	rows    [][]driver.Value
}

func (s *statusServer) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s *statusServer) Driver() driver.Driver                        { return nil }
func (s *statusServer) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not prepared") }
func (s *statusServer) Close() error                                 { return nil }
func (s *statusServer) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }

func (s *statusServer) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &statusRows{s.columns, s.rows}, nil
}

type statusRows struct {
	columns []string
	left    [][]driver.Value
}

func (r *statusRows) Columns() []string { return r.columns }
func (r *statusRows) Close() error      { return nil }

func (r *statusRows) Next(dest []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	copy(dest, r.left[0])
	r.left = r.left[1:]
	return nil
}

func TestStatusWithoutAColumn(t *testing.T) {
	answers := &statusServer{columns: []string{"Replica_IO_Running"}}
	spec := topology.Standard(topology.Replica, release.MustParse("9.7.4"), release.Layout{UID: 27, GID: 27}, secure.Published2021())
	s := &Server{Side: topology.Replica, Name: "sql", Spec: func() topology.Spec { return spec }, DB: sql.OpenDB(answers)}
	defer s.Close()
	none, err := s.Status(t.Context())
	require.NoError(t, err)
	require.Zero(t, none, "a replica without a channel")

	answers.rows = [][]driver.Value{{"Yes"}}
	_, err = s.Status(t.Context())
	require.ErrorContains(t, err, "it has no column")
	answers.rows = [][]driver.Value{{"Yes"}, {"Yes"}}
	_, err = s.Status(t.Context())
	require.ErrorContains(t, err, "2 rows")
}

// A column that is missing, or that holds no number, never passes for a zero.
func TestParseStatusRefuses(t *testing.T) {
	w := release.MustParse("9.7.4").Words()
	good := func() Row {
		return Row{
			w.IORunning: "Yes", w.SQLRunning: "Yes", w.IOState: "", w.SQLState: "", w.LastIOErrno: "0", w.LastIOError: "",
			w.LastSQLErrno: "0", w.LastSQLError: "", w.SourceLogFile: "binlog.000002", w.ReadSourceLogPos: "900",
			w.RelaySourceLogFile: "binlog.000001", w.ExecSourceLogPos: "500", w.SecondsBehind: "", "Relay_Log_File": "relay.000003",
		}
	}
	s, err := parseStatus(good(), w)
	require.NoError(t, err)
	require.Nil(t, s.Behind, "the replica does not know")
	require.True(t, s.Run())
	require.Equal(t, Position{"binlog.000002", 900}, s.Received)
	require.Equal(t, Position{"binlog.000001", 500}, s.Applied)
	for name := range good() {
		r := good()
		delete(r, name)
		_, err := parseStatus(r, w)
		require.Error(t, err, name)
	}
	for _, name := range []string{w.LastIOErrno, w.LastSQLErrno, w.ReadSourceLogPos, w.ExecSourceLogPos, w.SecondsBehind} {
		r := good()
		r[name] = "many"
		_, err := parseStatus(r, w)
		require.ErrorContains(t, err, name)
	}
}

func TestAtOrAfter(t *testing.T) {
	at := func(file string, pos uint64) Position { return Position{File: file, Pos: pos} }
	end := at("binlog.999999", 100)
	for p, want := range map[Position]bool{
		at("binlog.999999", 100): true, at("binlog.999999", 99): false, at("binlog.1000000", 4): true,
		at("binlog.000001", 500): false, {}: false,
	} {
		require.Equal(t, want, p.AtOrAfter(end), "%v", p)
	}
}
