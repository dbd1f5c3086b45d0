package replication

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"time"

	"ndbproof/harness/epoch"
	"ndbproof/harness/poll"
)

// HarnessTables makes the harness's own tables, locally on each side, so that a
// cluster can be asked before there is a channel.
const HarnessTables = `SET SESSION sql_log_bin=0;
CREATE DATABASE IF NOT EXISTS ndbproof;
CREATE TABLE IF NOT EXISTS ndbproof.fence (id INT UNSIGNED NOT NULL PRIMARY KEY, n BIGINT UNSIGNED NOT NULL) ENGINE=NDBCLUSTER;
CREATE TABLE IF NOT EXISTS ndbproof.marker (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, marker VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL) ENGINE=NDBCLUSTER;
REPLACE INTO ndbproof.fence VALUES (0, 0);
`

// Row 0 of ndbproof.fence counts, row 1 is the fence itself.
const (
	countUp   = "UPDATE ndbproof.fence SET n=n+1 WHERE id=0"
	countZero = "UPDATE ndbproof.fence SET n=0 WHERE id=0"
)

// commit runs statements on one session and gives the epoch of the last one.
func (s *Server) commit(ctx context.Context, statements ...string) (epoch.Epoch, error) {
	conn, err := s.DB.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("open a session on %s: %w", s, err)
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	for _, q := range statements {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return 0, fmt.Errorf("commit on %s: %w", s, err)
		}
	}
	var name string
	var n uint64
	if err := conn.QueryRowContext(ctx, "SHOW STATUS LIKE 'Ndb_last_commit_epoch_session'").Scan(&name, &n); err != nil {
		return 0, fmt.Errorf("read the epoch of a commit on %s: %w", s, err)
	}
	if n == 0 {
		return 0, fmt.Errorf("read the epoch of a commit on %s: the server says 0: the session wrote nothing to NDB", s)
	}
	return epoch.Epoch(n), nil
}

// CommitLogged commits one row that goes into the binary log, and waits until it
// is there. It leaves the harness's counter at 1: PurgeClearLogs takes it back.
func (s *Server) CommitLogged(ctx context.Context) error {
	e, err := s.commit(ctx, countUp)
	if err != nil {
		return err
	}
	return s.awaitLogged(ctx, e)
}

// AwaitInjector commits one logged row and waits until the binlog injector has put
// its epoch into the binary log. On releases with defect F1 this is what makes it
// safe to switch encryption on afterwards: the injector's thread configures its
// cache at the first epoch that it logs. A row committed with sql_log_bin=0 does
// not do: NDB itself filters such rows out, and no epoch reaches the thread.
func (s *Server) AwaitInjector(ctx context.Context) error {
	e, err := s.commit(ctx, countUp, countZero)
	if err != nil {
		return err
	}
	return s.awaitLogged(ctx, e)
}

// AwaitWritable waits until NDB takes writes at a server that was started again.
// Nothing is logged.
func (s *Server) AwaitWritable(ctx context.Context) error {
	return poll.Every(ctx, 200*time.Millisecond, fmt.Sprintf("%s to take writes to NDB", s), func(ctx context.Context) error {
		_, err := s.commit(ctx, "SET SESSION sql_log_bin=0", countUp, countZero, "SET SESSION sql_log_bin=1")
		return err
	})
}

// awaitLogged waits until the binlog injector has put an epoch into the binary log.
// It gives up at once where a server that has received no epoch says that it logs
// none.
func (s *Server) awaitLogged(ctx context.Context, e epoch.Epoch) error {
	return poll.Until(ctx, fmt.Sprintf("epoch %s in the binary log of %s", e, s), func(ctx context.Context) error {
		b, err := s.injector(ctx)
		if err != nil {
			return err
		}
		if b.LatestHandled >= e {
			return nil
		}
		err = fmt.Errorf("handled up to %s, received up to %s", b.LatestHandled, b.LatestReceived)
		if b.LatestReceived == 0 && !s.logsRows(ctx) {
			return poll.Stop(fmt.Errorf("ndb_log_bin is off there: no row reaches the binary log; %w", err))
		}
		return err
	})
}

// logsRows is false only when the server says so.
func (s *Server) logsRows(ctx context.Context) bool {
	on := true
	err := s.DB.QueryRowContext(ctx, "SELECT @@GLOBAL.ndb_log_bin").Scan(&on)
	return err != nil || on
}

// injector reads how far the binlog injector is.
func (s *Server) injector(ctx context.Context) (epoch.Binlog, error) {
	rows, err := Rows(ctx, s.DB, "SHOW ENGINE NDB STATUS")
	if err != nil {
		return epoch.Binlog{}, fmt.Errorf("ask %s for its binlog injector: %w", s, err)
	}
	for _, r := range rows {
		if r["Name"] == "binlog" {
			return epoch.ParseBinlog(r["Status"])
		}
	}
	return epoch.Binlog{}, fmt.Errorf("ask %s for its binlog injector: no row `binlog`", s)
}

// indexed reads a place from mysql.ndb_binlog_index by a query about an epoch.
func (s *Server) indexed(ctx context.Context, query string, e epoch.Epoch) (Position, error) {
	var at Position
	err := s.DB.QueryRowContext(ctx, query, uint64(e)).Scan(&at.File, &at.Pos)
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("there is no such row")
	}
	if err != nil {
		return at, fmt.Errorf("find epoch %s in the binlog index of %s: %w", e, s, err)
	}
	at.File = path.Base(at.File)
	return at, nil
}
