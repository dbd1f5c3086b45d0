package replication

import (
	"context"
	"fmt"
	"path"
)

// LogKind is a kind of log that a server keeps: its name, and the system variables that
// tell where it lies.
type LogKind struct{ name, basename, index string }

// The kinds of logs.
var (
	BinaryLogKind = LogKind{"binary log", "@@log_bin_basename", "@@log_bin_index"}
	RelayLogKind  = LogKind{"relay log", "@@relay_log_basename", "@@relay_log_index"}
)

// String is the name of the kind: "binary log".
func (k LogKind) String() string { return k.name }

// LogPlace is where a server keeps its logs of one kind.
type LogPlace struct {
	Dir   string // absolute
	Base  string // of the files' names, without the number
	Index string // absolute
	Other string // base of the other kind
}

// LogPlace asks the server where it keeps its logs of a kind.
func (s *Server) LogPlace(ctx context.Context, k LogKind) (LogPlace, error) {
	other := RelayLogKind
	if k == RelayLogKind {
		other = BinaryLogKind
	}
	rows, err := Rows(ctx, s.DB, fmt.Sprintf("SELECT %s AS base, %s AS indexed, %s AS other, @@datadir AS home", k.basename, k.index, other.basename))
	if err != nil {
		return LogPlace{}, fmt.Errorf("find the %ss of the %s: %w", k, s.Side, err)
	}
	r := rows[0]
	if r["base"] == "" {
		return LogPlace{}, fmt.Errorf("find the %ss of the %s: it keeps none (%s is empty)", k, s.Side, k.basename)
	}
	p := LogPlace{path.Dir(r["base"]), path.Base(r["base"]), r["indexed"], path.Base(r["other"])}
	if !path.IsAbs(p.Index) {
		p.Index = path.Join(r["home"], p.Index)
	}
	return p, nil
}
