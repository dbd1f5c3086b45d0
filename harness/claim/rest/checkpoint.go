package rest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/mgm"
	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// What servers are made to write before the search: local checkpoints, rotated
// logs, and clear copies of logs for the positive control.

// Checkpoint is a local checkpoint of a cluster that was asked for.
type Checkpoint struct {
	Side   topology.Side `json:"side"`
	Before int           `json:"before"` // the newest one that had begun when this one was asked for
	Number int           `json:"number"`
	Began  string        `json:"began"` // lines of the cluster log
	Ended  string        `json:"ended"`
}

// dumpCheckpoint is DumpStateOrd::DihStartLcpImmediately (storage/ndb:
// DumpStateOrd.hpp): the master begins a local checkpoint at its next look,
// within a second.
const dumpCheckpoint = "ALL DUMP 7099"

// The events LocalCheckpointStarted and LocalCheckpointCompleted, both of
// priority 7, which the cluster log holds by default (EventLogger.cpp).
var (
	checkpointBegan = regexp.MustCompile(`(?m)^.* Local checkpoint (\d+) started\b.*$`)
	checkpointEnded = regexp.MustCompile(`(?m)^.* Local checkpoint (\d+) completed\b.*$`)
)

// checkpoints makes both clusters take a local checkpoint, and waits for it.
// What was committed before is in it.
func checkpoints(ctx context.Context, s claim.Subject) ([]Checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*replication.Patience)
	defer cancel()
	all := make([]Checkpoint, len(topology.Sides))
	g, ctx := errgroup.WithContext(ctx)
	for i, side := range topology.Sides {
		g.Go(func() (err error) {
			all[i], err = takeCheckpoint(ctx, s, side)
			return err
		})
	}
	err := g.Wait()
	return all, err
}

func takeCheckpoint(ctx context.Context, s claim.Subject, side topology.Side) (Checkpoint, error) {
	c := Checkpoint{Side: side}
	log, err := clusterLog(ctx, s, side)
	if err != nil {
		return c, err
	}
	for n := range events(checkpointBegan, log) {
		c.Before = max(c.Before, n)
	}
	if err := manage(ctx, s, side, dumpCheckpoint); err != nil {
		return c, err
	}
	what := fmt.Sprintf("a local checkpoint of the %s after number %d", side, c.Before)
	err = poll.Every(ctx, 250*time.Millisecond, what, func(ctx context.Context) error {
		log, err := clusterLog(ctx, s, side)
		if err != nil {
			return err
		}
		if c.find(log) {
			return nil
		}
		if c.Number > 0 {
			return fmt.Errorf("number %d has begun", c.Number)
		}
		// The master looks once a second, and may forget what it is asked for
		// while another one goes on.
		if err := manage(ctx, s, side, dumpCheckpoint); err != nil {
			return err
		}
		return errors.New("none has begun")
	})
	return c, err
}

// find takes the first checkpoint after Before from a cluster log, and tells
// whether it has ended.
func (c *Checkpoint) find(log string) bool {
	c.Number = 0
	began := events(checkpointBegan, log)
	for n := range began {
		if n > c.Before && (c.Number == 0 || n < c.Number) {
			c.Number = n
		}
	}
	c.Began, c.Ended = began[c.Number], events(checkpointEnded, log)[c.Number]
	return c.Ended != ""
}

// events are lines of a log by the number in them.
func events(what *regexp.Regexp, log string) map[int]string {
	all := map[int]string{}
	for _, m := range what.FindAllStringSubmatch(log, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			all[n] = strings.TrimSpace(m[0])
		}
	}
	return all
}

// clusterLog reads the log that a side's management node keeps, also what it
// has put aside (ndb_1_cluster.log.1), oldest first.
func clusterLog(ctx context.Context, s claim.Subject, side topology.Side) (string, error) {
	node := s.Spec(side).Of(topology.Mgmd)[0].Name
	files, err := s.Files.List(ctx, side, node, topology.NdbDir)
	if err != nil {
		return "", fmt.Errorf("find the cluster log of the %s: %w", side, err)
	}
	var names []string
	for _, f := range files {
		if f.Mode.IsRegular() && strings.Contains(path.Base(f.Path), "_cluster.log") {
			names = append(names, f.Path)
		}
	}
	if len(names) == 0 {
		return "", fmt.Errorf("find the cluster log of the %s: %s holds none", side, topology.NdbDir)
	}
	slices.Sort(names)
	slices.Reverse(names)
	var log strings.Builder
	for _, name := range names {
		b, err := s.Files.Read(ctx, side, node, name, 0)
		if err != nil {
			return "", fmt.Errorf("read the cluster log of the %s: %w", side, err)
		}
		log.Write(b)
	}
	return log.String(), nil
}

// manage gives a command to a side's management node.
func manage(ctx context.Context, s claim.Subject, side topology.Side, command string) error {
	n := s.Spec(side).Of(topology.Mgmd)[0]
	out, err := claim.RunTool(ctx, s, side, n.Name, node.Command{Argv: mgm.Argv(n.Host, command)})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stdout+out.Stderr))
	}
	if err != nil {
		return fmt.Errorf("tell ndb_mgm of the %s %q: %w", side, command, err)
	}
	return nil
}

// rotate begins a new binary log on a side, and gives its name.
func rotate(ctx context.Context, s claim.Subject, side topology.Side) (string, error) {
	server := s.Server(side)
	if _, err := server.DB.ExecContext(ctx, "FLUSH BINARY LOGS"); err != nil {
		return "", claim.WithSide(side, err)
	}
	end, err := server.EndOfLog(ctx)
	return path.Base(end.File), err
}

// copyClear puts clear copies of the source's binary logs on the replica's
// volume, as mysqlbinlog writes what the source streams to the channel's
// account. remove takes them away, and is never nil.
func copyClear(ctx context.Context, s claim.Subject, logs []string) (remove func() error, err error) {
	const side = topology.Replica
	server := claim.SQLNode(s, side)
	run := func(ctx context.Context, c node.Command) error {
		out, err := claim.RunTool(ctx, s, side, server, c)
		if err == nil && out.Exit != 0 {
			err = fmt.Errorf("run %s in %s %s: exit %d: %s", c.Argv[0], side, server, out.Exit, brief.Line(out.Stderr))
		}
		return err
	}
	sweep := node.Command{Argv: []string{"rm", "-rf", controlDir}, User: "0:0"}
	remove = func() error {
		fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), replication.Patience)
		defer cancel()
		return run(fresh, sweep)
	}
	argv := append([]string{
		"mysqlbinlog", "--no-defaults", "--read-from-remote-server",
		"--host=" + s.Spec(topology.Source).LinkHost(), "--port=" + strconv.Itoa(topology.MysqlPort), "--user=" + secure.ReplicationUser,
		"--ssl-mode=VERIFY_IDENTITY", "--ssl-ca=" + topology.CAPath,
		"--raw", "--result-file=" + controlDir + "/",
	}, logs...)
	for _, c := range []node.Command{
		sweep,
		{Argv: []string{"mkdir", "-m", "0700", controlDir}},
		{Argv: argv, Env: map[string]string{"MYSQL_PWD": s.Keys.Password(topology.Source, secure.ReplicationUser).Reveal()}},
	} {
		if err := run(ctx, c); err != nil {
			return remove, fmt.Errorf("copy binary logs in clear for the positive control: %w", err)
		}
	}
	return remove, nil
}
