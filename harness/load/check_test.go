package load

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/topology"
)

// empty is a server without rows, that refuses its first queries.
type empty struct{ refusals []error }

func (e *empty) Connect(context.Context) (driver.Conn, error) { return e, nil }
func (e *empty) Driver() driver.Driver                        { return nil }
func (e *empty) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrSkip }
func (e *empty) Close() error                                 { return nil }
func (e *empty) Begin() (driver.Tx, error)                    { return nil, driver.ErrSkip }

func (e *empty) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	if len(e.refusals) == 0 {
		return &fakeRows{n: 1 + len(narrow())}, nil
	}
	err := e.refusals[0]
	e.refusals = e.refusals[1:]
	return nil, err
}

// inserted is the book of so many acknowledged inserts.
func inserted(t *testing.T, n int) *Book {
	t.Helper()
	dir, w := filepath.Join(t.TempDir(), "l"), Inserts()
	l, err := createLedger(dir, Header{Workload: w.Name, Connections: 1, First: []uint64{1}})
	require.NoError(t, err)
	d := newDealer(&w, 1, 0, 1, []uint64{1})
	for range n {
		op := d.next(nil)
		require.NoError(t, l.begin(0, op))
		require.NoError(t, l.settle(0, acked))
	}
	require.NoError(t, l.close())
	b, err := openBook(dir)
	require.NoError(t, err)
	return b
}

// Rows of a table that is gone, or whose database is, are missing rows; what NDB
// refuses for now is read again; anything else is an error.
func TestCheckOfWhatCannotBeRead(t *testing.T) {
	b := inserted(t, 3)
	busy := &mysql.MySQLError{Number: 1297, Message: "Got temporary error 266 'Time-out in NDB' from NDBCLUSTER"}
	denied := &mysql.MySQLError{Number: 1142}
	for name, c := range map[string]struct {
		refusals []error
		want     error
	}{
		"an empty table":    {nil, nil},
		"no table":          {[]error{&mysql.MySQLError{Number: 1146}}, nil},
		"no database":       {[]error{&mysql.MySQLError{Number: 1049}}, nil},
		"busy for a moment": {[]error{busy, busy}, nil},
		"not allowed":       {[]error{denied}, denied},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := &empty{c.refusals}
			db := sql.OpenDB(server)
			defer db.Close() //nolint:errcheck // a fake
			found, err := b.Check(t.Context(), topology.Replica, db)
			require.ErrorIs(t, err, c.want, name)
			assert.Empty(t, server.refusals, name)
			if c.want == nil {
				assert.Equal(t, []int64{3, 3}, []int64{found.Expected, found.Missing}, name)
			}
		})
	}
}
