package claim

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
// and stands in the index.
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

// kind of log: the system variables that tell where the server keeps it.
type kind struct {
	name, basename, index string
}

var (
	binaryLog = kind{"binary log", "@@log_bin_basename", "@@log_bin_index"}
	relayLog  = kind{"relay log", "@@relay_log_basename", "@@relay_log_index"}
)

// place is where a server keeps its logs.
type place struct {
	dir, base, index string // absolute, file name without suffix, absolute
	other            string // base of the other kind
}

func (k kind) place(ctx context.Context, s Subject, side topology.Side) (place, error) {
	other := relayLog
	if k == relayLog {
		other = binaryLog
	}
	rows, err := replication.Rows(ctx, s.Server(side).DB, fmt.Sprintf("SELECT %s AS base, %s AS indexed, %s AS other, @@datadir AS home", k.basename, k.index, other.basename))
	if err != nil {
		return place{}, withSide(side, err)
	}
	r := rows[0]
	if r["base"] == "" {
		return place{}, fmt.Errorf("find the %ss of the %s: it keeps none (%s is empty)", k.name, side, k.basename)
	}
	p := place{path.Dir(r["base"]), path.Base(r["base"]), r["indexed"], path.Base(r["other"])}
	if !path.IsAbs(p.index) {
		p.index = path.Join(r["home"], p.index)
	}
	return p, nil
}

// numbered is how the names of log files end.
var numbered = regexp.MustCompile(`^(.+)\.\d{6,}$`)

// onDisk gives the log files of a kind that lie on a server's disk, found by
// reading its volume: not only where the server keeps its logs. A numbered
// file of an unknown name counts as a binary log.
func (k kind) onDisk(ctx context.Context, s Subject, side topology.Side, p place) ([]node.Stat, error) {
	dirs := []string{topology.MysqlDir}
	if !within(p.dir, topology.MysqlDir) {
		dirs = append(dirs, p.dir)
	}
	var logs []node.Stat
	for _, dir := range dirs {
		all, err := s.Files.List(ctx, side, sqlNode(s, side), dir)
		if err != nil {
			return nil, fmt.Errorf("find the %ss of the %s: %w", k.name, side, err)
		}
		for _, st := range all {
			m := numbered.FindStringSubmatch(path.Base(st.Path))
			if m == nil || !st.Mode.IsRegular() {
				continue
			}
			if m[1] == p.base || k == binaryLog && m[1] != p.other {
				logs = append(logs, st)
			}
		}
	}
	slices.SortFunc(logs, func(a, b node.Stat) int { return strings.Compare(a.Path, b.Path) })
	return logs, nil
}

// steadily looks at the log files of a kind until none came or went meanwhile:
// servers rotate and purge as they like. Three times must do.
func (k kind) steadily(ctx context.Context, s Subject, side topology.Side, p place, look func([]node.Stat) error) error {
	before, err := k.onDisk(ctx, s, side, p)
	if err != nil {
		return err
	}
	for range 3 {
		seen := look(before)
		after, err := k.onDisk(ctx, s, side, p)
		if err != nil {
			return errors.Join(seen, err)
		}
		if slices.EqualFunc(before, after, func(a, b node.Stat) bool { return a.Path == b.Path }) {
			return seen
		}
		before = after
	}
	return fmt.Errorf("look at the %ss of the %s: files came or went during each of three looks", k.name, side)
}

// readLogs reads every byte of all logs of a kind of one server.
func readLogs(ctx context.Context, s Subject, side topology.Side, k kind) (ServerLogs, error) {
	p, err := k.place(ctx, s, side)
	if err != nil {
		return ServerLogs{}, err
	}
	var o ServerLogs
	err = k.steadily(ctx, s, side, p, func(files []node.Stat) error {
		o = ServerLogs{Side: side, Node: sqlNode(s, side), Dir: p.dir}
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
		if k == binaryLog {
			o.Shown, err = s.Server(side).BinaryLogs(ctx)
		}
		return err
	})
	return o, err
}

// readLog reads one file and searches it for the markers of the run.
func readLog(ctx context.Context, s Subject, o ServerLogs, st node.Stat) (Log, error) {
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
func readIndex(ctx context.Context, s Subject, o ServerLogs, p place) ([]string, error) {
	beside, err := s.Files.List(ctx, o.Side, o.Node, path.Dir(p.index))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(beside, func(st node.Stat) bool { return st.Path == p.index }) {
		return nil, nil
	}
	b, err := s.Files.Read(ctx, o.Side, o.Node, p.index, 0)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range scan.ParseIndex(b) {
		names = append(names, path.Base(entry))
	}
	return names, nil
}
