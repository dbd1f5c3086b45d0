package logs

import (
	"context"
	"fmt"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// refusal is what mysqlbinlog says to an encrypted file (sql/binlog_istream.cc).
const refusal = "Reading encrypted log files directly is not supported."

// DirectReads is what mysqlbinlog made of the servers' binary logs on disk.
type DirectReads struct {
	Servers []ServerReads `json:"servers"`
}

// ServerReads are the tries of one server.
type ServerReads struct {
	Side  topology.Side `json:"side"`
	Node  string        `json:"node"`
	Tries []Try         `json:"tries"`
}

// Try is one run of mysqlbinlog.
type Try struct {
	Path   string `json:"path"`
	Exit   int    `json:"exit"`
	Stderr string `json:"stderr"`
}

// Seen counts files tried. Each server must have one.
func (o *DirectReads) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if len(s.Tries) == 0 {
			return 0, fmt.Sprintf("the %s has no binary log to be read", s.Side)
		}
		n += len(s.Tries)
	}
	return n, "no server was looked at"
}

func direct() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.LogsDirectReadID, Step: 7, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartFiles | claim.PartHost,
		Title:    "mysqlbinlog cannot read the files of the binary logs of either server",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption },
		Codes:    claim.MakeCodes(claim.LogsDirectReadID, "readable", "other-error"),
		Sabotage: []claim.Sabotage{
			{
				Name: "clear binary log for mysqlbinlog", Effect: claim.Disturbs, Want: claim.LogsDirectReadID + ".readable", Also: []string{claim.LogsBinlogEncryptedID, claim.LogsKeysID, claim.RestMarkersID},
				Do: claim.WriteClearLogs(topology.Source),
			},
			strayLog("damaged clear log for mysqlbinlog", topology.Replica, replication.BinaryLogKind, clearLog, claim.LogsDirectReadID+".other-error", claim.LogsBinlogEncryptedID, claim.LogsKeysID),
		},
	}, lookDirect, judgeDirect)
}

func lookDirect(ctx context.Context, s claim.Subject) (*DirectReads, error) {
	servers, err := claim.ForEachSide(func(side topology.Side) (ServerReads, error) {
		o := ServerReads{Side: side, Node: claim.SQLNode(s, side)}
		p, err := s.Server(side).LogPlace(ctx, replication.BinaryLogKind)
		if err != nil {
			return o, err
		}
		err = lookSteadily(ctx, s, side, replication.BinaryLogKind, p, func(files []node.Stat) error {
			o.Tries = nil
			for _, st := range files {
				out, err := claim.RunTool(ctx, s, side, o.Node, node.Command{Argv: []string{"mysqlbinlog", "--no-defaults", st.Path}})
				if err != nil {
					return err
				}
				o.Tries = append(o.Tries, Try{st.Path, out.Exit, brief.Line(out.Stderr)})
			}
			return nil
		})
		return o, err
	})
	return &DirectReads{servers}, err
}

func judgeDirect(o *DirectReads, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.LogsDirectReadID}
	for _, s := range o.Servers {
		for _, t := range s.Tries {
			switch {
			case t.Exit == 0:
				f.AddAt("readable", s.Side, s.Node, fmt.Sprintf("mysqlbinlog reads %s; expected it to refuse", t.Path))
			case !strings.Contains(t.Stderr, refusal):
				f.AddAt("other-error", s.Side, s.Node, fmt.Sprintf("mysqlbinlog says of %s: %q (exit %d); expected %q", t.Path, t.Stderr, t.Exit, refusal))
			}
		}
	}
	return f.All
}
