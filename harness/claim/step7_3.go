package claim

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const (
	directID = "seed.7.3.direct"
	remoteID = "seed.7.3.remote"
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

// RemoteRead is what mysqlbinlog got from the source as the channel's account.
type RemoteRead struct {
	Argv   []string             `json:"argv"`
	From   replication.Position `json:"from"` // where the marker's transaction can begin
	Mark   replication.Mark     `json:"mark"`
	Exit   int                  `json:"exit"`
	Stderr string               `json:"stderr"`
	Bytes  int                  `json:"bytes"` // of standard output
	Found  bool                 `json:"found"` // the marker, in it
}

// Seen counts runs: there was one.
func (o *RemoteRead) Seen() (int, string) {
	if o.Mark.Marker == "" {
		return 0, "no marker was committed"
	}
	return 1, ""
}

func direct() Claim {
	return observed(Claim{
		ID: directID, Step: 7, Effect: Connects, Uses: PartSQL | PartFiles | PartHost,
		Title:    "mysqlbinlog cannot read the files of the binary logs of either server",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption },
		Codes:    codes(directID, "readable", "other-error"),
		Sabotage: []Sabotage{
			{
				Name: "clear binary log for mysqlbinlog", Effect: Disturbs, Want: directID + ".readable", Also: []string{binlogsID, keysID, restMarkersID},
				Do: clearLogs(topology.Source),
			},
			strayLog("damaged clear log for mysqlbinlog", topology.Replica, binaryLog, clearLog, directID+".other-error", binlogsID, keysID),
		},
	}, lookDirect, judgeDirect)
}

func remote() Claim {
	const user = "'" + secure.ReplicationUser + "'@'%'"
	return observed(Claim{
		ID: remoteID, Step: 7, Effect: Connects, Uses: PartSQL | PartKeys | PartHost,
		Title: "the channel's account can read the source's binary log over TLS, with the source's certificate checked, and the rows are in it",
		Codes: codes(remoteID, "refused", "no-marker"),
		Sabotage: []Sabotage{
			{
				Name: "REPLICATION SLAVE revoked", Effect: Disturbs, Want: remoteID + ".refused", Also: []string{grantsID, refusalsID, privilegesID},
				Do: reversible(statements(topology.Source, "REVOKE REPLICATION SLAVE ON *.* FROM "+user),
					statements(topology.Source, "GRANT REPLICATION SLAVE ON *.* TO "+user)),
			},
			{
				Name: "server certificate of another CA, for mysqlbinlog", Effect: Disturbs, Want: remoteID + ".refused",
				Also: []string{certificatesID, refusalsID, privilegesID, clientID, wireClientID, parityID},
				Do:   reversible(identify(topology.Source, secure.Stranger), identify(topology.Source, secure.Genuine)),
			},
		},
	}, lookRemote, judgeRemote)
}

// tool runs a program of the release; that it is not there is an error, so that
// its absence is not taken for a refusal.
func tool(ctx context.Context, s Subject, side topology.Side, node string, c node.Command) (node.Output, error) {
	out, err := s.Host.Run(ctx, side, node, c)
	if err == nil && (out.Exit == 126 || out.Exit == 127) {
		err = fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stdout+out.Stderr))
	}
	if err != nil {
		return out, fmt.Errorf("run %s in %s %s: %w", c.Argv[0], side, node, err)
	}
	return out, nil
}

func lookDirect(ctx context.Context, s Subject) (*DirectReads, error) {
	servers, err := eachSide(func(side topology.Side) (ServerReads, error) {
		o := ServerReads{Side: side, Node: sqlNode(s, side)}
		p, err := binaryLog.place(ctx, s, side)
		if err != nil {
			return o, err
		}
		err = binaryLog.steadily(ctx, s, side, p, func(files []node.Stat) error {
			o.Tries = nil
			for _, st := range files {
				out, err := tool(ctx, s, side, o.Node, node.Command{Argv: []string{"mysqlbinlog", "--no-defaults", st.Path}})
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

func judgeDirect(o *DirectReads, _ secure.Profile, _ release.Release) []Violation {
	f := found{id: directID}
	for _, s := range o.Servers {
		for _, t := range s.Tries {
			switch {
			case t.Exit == 0:
				f.at("readable", s.Side, s.Node, fmt.Sprintf("mysqlbinlog reads %s; expected it to refuse", t.Path))
			case !strings.Contains(t.Stderr, refusal):
				f.at("other-error", s.Side, s.Node, fmt.Sprintf("mysqlbinlog says of %s: %q (exit %d); expected %q", t.Path, t.Stderr, t.Exit, refusal))
			}
		}
	}
	return f.all
}

// lookRemote reads from where the source's binary log ended before the marker
// was committed, to keep the output small.
func lookRemote(ctx context.Context, s Subject) (*RemoteRead, error) {
	from, err := s.Server(topology.Source).EndOfLog(ctx)
	if err != nil {
		return nil, err
	}
	o := &RemoteRead{From: from}
	if o.Mark, err = s.Channel.Mark(ctx); err != nil {
		return nil, err
	}
	o.Argv = remoteArgv(s.Spec(topology.Source).LinkHost(), o.From, o.Mark.End)
	out, err := tool(ctx, s, topology.Replica, sqlNode(s, topology.Replica), node.Command{
		Argv: o.Argv,
		Env:  map[string]string{"MYSQL_PWD": s.Keys.Password(topology.Source, secure.ReplicationUser).Reveal()},
	})
	if err != nil {
		return o, err
	}
	o.Exit, o.Stderr, o.Bytes = out.Exit, brief.Line(out.Stderr), len(out.Stdout)
	o.Found = strings.Contains(out.Stdout, o.Mark.Marker)
	return o, nil
}

// remoteArgv reads all files from one position to another. The password is in
// the environment. Row events are decoded, because markers stand in rows.
func remoteArgv(host string, from, to replication.Position) []string {
	argv := []string{
		"mysqlbinlog", "--no-defaults", "--read-from-remote-server",
		"--host=" + host, "--port=" + strconv.Itoa(topology.MysqlPort), "--user=" + secure.ReplicationUser,
		"--ssl-mode=VERIFY_IDENTITY", "--ssl-ca=" + topology.CAPath,
		"-vv", "--base64-output=decode-rows",
		"--start-position=" + strconv.FormatUint(from.Pos, 10), "--stop-position=" + strconv.FormatUint(to.Pos, 10),
	}
	argv = append(argv, from.File)
	if to.File != from.File {
		argv = append(argv, to.File)
	}
	return argv
}

func judgeRemote(o *RemoteRead, _ secure.Profile, _ release.Release) []Violation {
	f := found{id: remoteID}
	switch {
	case o.Exit != 0:
		f.add("refused", topology.Source, fmt.Sprintf("mysqlbinlog could not read the source's binary log: exit %d: %s", o.Exit, o.Stderr))
	case !o.Found:
		f.add("no-marker", topology.Source, fmt.Sprintf("the marker is not in the %d bytes that mysqlbinlog gave of %s:%d to %s:%d", o.Bytes, o.From.File, o.From.Pos, o.Mark.End.File, o.Mark.End.Pos))
	}
	return f.all
}
