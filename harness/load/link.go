package load

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/poll"
)

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (o Options) name() string   { return o.Database + "." + o.Table }
func (o Options) quoted() string { return quote(o.Database) + "." + quote(o.Table) }

func (o Options) insert() string {
	return "INSERT INTO " + o.quoted() + " (id, n, c, at, b) VALUES (?, ?, ?, ?, ?)"
}

// schema is what the procedure creates: a key, an integer, a text, a time, bytes.
func (o Options) schema() []string {
	return []string{
		"CREATE DATABASE IF NOT EXISTS " + quote(o.Database),
		"CREATE TABLE IF NOT EXISTS " + o.quoted() + ` (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  n INT NOT NULL,
  c VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  at DATETIME(6) NOT NULL,
  b VARBINARY(32) NULL
) ENGINE = ` + o.Engine,
	}
}

// prepare makes what is missing and gives the highest key in the table, 0 for none.
// Statements that a busy cluster refuses for now are sent again, and those whose
// answer was lost too: they do nothing the second time.
func prepare(ctx context.Context, db *sql.DB, o Options) (highest uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	err = poll.Every(ctx, retryPause, "database and table", func(ctx context.Context) error {
		for _, q := range o.schema() {
			if _, err := db.ExecContext(ctx, q); err != nil {
				return lasting(err)
			}
		}
		var engine string
		const q = "SELECT engine FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
		if err := db.QueryRowContext(ctx, q, o.Database, o.Table).Scan(&engine); err != nil {
			return lasting(err)
		}
		if !strings.EqualFold(engine, o.Engine) {
			return poll.Stop(fmt.Errorf("the table's engine is %s instead of %s", engine, o.Engine))
		}
		return lasting(db.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM "+o.quoted()).Scan(&highest))
	})
	return highest, err
}

// lasting ends a wait at an error that will not pass.
func lasting(err error) error {
	if err != nil && fateOf(err) == failed {
		return poll.Stop(err)
	}
	return err
}

// link is a connection with its prepared INSERT. It is opened when it is needed,
// so after a loss the next row opens it again.
type link struct {
	db     *sql.DB
	insert string
	conn   *sql.Conn
	stmt   *sql.Stmt
}

// session makes the writes independent of the server's and the pool's defaults.
const session = "SET NAMES utf8mb4, autocommit = 1, sql_mode = 'STRICT_ALL_TABLES'"

func (l *link) open(ctx context.Context) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	l.conn = conn
	if _, err = conn.ExecContext(ctx, session); err == nil {
		l.stmt, err = conn.PrepareContext(ctx, l.insert)
	}
	if err != nil {
		l.close()
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	return nil
}

// send inserts one row and waits for the server's answer.
func (l *link) send(ctx context.Context, r Row) error {
	if l.conn == nil {
		if err := l.open(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	var b any
	if r.B != nil {
		b = r.B
	}
	_, err := l.stmt.ExecContext(ctx, r.ID, r.N, r.C, r.At, b)
	var server *mysql.MySQLError
	if err != nil && !errors.As(err, &server) {
		l.close()
	}
	return err
}

// close ends the connection; with its changed settings it must not go back to the
// pool, and a bad connection is one that the pool throws away.
func (l *link) close() {
	if l.conn == nil {
		return
	}
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = l.conn.Close()
	l.conn, l.stmt = nil, nil
}
