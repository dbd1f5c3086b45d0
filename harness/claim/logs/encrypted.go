package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// BinaryLogs are the binary logs of both servers.
type BinaryLogs struct {
	Mark    replication.Mark `json:"mark"` // committed before looking
	Servers []ServerLogs     `json:"servers"`
}

// RelayLogs are the relay logs of both servers, read while the applier stood
// still and the receiver had passed the mark.
type RelayLogs struct {
	Mark     replication.Mark     `json:"mark"`
	Received replication.Position `json:"received"`
	Servers  []ServerLogs         `json:"servers"`
}

// Seen counts files. Each server must have one that holds more than its own
// description.
func (o *BinaryLogs) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if !slices.ContainsFunc(s.Files, func(l Log) bool { return l.Size > scan.EmptyLogSize }) {
			return 0, fmt.Sprintf("the %s has no binary log with anything in it (%d files)", s.Side, len(s.Files))
		}
		n += len(s.Files)
	}
	return n, "no server was looked at"
}

// Seen counts files. The replica must have one that holds the mark; the source
// has none in a one-way pair, and what it has is judged.
func (o *RelayLogs) Seen() (int, string) {
	n, none := 0, "no server was looked at"
	for _, s := range o.Servers {
		n += len(s.Files)
		if s.Side == topology.Replica && !slices.ContainsFunc(s.Files, func(l Log) bool { return l.Size > scan.EmptyLogSize }) {
			return 0, fmt.Sprintf("the replica has no relay log with anything in it (%d files)", len(s.Files))
		}
	}
	if !o.Received.AtOrAfter(o.Mark.End) {
		return 0, fmt.Sprintf("the receiver is at %s:%d, before the mark", o.Received.File, o.Received.Pos)
	}
	return n, none
}

func binlogs() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.LogsBinlogEncryptedID, Step: 7, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartFiles,
		Title:    "every binary log of both servers is encrypted, and no volume has a binary log that its server does not list",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption },
		Codes:    claim.MakeCodes(claim.LogsBinlogEncryptedID, "clear", "not-a-log", "stray", "missing", "unlisted", "column", "marker"),
		Sabotage: []claim.Sabotage{
			{
				Name: "binlog_encryption off", Effect: claim.Disturbs, Want: claim.LogsBinlogEncryptedID + ".clear", Also: []string{claim.LogsKeysID, claim.LogsDirectReadID, claim.RestMarkersID},
				Do: claim.WriteClearLogs(topology.Source),
			},
			{
				Name: "binlog_encryption off, on the replica", Effect: claim.Disturbs, Want: claim.LogsBinlogEncryptedID + ".clear",
				Also: []string{claim.LogsKeysID, claim.LogsDirectReadID, claim.LogsRelaylogEncryptedID, claim.RestMarkersID},
				Do:   claim.WriteClearLogs(topology.Replica),
			},
			{
				Name: "old clear log left behind, in the index", Effect: claim.Disturbs, Want: claim.LogsBinlogEncryptedID + ".clear", Also: []string{claim.LogsKeysID, claim.LogsDirectReadID, claim.RestMarkersID},
				Do: claim.MakeChange(claim.RunStatements(topology.Source, secure.EncryptionOff, secure.EncryptionOn), claim.EncryptAgain(topology.Source)),
			},
			strayLog("old clear log left behind, not in the index", topology.Source, replication.BinaryLogKind, clearLog, claim.LogsBinlogEncryptedID+".clear", claim.LogsKeysID, claim.LogsDirectReadID),
			strayLog("encrypted log that the server does not know of", topology.Replica, replication.BinaryLogKind, strangersLog, claim.LogsBinlogEncryptedID+".stray", claim.LogsKeysID),
		},
	}, lookBinlogs, func(o *BinaryLogs, _ secure.Profile, _ release.Release) []claim.Violation {
		return judgeLogs(claim.LogsBinlogEncryptedID, o.Servers)
	})
}

