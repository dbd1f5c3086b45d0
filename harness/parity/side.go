package parity

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

// side is one of the two servers: its sessions and its schema.
type side struct {
	name      topology.Side
	db        *sql.DB
	uuid      string // the server's own
	sessions  []*session
	databases facts
	tables    map[tableName]*table
}

// settings make what a session reads depend on the stored rows alone: UTC for
// TIMESTAMP, strings in the bytes they are stored in, no limits of the account or
// the server, and nothing can be written.
const settings = `SET SESSION time_zone = '+00:00', sql_mode = '', character_set_results = NULL,
 max_execution_time = 0, sql_select_limit = DEFAULT, net_write_timeout = 600, group_concat_max_len = 16777216,
 information_schema_stats_expiry = 0, transaction_read_only = ON`

func (s *side) open(ctx context.Context, o Options) error {
	err := s.connect(ctx, o.Connections)
	if err != nil {
		return err
	}
	if s.uuid, err = Server(ctx, s.sessions[0].conn); err != nil {
		return fmt.Errorf("ask the %s who it is: %w", s.name, err)
	}
	if err := s.readSchema(ctx, o); err != nil {
		return fmt.Errorf("read the schema of the %s: %w", s.name, err)
	}
	return nil
}

// connect begins sessions, and ends those that there were.
func (s *side) connect(ctx context.Context, connections int) error {
	s.close()
	s.sessions = nil
	for range connections {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect to the %s: %w", s.name, err)
		}
		n := &session{conn: conn}
		s.sessions = append(s.sessions, n)
		if err := n.prepare(ctx); err != nil {
			return fmt.Errorf("prepare a session on the %s: %w", s.name, err)
		}
	}
	return nil
}

// Server tells two servers apart, wherever they listen: it is the server_uuid.
func Server(ctx context.Context, db replication.Querier) (uuid string, err error) {
	err = query(ctx, db, "SELECT @@server_uuid", nil, func(v []string) { uuid = v[0] })
	return uuid, err
}

// close ends the sessions. They must not go back to the pool with their settings:
// a bad connection is one that the pool throws away.
func (s *side) close() {
	for _, n := range s.sessions {
		_ = n.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = n.conn.Close()
	}
}

// session is one connection and the buffers that its rows pass through. It is
// used by one goroutine at a time.
type session struct {
	conn               *sql.Conn
	timesAsText        bool // the DSN has parseTime: ask for text, for time.Time has no 0000-00-00
	dest               []driver.Value
	canonical, scratch []byte
}

func (s *session) prepare(ctx context.Context) error {
	for _, q := range []string{"SET NAMES utf8mb4", settings} {
		if _, err := s.conn.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return s.scan(ctx, "SELECT TIMESTAMP'2000-01-01 00:00:00'", 1, nil, func(row []driver.Value) error {
		_, text := row[0].([]byte)
		s.timesAsText = !text
		return nil
	})
}

// scan runs a query of n columns and visits its rows as the driver gives them,
// in the text protocol; bytes are valid until the next row. It goes past
// database/sql's Scan, which would turn integers back into text and copy: a
// quarter of the client's time.
//
// What NDB refuses for now is read once more from its beginning: forget forgets
// what was visited; nil: there is nothing to forget.
func (s *session) scan(ctx context.Context, query string, n int, forget func(), visit func([]driver.Value) error) error {
	err := s.scanOnce(ctx, query, n, visit)
	if !temporary(err) {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = poll.Every(limited, pause, "NDB to answer a read", func(context.Context) error { // err is the last one seen
		if forget != nil {
			forget()
		}
		if err = s.scanOnce(ctx, query, n, visit); err != nil && !temporary(err) {
			return poll.Stop(err)
		}
		return err
	})
	return err
}

// patience is for how long a read is begun again that NDB refuses for now.
const patience = 30 * time.Second

// temporary errors pass by themselves (manual, ndbapi-errors: the application is
// to try again). 1205 is how NDB's 266 and 274 arrive, a time-out that a lock or a
// busy data node (TransactionDeadlockDetectionTimeout, 1.2 s) has caused, 1297 is
// how most others do.
func temporary(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && (server.Number == 1205 || server.Number == 1297)
}

func (s *session) scanOnce(ctx context.Context, query string, n int, visit func([]driver.Value) error) error {
	if cap(s.dest) < n {
		s.dest = make([]driver.Value, n)
	}
	dest := s.dest[:n]
	return s.conn.Raw(func(dc any) error {
		q, ok := dc.(driver.QueryerContext)
		if !ok {
			return fmt.Errorf("run a query: driver connection %T has no QueryContext", dc)
		}
		rows, err := q.QueryContext(ctx, query, nil)
		if err != nil {
			return err
		}
		if got := len(rows.Columns()); got != n {
			return errors.Join(fmt.Errorf("run a query: %d columns instead of %d", got, n), rows.Close())
		}
		for {
			if err = rows.Next(dest); err != nil {
				break
			}
			if err = visit(dest); err != nil {
				break
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return errors.Join(err, rows.Close())
	})
}

// entry digests one row whose first keys columns are its key.
func (s *session) entry(row []driver.Value, columns []column, keys int) (entry, error) {
	var err error
	if s.canonical, s.scratch, err = appendRow(s.canonical[:0], s.scratch, columns[:keys], row[:keys]); err != nil {
		return entry{}, err
	}
	key := len(s.canonical)
	if s.canonical, s.scratch, err = appendRow(s.canonical, s.scratch, columns[keys:], row[keys:]); err != nil {
		return entry{}, err
	}
	e := entry{row: digestOf(s.canonical)}
	e.key = e.row
	if keys > 0 {
		e.key = digestOf(s.canonical[:key])
	}
	return e, nil
}

// count gives the exact number of rows.
func (s *session) count(ctx context.Context, n tableName) (int64, error) {
	var rows int64
	err := s.scan(ctx, "SELECT COUNT(*) FROM "+n.quoted(), 1, nil, func(row []driver.Value) error {
		var ok bool
		if rows, ok = row[0].(int64); !ok {
			return fmt.Errorf("count the rows of %s: the driver gave a %T", n, row[0])
		}
		return nil
	})
	return rows, err
}
