package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/node"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Restart restarts a side's mysqld while no writer writes, with what weaknesses
// take out of the deployment or, without one, as it was first, and lets the
// channel run again.
//
// A source that logs rows writes an incident when it starts, at which the
// applier would stop; so the replica goes on at a fence that was committed after
// it. What lies between is nothing, because the replica had caught up before.
func (p *Pair) Restart(ctx context.Context, side topology.Side, ws ...secure.Weakness) error {
	c := p.on(side)
	if err := p.Channel.CatchUpAndStop(ctx); err != nil {
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
	if err := c.Server.EncryptRestarted(ctx); err != nil {
		return err
	}
	if side == topology.Source {
		if err := p.Channel.RepointAfterRestart(ctx); err != nil {
			return err
		}
	}
	if err := p.Channel.Start(ctx); err != nil {
		return err
	}
	c.say("restarted", c.sql().Name, fmt.Sprintf("%d weaknesses", len(ws)))
	if !p.Source.Spec.Profile.NdbLogBin {
		return p.Channel.AwaitReceiver(ctx)
	}
	if side == topology.Replica && c.Server.EncryptsLate() {
		return p.Channel.PurgeRelayLogs(ctx) // one was begun in clear, before encryption was on
	}
	_, err := p.Channel.CatchUp(ctx)
	return err
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
		err = fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stderr))
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
