package replication

import (
	"context"
	"errors"
	"fmt"

	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// BinaryLog is a row of SHOW BINARY LOGS.
type BinaryLog struct {
	Name      string `json:"name"`
	Encrypted bool   `json:"encrypted"`
}

// BinaryLogs are those that the server lists, oldest first.
func (s *Server) BinaryLogs(ctx context.Context) ([]BinaryLog, error) {
	rows, err := Rows(ctx, s.DB, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("ask %s for its binary logs: %w", s, err)
	}
	all := []BinaryLog{}
	for _, r := range rows {
		all = append(all, BinaryLog{r["Log_name"], r["Encrypted"] == "Yes"})
	}
	return all, nil
}

// EndOfLog is where the server's binary log ends now.
func (s *Server) EndOfLog(ctx context.Context) (Position, error) {
	var at Position
	rows, err := Rows(ctx, s.DB, s.Words().ShowBinaryLogStatus)
	if err == nil && len(rows) == 0 {
		err = errors.New("it keeps no binary log")
	}
	if err == nil {
		at.File = rows[0]["File"]
		at.Pos, err = parseNumber(rows[0], "Position")
	}
	if err != nil {
		return at, fmt.Errorf("find the end of the binary log of %s: %w", s, err)
	}
	return at, nil
}

// EncryptsLate tells whether encryption is switched on by SQL after a start, since
// the release has defect F1.
func (s *Server) EncryptsLate() bool { return s.Spec().EncryptsLate() }

// EncryptLogs switches log encryption on at run time. It is never persisted: the
// next start would crash where defect F1 is.
func (s *Server) EncryptLogs(ctx context.Context) error {
	return s.exec(ctx, "encrypt the logs", secure.EncryptionOn)
}

// EncryptNew encrypts the logs of a new server where its configuration could not,
// because the release has defect F1 (docs/findings.md): once the injector is ready,
// and then without the clear log that came before. It tells whether it had to.
func (s *Server) EncryptNew(ctx context.Context) (late bool, err error) {
	if !s.EncryptsLate() {
		return false, nil
	}
	for _, q := range secure.EncryptNewSQL(s.Words()) {
		if err := s.exec(ctx, q, q); err != nil {
			return true, err
		}
	}
	return true, nil
}

// EncryptAgain does after a restart what EncryptNew does on a new server: it logs a
// row and switches encryption on. The clear logs written since the start stay:
// the caller purges them once the replica has read them.
func (s *Server) EncryptAgain(ctx context.Context) error {
	if !s.EncryptsLate() {
		return nil
	}
	if err := s.CommitLogged(ctx); err != nil {
		return err
	}
	return s.EncryptLogs(ctx)
}

// EncryptRestarted encrypts the logs of a server that was restarted while no write
// was under way, and removes those from before.
func (s *Server) EncryptRestarted(ctx context.Context) error {
	p := s.Spec().Profile
	if !p.BinlogEncryption {
		return nil
	}
	encrypt := s.EncryptLogs
	if p.NdbLogBin {
		encrypt = s.EncryptAgain
	}
	if err := encrypt(ctx); err != nil {
		return err
	}
	return s.PurgeClearLogs(ctx)
}

// PurgeClearLogs removes the logs from before the one that is being written. The row
// that CommitLogged logged is the harness's own counter, which goes back to 0, so
// that both sides have the same.
func (s *Server) PurgeClearLogs(ctx context.Context) error {
	const doing = "remove the older logs"
	if s.Side == topology.Replica {
		if err := s.exec(ctx, doing, s.Words().ResetBinaryLogs); err != nil {
			return err
		}
	} else if err := s.KeepLogs(ctx, 1); err != nil {
		return err
	}
	return s.exec(ctx, doing, countZero)
}

// KeepLogs purges all binary logs but the newest n.
func (s *Server) KeepLogs(ctx context.Context, n int) error {
	all, err := s.BinaryLogs(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("purge binary logs of %s: it shows none", s)
	}
	if len(all) <= n {
		return nil
	}
	return s.exec(ctx, "remove the older logs", "PURGE BINARY LOGS TO "+secure.QuoteString(all[len(all)-n].Name))
}

// noSuchLog is ER_ERROR_WHEN_EXECUTING_COMMAND, by which SHOW RELAYLOG EVENTS refuses a
// log that is not in the index ("Could not find target log").
const noSuchLog = 1220

// hasRelayLog tells whether a relay log is in the server's index.
func (s *Server) hasRelayLog(ctx context.Context, name string) (bool, error) {
	_, err := Rows(ctx, s.DB, "SHOW RELAYLOG EVENTS IN "+secure.QuoteString(name)+" LIMIT 1")
	if number, _, ok := ErrorNumber(err); ok && number == noSuchLog {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for relay log %s of %s: %w", name, s, err)
	}
	return true, nil
}