func relaylogs() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.LogsRelaylogEncryptedID, Step: 7, Effect: claim.Disturbs, Uses: claim.PartSQL | claim.PartFiles,
		Title:    "every relay log of both servers is encrypted, with rows of this run in them",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption },
		Codes:    claim.MakeCodes(claim.LogsRelaylogEncryptedID, "clear", "not-a-log", "stray", "missing", "marker"),
		Sabotage: []claim.Sabotage{
			{
				Name: "relay log in clear", Effect: claim.Disturbs, Want: claim.LogsRelaylogEncryptedID + ".clear", Also: []string{claim.LogsBinlogEncryptedID, claim.LogsKeysID, claim.LogsDirectReadID, claim.RestMarkersID},
				Do: claim.WriteClearLogs(topology.Replica),
			},
			strayLog("old clear relay log left behind", topology.Replica, replication.RelayLogKind, clearLog, claim.LogsRelaylogEncryptedID+".clear", claim.LogsKeysID),
			strayLog("clear relay log at the source", topology.Source, replication.RelayLogKind, clearLog, claim.LogsRelaylogEncryptedID+".clear", claim.LogsKeysID),
		},
	}, lookRelaylogs, func(o *RelayLogs, _ secure.Profile, _ release.Release) []claim.Violation {
		return judgeLogs(claim.LogsRelaylogEncryptedID, o.Servers)
	})
}

func lookBinlogs(ctx context.Context, s claim.Subject) (*BinaryLogs, error) {
	o := &BinaryLogs{}
	var err error
	if o.Mark, err = s.Channel.Mark(ctx); err != nil {
		return nil, err
	}
	o.Servers, err = claim.ForEachSide(func(side topology.Side) (ServerLogs, error) { return readLogs(ctx, s, side, replication.BinaryLogKind) })
	return o, err
}

func lookRelaylogs(ctx context.Context, s claim.Subject) (o *RelayLogs, err error) {
	if err := s.Channel.StopApplier(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Channel.Resume(ctx, s.Channel.Replica.Words().StartApplier)) }()
	o = &RelayLogs{}
	if o.Mark, err = s.Channel.Mark(ctx); err != nil {
		return nil, err
	}
	if o.Received, err = s.Channel.AwaitReceived(ctx, o.Mark.End); err != nil {
		return nil, err
	}
	o.Servers, err = claim.ForEachSide(func(side topology.Side) (ServerLogs, error) { return readLogs(ctx, s, side, replication.RelayLogKind) })
	return o, err
}

func judgeLogs(id string, servers []ServerLogs) []claim.Violation {
	f := claim.Violations{ID: id}
	for _, s := range servers {
		for _, l := range s.Files {
			judgeLog(&f, s, l)
		}
		for _, name := range s.Index {
			if !slices.ContainsFunc(s.Files, func(l Log) bool { return l.Name() == name }) {
				f.AddAt("missing", s.Side, s.Node, fmt.Sprintf("the index lists %s, which is not on disk", name))
			}
		}
		if s.Shown != nil {
			judgeShown(&f, s)
		}
	}
	return f.All
}

func judgeLog(f *claim.Violations, s ServerLogs, l Log) {
	switch l.Kind {
	case scan.PlainLog:
		f.AddAt("clear", s.Side, s.Node, fmt.Sprintf("%s (%d bytes) begins with %s, the magic of a clear log; expected fd62696e", l.Path, l.Size, l.Magic))
	case scan.EncryptedLog:
	default:
		f.AddAt("not-a-log", s.Side, s.Node, fmt.Sprintf("%s (%d bytes) begins with %q, the magic of no log", l.Path, l.Size, l.Magic))
	}
	if !s.Knows(l) {
		f.AddAt("stray", s.Side, s.Node, fmt.Sprintf("%s lies on disk and the server does not know of it", l.Path))
	}
	if l.Markers > 0 {
		f.AddAt("marker", s.Side, s.Node, fmt.Sprintf("%s holds markers of this run in clear, at %d places", l.Path, l.Markers))
	}
}

// judgeShown compares what the server says of its binary logs with its index
// and with the bytes on disk.
func judgeShown(f *claim.Violations, s ServerLogs) {
	var names []string
	for _, w := range s.Shown {
		names = append(names, w.Name)
		i := slices.IndexFunc(s.Files, func(l Log) bool { return l.Name() == w.Name })
		if i >= 0 && (s.Files[i].Kind == scan.EncryptedLog) != w.Encrypted {
			f.AddAt("column", s.Side, s.Node, fmt.Sprintf("SHOW BINARY LOGS says Encrypted=%t of %s, which is of kind %q on disk", w.Encrypted, w.Name, s.Files[i].Kind))
		}
	}
	if !slices.Equal(names, s.Index) {
		f.AddAt("unlisted", s.Side, s.Node, fmt.Sprintf("SHOW BINARY LOGS lists %q, the index %q", names, s.Index))
	}
}
