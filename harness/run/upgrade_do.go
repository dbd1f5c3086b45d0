package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// do is one action.
func (u *upgrading) do(ctx context.Context, s plan.Step, a plan.Action, r *compare.StepResult) error {
	c := u.clusterOf(s.Side)
	switch a {
	case plan.StopNode:
		if err := u.noteLogs(ctx, s); err != nil {
			return err
		}
		u.halted = time.Now()
		return c.StopNodes(ctx, s.Nodes...)
	case plan.ReplaceNode:
		return u.replace(ctx, s)
	case plan.StartNode:
		u.begun = time.Now()
		return c.StartNodes(ctx, s.Nodes...)
	case plan.AwaitStarted:
		return u.started(ctx, s)
	case plan.AwaitServing:
		return u.serving(ctx, s, r)
	case plan.LogRow:
		return c.Server.CommitLogged(ctx)
	case plan.EncryptLogs:
		return c.Server.EncryptLogs(ctx)
	case plan.PurgeClear:
		return c.Server.PurgeClearLogs(ctx)
	case plan.KeepCopy, plan.MigrateKeyring, plan.RestoreCopy:
		return u.onVolume(ctx, s, a)
	default:
		return u.doPair(ctx, s, a, r)
	}
}

// doPair is an action about writers and channel.
func (u *upgrading) doPair(ctx context.Context, s plan.Step, a plan.Action, r *compare.StepResult) (err error) {
	switch a {
	case plan.StopWriters:
		u.stood = time.Now()
		return u.stand(ctx)
	case plan.LetWriters:
		u.letAll()
		r.WritersStoodMS += time.Since(u.stood).Milliseconds()
	case plan.CatchUp:
		return u.catchUp(ctx, s)
	case plan.StopReplica:
		return u.pair.Channel.Stop(ctx)
	case plan.StartReplica:
		return u.pair.Channel.Start(ctx)
	case plan.CommitFence:
		u.fence, err = u.pair.Channel.Fence(ctx)
	case plan.Repoint:
		return u.pair.Channel.Repoint(ctx, u.fence)
	case plan.RepointApplied:
		return u.repointApplied(ctx)
	case plan.StartSecond:
		return u.pair.StartSecond(ctx)
	case plan.WriteToSecond:
		return u.pair.WriteToSecond()
	case plan.WriteToOwn:
		u.pair.WriteToOwn()
	case plan.DropSecond:
		log, gone := u.pair.DropSecond(ctx)
		return errors.Join(gone, u.dir.Write("nodes/source-sql2/log."+s.ID, u.secrets.Redact(log)))
	default:
		return errors.New("nobody knows how to do that")
	}
	return err
}

// repointApplied points a replica whose own position is an old one to what follows
// the last epoch that its data nodes have.
func (u *upgrading) repointApplied(ctx context.Context) error {
	at, err := u.pair.Channel.Applied(ctx)
	if err != nil {
		return err
	}
	next, err := u.pair.Channel.AfterEpoch(ctx, at)
	if err != nil {
		return err
	}
	return u.pair.Channel.Repoint(ctx, next)
}

// onVolume is what is done with the volume of a mysqld that is stopped.
func (u *upgrading) onVolume(ctx context.Context, s plan.Step, a plan.Action) error {
	c := u.clusterOf(s.Side)
	do := map[plan.Action]func(context.Context, string) error{
		plan.KeepCopy: c.KeepCopy, plan.RestoreCopy: c.RestoreCopy, plan.MigrateKeyring: c.MigrateKeyring,
	}[a]
	for _, name := range s.Nodes {
		if err := do(ctx, name); err != nil {
			return err
		}
		if a == plan.KeepCopy {
			u.copied[string(s.Side)+" "+name] = u.logs
		}
	}
	if a == plan.RestoreCopy {
		return u.replace(ctx, s)
	}
	return nil
}

func (u *upgrading) clusterOf(side topology.Side) *cluster.Cluster {
	if side == topology.Replica {
		return u.pair.Replica
	}
	return u.pair.Source
}

// stand has all writers stand; letAll lets them write again.
func (u *upgrading) stand(ctx context.Context) error {
	for _, w := range u.writer.all {
		letIn, err := w.Stand(ctx)
		if err != nil {
			return err
		}
		u.letIn = append(u.letIn, letIn)
	}
	return nil
}

func (u *upgrading) letAll() {
	for _, letIn := range u.letIn {
		letIn()
	}
	u.letIn = nil
}

// catchUp waits for the replica, and after a restart that wrote clear relay logs
// until those are gone.
func (u *upgrading) catchUp(ctx context.Context, s plan.Step) error {
	if _, err := u.pair.Channel.CatchUp(ctx); err != nil {
		return err
	}
	if s.Side == topology.Replica && s.Does(plan.EncryptLogs) {
		return u.pair.Channel.PurgeRelayLogs(ctx)
	}
	return nil
}

// replace gives the step's nodes the image and the configuration of the release
// that it goes to. What they had written is kept.
func (u *upgrading) replace(ctx context.Context, s plan.Step) error {
	image, spec := u.image.Ref, u.specs[s.To.String()][s.Side]
	if s.To == u.to.Release {
		image = u.to.Ref
	}
	for _, name := range s.Nodes {
		img := u.twist().image(s.Side, name, image, u.image.Ref)
		log, err := u.clusterOf(s.Side).ReplaceNode(ctx, name, u.twist().spec(spec, s), img)
		if err != nil {
			return err
		}
		if s.To == s.From {
			u.earlier[string(s.Side)+" "+name] = string(u.secrets.Redact(log))
		}
		file := fmt.Sprintf("nodes/%s-%s/log.before-%s", s.Side, name, s.ID)
		if err := u.dir.Write(file, u.secrets.Redact(log)); err != nil {
			return err
		}
	}
	return nil
}
