// Package epoch holds NDB's unit of replication and the parsers of what servers
// print about it.
package epoch

import (
	"fmt"
	"regexp"
	"strconv"
)

// Epoch is a global checkpoint index and a micro one: GCI<<32 | micro-GCI. All
// transactions of an epoch are one transaction in the binary log.
type Epoch uint64

// GCI is the global checkpoint index.
func (e Epoch) GCI() uint32 { return uint32(e >> 32) }

// Micro is the micro checkpoint within the GCI.
func (e Epoch) Micro() uint32 { return uint32(e) } //nolint:gosec // the low half is meant

func (e Epoch) String() string { return fmt.Sprintf("%d/%d", e.GCI(), e.Micro()) }

// Binlog is the row "binlog" of SHOW ENGINE NDB STATUS: how far the binlog
// injector of one mysqld has come. LatestHandled is the one that tells that an
// epoch is in the binary log.
type Binlog struct {
	Latest, LatestTrans, LatestReceived, LatestHandled, LatestApplied Epoch
}

var field = regexp.MustCompile(`(latest_\w+)=(\d+)`)

// ParseBinlog reads the Status column of that row. It fails when one of the
// five fields is missing: a server that stopped printing one must be noticed.
func ParseBinlog(status string) (Binlog, error) {
	var b Binlog
	want := map[string]*Epoch{
		"latest_epoch": &b.Latest, "latest_trans_epoch": &b.LatestTrans,
		"latest_received_binlog_epoch": &b.LatestReceived,
		"latest_handled_binlog_epoch":  &b.LatestHandled,
		"latest_applied_binlog_epoch":  &b.LatestApplied,
	}
	for _, m := range field.FindAllStringSubmatch(status, -1) {
		p, ok := want[m[1]]
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			return Binlog{}, fmt.Errorf("parse %s of SHOW ENGINE NDB STATUS: %w", m[1], err)
		}
		*p = Epoch(n)
		delete(want, m[1])
	}
	for name := range want {
		return Binlog{}, fmt.Errorf("parse SHOW ENGINE NDB STATUS: no %s in %q", name, status)
	}
	return b, nil
}
