package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Restart restarts a side's mysqld while nobody writes, with what weaknesses
// take out of the deployment or, without one, as it was first, and lets the
// channel run again.
//
// A source that logs rows writes an incident when it starts, at which the
// applier would stop; so the replica goes on at a fence that was committed after
// it. What lies between is nothing, because the replica had caught up before.
func (p *Pair) Restart(ctx context.Context, side topology.Side, ws ...secure.Weakness) error {
	c := p.on(side)
	if err := p.atRest(ctx); err != nil {
		return fmt.Errorf("restart %s: %w", c.sql(), err)
	}
	changed := c.launched
	changed.Profile = secure.Weaken(changed.Profile, ws...)
	changed.EncryptAtStart = changed.EncryptAtStart && changed.Profile.BinlogEncryption
	if err := c.RestartSQL(ctx, changed); err != nil {
		return err
	}
	if err := c.Back(ctx); err != nil {
		return err
	}
	if err := c.encryptedOnly(ctx); err != nil {
		return err
	}
	if side == topology.Source {
		if err := p.goOn(ctx); err != nil {
			return err
		}
	}
	if err := p.StartReplica(ctx); err != nil {
		return err
	}
	c.say("restarted", c.sql().Name, fmt.Sprintf("%d weaknesses", len(ws)))
	if !p.Source.Spec.Profile.NdbLogBin {
		return p.receives(ctx)
	}
	if side == topology.Replica && c.Spec.Profile.BinlogEncryption && !c.Spec.EncryptAtStart {
		return p.PurgeRelayLogs(ctx) // one was begun in clear, before encryption was on
	}
	_, err := p.CatchUp(ctx)
	return err
}

// receives waits until the replica's receiver runs, and the source sends: where no
// row is logged there is nothing else to know it by.
func (p *Pair) receives(ctx context.Context) error {
	var refused refusals
	return poll.Until(ctx, "the receiver of "+p.Replica.sql().String(), func(ctx context.Context) error {
		s, err := p.Replica.Status(ctx)
		if err != nil {
			return err
		}
		if s[p.Replica.Spec.Release.Words().IORunning] != "Yes" {
			return p.Replica.lagging(ctx, &refused, errors.New("it does not run"))
		}
		sending := 0
		err = p.Source.admin.QueryRowContext(ctx, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND LIKE 'Binlog Dump%'").Scan(&sending)
		if err == nil && sending == 0 {
			err = fmt.Errorf("no thread of %s sends its binary log", p.Source.sql())
		}
		return err
	})
}

// atRest waits until the replica has all that the source has logged, and stops
// it. From a source that logs no rows nothing comes.
func (p *Pair) atRest(ctx context.Context) error {
	if p.Source.Spec.Profile.NdbLogBin {
		if _, err := p.CatchUp(ctx); err != nil {
			return err
		}
	}
	return p.StopReplica(ctx)
}

func (p *Pair) onReplica(ctx context.Context, statement string) error {
	if _, err := p.Replica.admin.ExecContext(ctx, statement); err != nil {
		// A channel's statement may hold its password.
		verb, _, _ := strings.Cut(statement, " "+p.Replica.Spec.Release.Words().Option)
		return fmt.Errorf("%s on %s: %w", verb, p.Replica.sql(), err)
	}
	return nil
}

// encryptedOnly switches log encryption on after a restart, and removes the logs
// from before that: those of the replica nobody reads, and those of the source
// nobody reads any more.
func (c *Cluster) encryptedOnly(ctx context.Context) error {
	if !c.Spec.Profile.BinlogEncryption {
		return nil
	}
	if c.Spec.Profile.NdbLogBin {
		if err := c.EncryptAgain(ctx); err != nil {
			return err
		}
	} else if err := c.EncryptLogs(ctx); err != nil {
		return err
	}
	return c.PurgeClear(ctx)
}

// EncryptLogs switches log encryption on at run time. Never persisted: the next
// start would crash where defect F1 is.
func (c *Cluster) EncryptLogs(ctx context.Context) error {
	if _, err := c.admin.ExecContext(ctx, "SET GLOBAL binlog_encryption=ON"); err != nil {
		return fmt.Errorf("encrypt the logs of %s: %w", c.sql(), err)
	}
	return nil
}

// PurgeClear removes the logs from before the one that is being written. The row
// that CommitLogged logged is the harness's own counter, which goes back to 0, so
// that both sides have the same.
func (c *Cluster) PurgeClear(ctx context.Context) error {
	purge := c.Spec.Release.Words().ResetBinaryLogs
	if c.Side == topology.Source {
		last, err := c.lastLog(ctx)
		if err != nil {
			return err
		}
		purge = "PURGE BINARY LOGS TO '" + last + "'"
	}
	for _, s := range []string{purge, "UPDATE ndbproof.fence SET n=0 WHERE id=0"} {
		if _, err := c.admin.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("remove the older logs of %s: %s: %w", c.sql(), s, err)
		}
	}
	return nil
}

