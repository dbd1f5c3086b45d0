package step

import (
	"context"

	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/plan"
)

// CatchUp waits for the replica, and after a restart that wrote clear relay logs until
// those are gone.
type CatchUp struct{ on }

// Do waits.
func (a *CatchUp) Do(ctx context.Context) error {
	if _, err := a.scene.Pair.Channel.CatchUp(ctx); err != nil {
		return err
	}
	if a.step.Side == topology.Replica && a.step.Does(plan.EncryptLogs) {
		return a.scene.Pair.Channel.PurgeRelayLogs(ctx)
	}
	return nil
}

// StopReplica stops both threads of the channel.
type StopReplica struct{ on }

// Do stops them.
func (a *StopReplica) Do(ctx context.Context) error { return a.scene.Pair.Channel.Stop(ctx) }

// StartReplica starts both threads of the channel.
type StartReplica struct{ on }

// Do starts them.
func (a *StartReplica) Do(ctx context.Context) error { return a.scene.Pair.Channel.Start(ctx) }

// CommitFence commits a fence at the source, whose epoch is then in the binary log.
type CommitFence struct {
	on
	at replication.Position
}

// Do commits it.
func (a *CommitFence) Do(ctx context.Context) (err error) {
	a.at, err = a.scene.Pair.Channel.Fence(ctx)
	return err
}

// Repoint has the channel go on at the File and Position of a fence's epoch.
type Repoint struct {
	on
	Fence *CommitFence
}

// Do points it there.
func (a *Repoint) Do(ctx context.Context) error {
	return a.scene.Pair.Channel.Repoint(ctx, a.Fence.at)
}

// RepointApplied points a replica whose own position is an old one to what follows the
// last epoch that its data nodes have.
type RepointApplied struct{ on }

// Do points it there.
func (a *RepointApplied) Do(ctx context.Context) error {
	c := a.scene.Pair.Channel
	at, err := c.Applied(ctx)
	if err != nil {
		return err
	}
	next, err := c.AfterEpoch(ctx, at)
	if err != nil {
		return err
	}
	return c.Repoint(ctx, next)
}
