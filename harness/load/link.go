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

// prepare makes what is missing and gives for each table the lowest key that the
// writer may call its own. Statements that a busy cluster refuses for now are sent
// again, and those whose answer was lost too: they do nothing the second time.
func prepare(ctx context.Context, db *sql.DB, w *Workload, o Options) (first []uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	err = poll.Every(ctx, retryPause, "database and tables", func(ctx context.Context) error {
		for _, q := range w.Schema(o.Engine) {
			if _, err := db.ExecContext(ctx, q); err != nil {
				return lasting(err)
			}
		}
		first = make([]uint64, len(w.Tables))
		for i, t := range w.Tables {
			if err := engineOf(ctx, db, w, t, o.Engine); err != nil {
				return err
			}
			if err := db.QueryRowContext(ctx, w.highest(i)).Scan(&first[i]); err != nil {
				return lasting(err)
			}
			if first[i]++; t.Form == Schemas {
				first[i] = max(first[i], 1)
			}
		}
		return nil
	})
	return first, err
}

func engineOf(ctx context.Context, db *sql.DB, w *Workload, t Table, want string) error {
	if t.Form == Schemas {
		return nil
	}
	var engine string
	const q = "SELECT engine FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
	if err := db.QueryRowContext(ctx, q, w.Database, t.Name).Scan(&engine); err != nil {
		return lasting(err)
	}
	if !strings.EqualFold(engine, want) {
		return poll.Stop(fmt.Errorf("the engine of %s.%s is %s instead of %s", w.Database, t.Name, engine, want))
	}
	return nil
}

// lasting ends a wait at an error that will not pass.
func lasting(err error) error {
	if err != nil && fateOf(err) == failed {
		return poll.Stop(err)
	}
	return err
}

// link is a connection with its prepared statements. It is opened when it is
// needed, so after a loss the next write opens it again.
type link struct {
	db       *sql.DB
	sever    func() // nil: the driver watches
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

// session makes the writes independent of the server's and the pool's defaults.
const session = "SET NAMES utf8mb4, autocommit = 1, sql_mode = 'STRICT_ALL_TABLES'"

func (l *link) open(ctx context.Context) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	l.conn, l.prepared = conn, map[string]*sql.Stmt{}
	_, err = conn.ExecContext(ctx, session)
	return err
}

// send carries a write out and waits for the server's answer. An error with
// errUnsent came before anything was sent that could change a row for good: a
// transaction before its COMMIT is such a thing.
func (l *link) send(ctx context.Context, all []statement) error {
	err := l.carryOut(ctx, all)
	var server *mysql.MySQLError
	if err != nil && (len(all) > 1 || !errors.As(err, &server)) {
		l.close() // a transaction that is open on it is rolled back
	}
	return err
}

func (l *link) carryOut(ctx context.Context, all []statement) error {
	if l.conn == nil {
		if err := l.open(ctx); err != nil {
			return before(err)
		}
	}
	if err := l.prepareAll(ctx, all); err != nil {
		return before(err)
	}
	if err := ctx.Err(); err != nil {
		return before(err)
	}
	if len(all) == 1 {
		return l.exec(ctx, all[0])
	}
	if err := l.exec(ctx, statement{sql: "BEGIN"}); err != nil {
		return before(err)
	}
	for _, s := range all {
		if err := l.exec(ctx, s); err != nil {
			return before(err)
		}
	}
	return l.exec(ctx, statement{sql: "COMMIT"})
}

func before(err error) error { return fmt.Errorf("%w: %w", errUnsent, err) }

// prepareAll prepares what has not been prepared on this connection.
func (l *link) prepareAll(ctx context.Context, all []statement) error {
	for _, s := range all {
		if s.args == nil || l.prepared[s.sql] != nil {
			continue
		}
		p, err := l.conn.PrepareContext(ctx, s.sql) //nolint:sqlclosecheck // it ends with its connection
		if err != nil {
			return err
		}
		l.prepared[s.sql] = p
	}
	return nil
}

func (l *link) exec(ctx context.Context, s statement) error {
	if l.sever != nil {
		defer context.AfterFunc(ctx, l.sever)()
		ctx = context.WithoutCancel(ctx)
	}
	var err error
	if s.args == nil {
		_, err = l.conn.ExecContext(ctx, s.sql)
	} else {
		_, err = l.prepared[s.sql].ExecContext(ctx, s.args...)
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
	l.conn, l.prepared = nil, nil
}
