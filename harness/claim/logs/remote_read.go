package logs

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

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

func remote() claim.Claim {
	const user = "'" + secure.ReplicationUser + "'@'%'"
	return claim.Define(claim.Claim{
		ID: claim.LogsRemoteReadID, Step: 7, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartKeys | claim.PartHost,
		Title: "the channel's account can read the source's binary log over TLS, with the source's certificate checked, and the rows are in it",
		Codes: claim.MakeCodes(claim.LogsRemoteReadID, "refused", "no-marker"),
		Sabotage: []claim.Sabotage{
			{
				Name: "REPLICATION SLAVE revoked", Effect: claim.Disturbs, Want: claim.LogsRemoteReadID + ".refused", Also: []string{claim.AccountsGrantsID, claim.AccountsRefusalsID, claim.AccountsPrivilegesID},
				Do: claim.MakeChange(claim.RunStatements(topology.Source, "REVOKE REPLICATION SLAVE ON *.* FROM "+user),
					claim.RunStatements(topology.Source, "GRANT REPLICATION SLAVE ON *.* TO "+user)),
			},
		},
	}, lookRemote, judgeRemote)
}

// lookRemote reads from where the source's binary log ended before the marker
// was committed, to keep the output small.
func lookRemote(ctx context.Context, s claim.Subject) (*RemoteRead, error) {
	from, err := s.Server(topology.Source).EndOfLog(ctx)
	if err != nil {
		return nil, err
	}
	o := &RemoteRead{From: from}
	if o.Mark, err = s.Channel.Mark(ctx); err != nil {
		return nil, err
	}
	o.Argv = remoteArgv(s.Spec(topology.Source).LinkHost(), o.From, o.Mark.End)
	out, err := claim.RunTool(ctx, s, topology.Replica, claim.SQLNode(s, topology.Replica), node.Command{
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
// the environment. Row events are decoded, because the rows contain the markers.
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

func judgeRemote(o *RemoteRead, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.LogsRemoteReadID}
	switch {
	case o.Exit != 0:
		f.Add("refused", topology.Source, fmt.Sprintf("mysqlbinlog could not read the source's binary log: exit %d: %s", o.Exit, o.Stderr))
	case !o.Found:
		f.Add("no-marker", topology.Source, fmt.Sprintf("the marker is not in the %d bytes that mysqlbinlog gave of %s:%d to %s:%d", o.Bytes, o.From.File, o.From.Pos, o.Mark.End.File, o.Mark.End.Pos))
	}
	return f.All
}
