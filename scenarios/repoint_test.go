package scenarios

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/cluster"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// A source mysqld that was restarted has logged an incident. A replica that is
// pointed at what follows the last epoch that it has applied (next_file and
// next_position, the rule of fail-over) meets it, and its applier stops with 13119;
// pointed at a fence that was committed after the restart it goes on.
func TestNextPositionMeetsTheIncident(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 4*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	_, err := p.Channel.CatchUp(ctx)
	require.NoError(t, err)
	applied, err := p.Channel.Applied(ctx)
	require.NoError(t, err)
	require.NoError(t, p.Channel.Stop(ctx))
	require.NoError(t, p.Source.RestartSQL(ctx, p.Source.Spec))
	require.NoError(t, p.Source.Back(ctx))
	require.NoError(t, p.Source.Server.EncryptAgain(ctx))

	at, err := p.Channel.AfterEpoch(ctx, applied)
	require.NoError(t, err)
	require.NoError(t, p.Channel.Repoint(ctx, at))
	require.NoError(t, p.Channel.Start(ctx))
	require.NoError(t, poll.Until(ctx, "the applier to stop", func(ctx context.Context) error {
		s, err := p.Channel.Status(ctx)
		if err != nil {
			return err
		}
		if s.ApplierErr.Number != 13119 {
			return fmt.Errorf("applier %s, error %d (%s)", s.Applier, s.ApplierErr.Number, s.ApplierErr.Message)
		}
		t.Logf("13119: %s", s.ApplierErr.Message)
		return nil
	}))

	require.NoError(t, p.Channel.Stop(ctx))
	goOnAtFence(ctx, t, p)
}

// RESET REPLICA empties mysql.ndb_apply_status, and no writer writes: catching up
// still ends, by the epoch of its own fence.
func TestCatchUpAfterReset(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 2*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	require.NoError(t, p.Channel.Stop(ctx))
	_, err := p.Server(topology.Replica).DB.ExecContext(ctx, "RESET REPLICA")
	require.NoError(t, err)
	applied, err := p.Channel.Applied(ctx)
	require.NoError(t, err)
	require.Zero(t, applied, "RESET REPLICA has left what was applied")
	goOnAtFence(ctx, t, p)
	applied, err = p.Channel.Applied(ctx)
	require.NoError(t, err)
	require.NotZero(t, applied)
}

// goOnAtFence points the stopped replica at a new fence and lets it catch up.
func goOnAtFence(ctx context.Context, t *testing.T, p *cluster.Pair) {
	t.Helper()
	fence, err := p.Channel.Fence(ctx)
	require.NoError(t, err)
	require.NoError(t, p.Channel.Repoint(ctx, fence))
	require.NoError(t, p.Channel.Start(ctx))
	_, err = p.Channel.CatchUp(ctx)
	require.NoError(t, err)
}
