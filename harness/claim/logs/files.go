package logs

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/topology"
)

// Log is a log file by its bytes.
type Log struct {
	Path    string        `json:"path"`
	Size    int64         `json:"size"`
	Magic   string        `json:"magic"`   // the first four bytes, in hex
	Kind    scan.FileKind `json:"kind"`    // by the magic
	Markers int           `json:"markers"` // places in its bytes where a marker of this run stands
}

// Name without folders, as in the index and in SHOW BINARY LOGS.
func (l Log) Name() string { return path.Base(l.Path) }

// Knows tells whether the server knows of a file: it lies where its logs are
// and the index lists it.
func (s ServerLogs) Knows(l Log) bool {
	return path.Dir(l.Path) == s.Dir && slices.Contains(s.Index, l.Name())
}

// ServerLogs are the logs of one kind of one server: on disk, in the index
// file, and, for binary logs, as the server shows them.
type ServerLogs struct {
	Side  topology.Side           `json:"side"`
	Node  string                  `json:"node"`
	Dir   string                  `json:"dir"` // where the server keeps them
	Files []Log                   `json:"files"`
	Index []string                `json:"index"`
	Shown []replication.BinaryLog `json:"shown,omitempty"`
}

// numbered is how the names of log files end.
var numbered = regexp.MustCompile(`^(.+)\.\d{6,}$`)

// listLogs gives the log files of a kind that lie on a server's disk, found by
// reading its volume: not only where the server keeps its logs. A numbered
// file of an unknown name counts as a binary log.
func listLogs(ctx context.Context, s claim.Subject, side topology.Side, k replication.LogKind, p replication.LogPlace) ([]node.Stat, error) {
	dirs := []string{topology.MysqlDir}
	if !claim.LiesWithin(p.Dir, topology.MysqlDir) {
		dirs = append(dirs, p.Dir)
	}
	var logs []node.Stat
	for _, dir := range dirs {
		all, err := s.Files.List(ctx, side, claim.SQLNode(s, side), dir)
		if err != nil {
			return nil, fmt.Errorf("find the %ss of the %s: %w", k, side, err)
		}
		for _, st := range all {
			m := numbered.FindStringSubmatch(path.Base(st.Path))
			if m == nil || !st.Mode.IsRegular() {
				continue
			}
			if m[1] == p.Base || k == replication.BinaryLogKind && m[1] != p.Other {
				logs = append(logs, st)
			}
		}
	}
	slices.SortFunc(logs, func(a, b node.Stat) int { return strings.Compare(a.Path, b.Path) })
	return logs, nil
}

// lookSteadily looks at the log files of a kind until none came or went during the look:
// servers rotate and purge as they like. Three times must do.
func lookSteadily(ctx context.Context, s claim.Subject, side topology.Side, k replication.LogKind, p replication.LogPlace, look func([]node.Stat) error) error {
	before, err := listLogs(ctx, s, side, k, p)
	if err != nil {
		return err
	}
	for range 3 {
		seen := look(before)
		after, err := listLogs(ctx, s, side, k, p)
		if err != nil {
			return errors.Join(seen, err)
		}
		if slices.EqualFunc(before, after, func(a, b node.Stat) bool { return a.Path == b.Path }) {
			return seen
		}
		before = after
	}
	return fmt.Errorf("look at the %ss of the %s: files came or went during each of three looks", k, side)
}

// readLogs reads every byte of all logs of a kind of one server.
func readLogs(ctx context.Context, s claim.Subject, side topology.Side, k replication.LogKind) (ServerLogs, error) {
	p, err := s.Server(side).LogPlace(ctx, k)
	if err != nil {
		return ServerLogs{}, err
	}
	var o ServerLogs
	err = lookSteadily(ctx, s, side, k, p, func(files []node.Stat) error {
		o = ServerLogs{Side: side, Node: claim.SQLNode(s, side), Dir: p.Dir}
		for _, st := range files {
			l, err := readLog(ctx, s, o, st)
			if err != nil {
				return err
			}
			o.Files = append(o.Files, l)
		}
		if o.Index, err = readIndex(ctx, s, o, p); err != nil {
			return err
		}
		if k == replication.BinaryLogKind {
			o.Shown, err = s.Server(side).BinaryLogs(ctx)
		}
		return err
	})
	return o, err
}

// readLog reads one file and searches it for the markers of the run.
func readLog(ctx context.Context, s claim.Subject, o ServerLogs, st node.Stat) (Log, error) {
	b, err := s.Files.Read(ctx, o.Side, o.Node, st.Path, 0)
	if err != nil {
		return Log{}, err
	}
	l := Log{Path: st.Path, Size: int64(len(b)), Magic: hex.EncodeToString(b[:min(4, len(b))]), Kind: scan.KindOf(b)}
	if markers := s.Channel.Markers(); len(markers) > 0 {
		hits, _, err := scan.Search(bytes.NewReader(b), scan.Patterns(scan.Needles(markers...)))
		if err != nil {
			return Log{}, fmt.Errorf("search %s of the %s: %w", st.Path, o.Side, err)
		}
		l.Markers = len(hits)
	}
	return l, nil
}

// readIndex gives the names in an index file, without their folders. A server
// that has never had a relay log has no index of them.
func readIndex(ctx context.Context, s claim.Subject, o ServerLogs, p replication.LogPlace) ([]string, error) {
	beside, err := s.Files.List(ctx, o.Side, o.Node, path.Dir(p.Index))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(beside, func(st node.Stat) bool { return st.Path == p.Index }) {
		return nil, nil
	}
	b, err := s.Files.Read(ctx, o.Side, o.Node, p.Index, 0)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range scan.ParseIndex(b) {
		names = append(names, path.Base(entry))
	}
	return names, nil
}
