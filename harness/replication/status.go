package replication

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ndbproof/harness/release"
)

// Status is what SHOW REPLICA STATUS says of the channel ” and its two threads. The
// zero value is a replica without a channel.
type Status struct {
	Configured   bool      `json:"configured"`
	Receiver     string    `json:"receiver"` // Yes, No, Connecting
	Applier      string    `json:"applier"`
	ReceiverDoes string    `json:"receiver_does"` // "Waiting for source to send event"
	ApplierDoes  string    `json:"applier_does"`
	ReceiverErr  LastError `json:"receiver_error"`
	ApplierErr   LastError `json:"applier_error"`
	Received     Position  `json:"received"` // in the source's binary log
	Applied      Position  `json:"applied"`
	RelayLog     string    `json:"-"` // the file that the applier reads
	// Behind is how many seconds the applier is behind what the receiver has; nil
	// where the replica does not know.
	Behind *int64 `json:"behind,omitempty"`
}

// LastError is the last error of a thread; the zero value is none.
type LastError struct {
	Number  uint64 `json:"number"`
	Message string `json:"message,omitempty"`
}

// Run tells whether both threads run.
func (s Status) Run() bool { return s.Receiver == "Yes" && s.Applier == "Yes" }

// Status asks the server for the channel by which it is a replica.
func (s *Server) Status(ctx context.Context) (Status, error) {
	w := s.Words()
	rows, err := Rows(ctx, s.DB, w.ShowReplicaStatus+" FOR CHANNEL ''")
	if err != nil {
		return Status{}, fmt.Errorf("ask %s for its channel: %w", s, err)
	}
	switch len(rows) {
	case 0:
		return Status{}, nil
	case 1:
		return parseStatus(rows[0], w)
	}
	return Status{}, fmt.Errorf("ask %s for its channel: %d rows, where one was expected", s, len(rows))
}

// parseStatus reads the one row. A column that is missing, or a number that cannot be
// read, is an error: neither may pass for a zero.
func parseStatus(row Row, w release.Words) (Status, error) {
	s := Status{Configured: true}
	for name, into := range map[string]*string{
		w.IORunning: &s.Receiver, w.SQLRunning: &s.Applier, w.IOState: &s.ReceiverDoes, w.SQLState: &s.ApplierDoes,
		w.LastIOError: &s.ReceiverErr.Message, w.LastSQLError: &s.ApplierErr.Message,
		w.SourceLogFile: &s.Received.File, w.RelaySourceLogFile: &s.Applied.File, "Relay_Log_File": &s.RelayLog,
	} {
		v, ok := row[name]
		if !ok {
			return s, fmt.Errorf("read the replica's status: it has no column %s", name)
		}
		*into = v
	}
	for name, into := range map[string]*uint64{
		w.LastIOErrno: &s.ReceiverErr.Number, w.LastSQLErrno: &s.ApplierErr.Number,
		w.ReadSourceLogPos: &s.Received.Pos, w.ExecSourceLogPos: &s.Applied.Pos,
	} {
		var err error
		if *into, err = parseNumber(row, name); err != nil {
			return s, err
		}
	}
	if row[w.SecondsBehind] != "" {
		n, err := strconv.ParseInt(row[w.SecondsBehind], 10, 64)
		if err != nil {
			return s, fmt.Errorf("read %s of the replica's status: %w", w.SecondsBehind, err)
		}
		s.Behind = &n
	} else if _, ok := row[w.SecondsBehind]; !ok {
		return s, fmt.Errorf("read the replica's status: it has no column %s", w.SecondsBehind)
	}
	return s, nil
}

func parseNumber(row Row, name string) (uint64, error) {
	n, err := strconv.ParseUint(row[name], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s of a status: %w", name, err)
	}
	return n, nil
}

// AtOrAfter tells whether a position is at or behind another of the same server. Files
// of one server count upwards in their suffix.
func (p Position) AtOrAfter(end Position) bool {
	a, b := suffix(p.File), suffix(end.File)
	return a > b || a == b && p.Pos >= end.Pos
}

// suffix is the number at the end of a log file's name; -1 when it has none.
func suffix(file string) int64 {
	n, err := strconv.ParseInt(file[strings.LastIndexByte(file, '.')+1:], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
