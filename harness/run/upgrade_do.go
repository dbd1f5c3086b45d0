package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade"
)

// do is one action.
func (u *upgrading) do(ctx context.Context, s topology.PlanStep, a topology.Action, r *upgrade.StepResult) error {
	c := u.clusterOf(s.Side)
	switch a {
	case topology.StopNode:
		if err := u.noteLogs(ctx, s); err != nil {
			return err
		}
		u.halted = time.Now()
		return c.StopNodes(ctx, s.Nodes...)
	case topology.ReplaceNode:
		return u.replace(ctx, s)
	case topology.StartNode:
		u.begun = time.Now()
		return c.StartNodes(ctx, s.Nodes...)
	case topology.AwaitStarted:
		return u.started(ctx, s)
	case topology.AwaitServing:
		return u.serving(ctx, s, r)
	case topology.LogRow:
		return c.CommitLogged(ctx)
	case topology.EncryptLogs:
		return c.EncryptLogs(ctx)
	case topology.PurgeClear:
		return c.PurgeClear(ctx)
	case topology.KeepCopy, topology.MigrateKeyring, topology.RestoreCopy:
		return u.onVolume(ctx, s, a)
	default:
		return u.doPair(ctx, s, a, r)
	}
}

// doPair is an action about writers and channel.
func (u *upgrading) doPair(ctx context.Context, s topology.PlanStep, a topology.Action, r *upgrade.StepResult) (err error) {
	switch a {
	case topology.StopWriters:
		u.stood = time.Now()
		return u.stand(ctx)
	case topology.LetWriters:
		u.letAll()
		r.WritersStoodMS += time.Since(u.stood).Milliseconds()
	case topology.CatchUp:
		return u.catchUp(ctx, s)
	case topology.StopReplica:
		return u.pair.StopReplica(ctx)
	case topology.StartReplica:
		return u.pair.StartReplica(ctx)
	case topology.CommitFence:
		u.fence, err = u.pair.Fence(ctx)
	case topology.Repoint:
		return u.pair.Repoint(ctx, u.fence)
	case topology.RepointApplied:
		return u.repointApplied(ctx)
	case topology.StartSecond:
		return u.pair.StartSecond(ctx)
	case topology.WriteToSecond:
		return u.pair.WriteToSecond()
	case topology.WriteToOwn:
		u.pair.WriteToOwn()
	case topology.DropSecond:
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
	at, err := u.pair.Applied(ctx)
	if err != nil {
		return err
	}
	next, err := u.pair.AfterEpoch(ctx, uint64(at))
	if err != nil {
		return err
	}
	return u.pair.Repoint(ctx, next)
}

// onVolume is what is done with the volume of a mysqld that is stopped.
func (u *upgrading) onVolume(ctx context.Context, s topology.PlanStep, a topology.Action) error {
	c := u.clusterOf(s.Side)
	do := map[topology.Action]func(context.Context, string) error{
		topology.KeepCopy: c.KeepCopy, topology.RestoreCopy: c.RestoreCopy, topology.MigrateKeyring: c.MigrateKeyring,
	}[a]
	for _, name := range s.Nodes {
		if err := do(ctx, name); err != nil {
			return err
		}
		if a == topology.KeepCopy {
			u.copied[string(s.Side)+" "+name] = u.logs
		}
	}
	if a == topology.RestoreCopy {
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
func (u *upgrading) catchUp(ctx context.Context, s topology.PlanStep) error {
	if _, err := u.pair.CatchUp(ctx); err != nil {
		return err
	}
	if s.Side == topology.Replica && s.Does(topology.EncryptLogs) {
		return u.pair.PurgeRelayLogs(ctx)
	}
	return nil
}

// replace gives the step's nodes the image and the configuration of the release
// that it goes to. What they had written is kept.
func (u *upgrading) replace(ctx context.Context, s topology.PlanStep) error {
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
