package claim

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

// Threads is what SHOW REPLICA STATUS says of the channel and its two threads.
// The zero value is a replica without a channel.
type Threads struct {
	Configured   bool                 `json:"configured"`
	Receiver     string               `json:"receiver"` // Yes, No, Connecting
	Applier      string               `json:"applier"`
	ReceiverDoes string               `json:"receiver_does"` // "Waiting for source to send event"
	ApplierDoes  string               `json:"applier_does"`
	ReceiverErr  Fault                `json:"receiver_error"`
	ApplierErr   Fault                `json:"applier_error"`
	Received     replication.Position `json:"received"` // in the source's binary log
	Applied      replication.Position `json:"applied"`
}

// Fault is an error number and message; the zero value is none.
type Fault struct {
	Number  uint64 `json:"number"`
	Message string `json:"message,omitempty"`
}

// threads asks the replica.
func threads(ctx context.Context, s Subject) (Threads, error) {
	w := s.Spec(topology.Replica).Release.Words()
	rows, err := records(ctx, s.Admin(topology.Replica), w.ShowReplicaStatus)
	if err != nil {
		return Threads{}, on(topology.Replica, err)
	}
	switch len(rows) {
	case 0:
		return Threads{}, nil
	case 1:
		return parseThreads(rows[0], w)
	}
	return Threads{}, fmt.Errorf("ask the replica: %d channels, where one was expected", len(rows))
}

// parseThreads reads the one row. A column that is not there is an error: it
// must not pass for a zero.
func parseThreads(row record, w release.Words) (Threads, error) {
	t := Threads{Configured: true}
	for name, into := range map[string]*string{
		w.IORunning: &t.Receiver, w.SQLRunning: &t.Applier, w.IOState: &t.ReceiverDoes, w.SQLState: &t.ApplierDoes,
		w.LastIOError: &t.ReceiverErr.Message, w.LastSQLError: &t.ApplierErr.Message,
		w.SourceLogFile: &t.Received.File, w.RelaySourceLogFile: &t.Applied.File,
	} {
		v, ok := row[name]
		if !ok {
			return t, fmt.Errorf("read the replica's status: it has no column %s", name)
		}
		*into = v
	}
	for name, into := range map[string]*uint64{
		w.LastIOErrno: &t.ReceiverErr.Number, w.LastSQLErrno: &t.ApplierErr.Number,
		w.ReadSourceLogPos: &t.Received.Pos, w.ExecSourceLogPos: &t.Applied.Pos,
	} {
		n, err := strconv.ParseUint(row[name], 10, 64)
		if err != nil {
			return t, fmt.Errorf("read %s of the replica's status: %w", name, err)
		}
		*into = n
	}
	return t, nil
}

// past tells whether a position is at or behind another of the same server.
// Files of one server count upwards in their suffix.
func past(p, end replication.Position) bool {
	a, b := number(p.File), number(end.File)
	return a > b || a == b && p.Pos >= end.Pos
}

// number is the suffix of a log file's name; -1 when it has none.
func number(file string) int64 {
	n, err := strconv.ParseInt(file[strings.LastIndexByte(file, '.')+1:], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
