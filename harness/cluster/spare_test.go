package cluster

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// accounts is a server with the same two rows in every table.
type accounts struct{ heard []string }

func (a *accounts) Connect(context.Context) (driver.Conn, error) { return a, nil }
func (a *accounts) Driver() driver.Driver                        { return nil }
func (a *accounts) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not prepared") }

func (a *accounts) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }
func (a *accounts) Close() error              { return nil }

func (a *accounts) ExecContext(_ context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	said := []string{q}
	for _, v := range args {
		if v.Value == nil {
			v.Value = "NULL"
		}
		said = append(said, v.Value.(string))
	}
	a.heard = append(a.heard, strings.Join(said, "|"))
	return driver.RowsAffected(1), nil
}

func (a *accounts) QueryContext(_ context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	if q == accountSettings {
		return &twoRows{[][]driver.Value{{"mandatory_roles", "`r`@`%`"}}}, nil
	}
	return &twoRows{[][]driver.Value{{"user1", nil}, {"it's", "a\\b"}}}, nil
}

type twoRows struct{ left [][]driver.Value }

func (*twoRows) Columns() []string { return []string{"User", "Host"} }
func (*twoRows) Close() error      { return nil }

func (r *twoRows) Next(into []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	copy(into, r.left[0])
	r.left = r.left[1:]
	return nil
}

// A spare server gets all rows of all tables of accounts, as arguments, and then
// reads them; what gives every account more comes after that.
func TestSpareFollows(t *testing.T) {
	from, to := &accounts{}, &accounts{}
	side := sql.OpenDB(from)
	n := standing(t).SQLNode()
	s := &spare{Node: n, sql: n.server()}
	s.sql.DB = sql.OpenDB(to)
	t.Cleanup(func() { assert.NoError(t, errors.Join(side.Close(), s.sql.DB.Close())) })
	require.NoError(t, s.follow(t.Context(), side))
	assert.Empty(t, from.heard, "nothing is changed there")
	want := []string{"SET SESSION sql_mode=''", "BEGIN"}
	for _, table := range accountTables {
		insert := "INSERT INTO mysql." + table + " (`User`, `Host`) VALUES (?, ?)"
		want = append(want, "DELETE FROM mysql."+table, insert+"|user1|NULL", insert+`|it's|a\b`)
	}
	assert.Equal(t, append(want, "COMMIT", "FLUSH PRIVILEGES", "SET GLOBAL mandatory_roles = ?|`r`@`%`"), to.heard)
}