// PurgeRelayLogs has the replica's applier remove the relay logs that it has
// passed: it does so when it goes on to the next one, up to where it was at its
// last checkpoint, so that a log goes some rotations later.
func (p *Pair) PurgeRelayLogs(ctx context.Context) error {
	for range 3 {
		if err := p.onReplica(ctx, "FLUSH LOCAL RELAY LOGS"); err != nil {
			return err
		}
		if _, err := p.CatchUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// StopReplica stops both threads of the channel, StartReplica starts them.
func (p *Pair) StopReplica(ctx context.Context) error {
	return p.onReplica(ctx, p.Replica.Spec.Release.Words().StopReplica)
}

// StartReplica starts both threads of the channel.
func (p *Pair) StartReplica(ctx context.Context) error {
	return p.onReplica(ctx, p.Replica.Spec.Release.Words().StartReplica)
}

// lastLog is the name of the binary log that is being written.
func (c *Cluster) lastLog(ctx context.Context) (string, error) {
	all, err := c.logNames(ctx)
	if err != nil {
		return "", err
	}
	return all[len(all)-1], nil
}

// logNames are those of the binary logs that the server knows of, oldest first; at
// least one.
func (c *Cluster) logNames(ctx context.Context) ([]string, error) {
	out, err := c.RootSQL(ctx, "SHOW BINARY LOGS;\n")
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(strings.TrimSpace(out)) {
		name, _, _ := strings.Cut(line, "\t")
		all = append(all, name)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("find the binary logs of %s: it shows none", c.sql())
	}
	return all, nil
}

// TrimLogs removes on both sides the binary logs before the last two, which claims
// would read again and again. The replica must have caught up.
func (p *Pair) TrimLogs(ctx context.Context) error {
	return p.Both(func(c *Cluster) error {
		all, err := c.logNames(ctx)
		if err != nil || len(all) < 3 {
			return err
		}
		if _, err := c.admin.ExecContext(ctx, "PURGE BINARY LOGS TO '"+all[len(all)-2]+"'"); err != nil {
			return fmt.Errorf("remove the older logs of %s: %w", c.sql(), err)
		}
		return nil
	})
}

// goOn points the replica at where a restarted source goes on: at a fence, or,
// where no row is logged, at the end of its log.
func (p *Pair) goOn(ctx context.Context) error {
	where := p.Source.endOfLog
	if p.Source.Spec.Profile.NdbLogBin {
		where = p.Fence
	}
	at, err := where(ctx)
	if err != nil {
		return err
	}
	return p.Repoint(ctx, at)
}

// Repoint points the stopped replica at a place in the source's binary log.
func (p *Pair) Repoint(ctx context.Context, at replication.Position) error {
	o := p.Channel()
	o.File, o.Pos = at.File, at.Pos
	return p.onReplica(ctx, secure.ChannelSQL(p.Replica.Spec.Release.Words(), o))
}

// Fence commits a fence and gives the beginning of its epoch in the source's
// binary log: File and Position of the first row at or behind it in
// mysql.ndb_binlog_index. A restarted source's next_* of an epoch before it would
// lead into the incident that every start writes.
func (p *Pair) Fence(ctx context.Context) (replication.Position, error) {
	up := p.upstream()
	e, err := up.commit(ctx, fmt.Sprintf("REPLACE INTO ndbproof.fence VALUES (1, %d)", p.fence.Add(1)))
	if err != nil {
		return replication.Position{}, fmt.Errorf("commit a fence: %w", err)
	}
	if err := up.handled(ctx, e); err != nil {
		return replication.Position{}, err
	}
	return up.next(ctx, "SELECT File, Position FROM mysql.ndb_binlog_index WHERE epoch >= ? ORDER BY epoch LIMIT 1", uint64(e))
}

// AfterEpoch gives where the source's binary log goes on after an epoch: the
// next_file and next_position of its row in mysql.ndb_binlog_index. It is the rule
// of fail-over and restore, and wrong after a restart of the source's mysqld.
func (p *Pair) AfterEpoch(ctx context.Context, e uint64) (replication.Position, error) {
	return p.upstream().next(ctx, "SELECT next_file, next_position FROM mysql.ndb_binlog_index WHERE epoch <= ? ORDER BY epoch DESC LIMIT 1", e)
}

// endOfLog is where the source's binary log ends now.
func (c *Cluster) endOfLog(ctx context.Context) (at replication.Position, err error) {
	out, err := c.RootSQL(ctx, c.Spec.Release.Words().ShowBinaryLogStatus+";\n")
	if err != nil {
		return at, err
	}
	if _, err := fmt.Sscanf(out, "%s %d", &at.File, &at.Pos); err != nil {
		return at, fmt.Errorf("find the end of the binary log of %s in %q: %w", c.sql(), out, err)
	}
	return at, nil
}

// removeGone removes files that a changed configuration no longer has, while the
// container still runs.
func (n *Node) removeGone(ctx context.Context, next []topology.File) error {
	argv := []string{"rm", "-f"}
	for _, f := range n.config.Files {
		if !slices.ContainsFunc(next, func(x topology.File) bool { return x.Path == f.Path }) {
			argv = append(argv, f.Path)
		}
	}
	if len(argv) == 2 {
		return nil
	}
	out, err := n.exec(ctx, node.Command{Argv: argv, User: "0:0"})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit %d: %s", out.Exit, oneLine(out.Stderr))
	}
	if err != nil {
		return fmt.Errorf("remove files of %s that it shall no longer have: %w", n, err)
	}
	return nil
}

// dropCompanions removes the containers beside a node that is to be stopped:
// they live in its process namespace and end with it. They are made anew when
// they are needed.
func (n *Node) dropCompanions(ctx context.Context) error {
	n.companion.mu.Lock()
	defer n.companion.mu.Unlock()
	var errs []error
	for _, id := range []*string{&n.companion.id, &n.companion.lender} {
		if *id == "" {
			continue
		}
		if err := n.cluster.engine.Remove(ctx, *id); err != nil {
			errs = append(errs, fmt.Errorf("remove a companion of %s: %w", n, err))
		}
		*id = ""
	}
	return errors.Join(errs...)
}

// running tells whether the node's container runs now: one that was started
// again after the end that an event tells of is no dead node.
func (n *Node) running(ctx context.Context) bool {
	in, err := n.cluster.engine.Inspect(ctx, n.id)
	return err == nil && in.Running
}
