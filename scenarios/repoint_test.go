package scenarios

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/poll"
)

// A source mysqld that was restarted has logged an incident. A replica that is
// pointed at what follows the last epoch that it has applied (next_file and
// next_position, the rule of fail-over) meets it, and its applier stops with 13119;
// pointed at a fence that was committed after the restart it goes on.
func TestNextPositionMeetsTheIncident(t *testing.T) {
	ctx := bounded(t, 4*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	_, err := p.CatchUp(ctx)
	require.NoError(t, err)
	applied, err := p.Applied(ctx)
	require.NoError(t, err)
	require.NoError(t, p.StopReplica(ctx))
	require.NoError(t, p.Source.RestartSQL(ctx, p.Source.Spec))
	require.NoError(t, p.Source.Back(ctx))
	require.NoError(t, p.Source.EncryptAgain(ctx))

	at, err := p.AfterEpoch(ctx, uint64(applied))
	require.NoError(t, err)
	require.NoError(t, p.Repoint(ctx, at))
	require.NoError(t, p.StartReplica(ctx))
	w := p.Replica.Spec.Release.Words()
	require.NoError(t, poll.Until(ctx, "the applier to stop", func(ctx context.Context) error {
		s, err := p.Replica.Status(ctx)
		if err != nil {
			return err
		}
		if s[w.LastSQLErrno] != "13119" {
			return fmt.Errorf("applier %s, error %s (%s)", s[w.SQLRunning], s[w.LastSQLErrno], s[w.LastSQLError])
		}
		t.Logf("13119: %s", s[w.LastSQLError])
		return nil
	}))

	require.NoError(t, p.StopReplica(ctx))
	fence, err := p.Fence(ctx)
	require.NoError(t, err)
	require.NoError(t, p.Repoint(ctx, fence))
	require.NoError(t, p.StartReplica(ctx))
	_, err = p.CatchUp(ctx)
	require.NoError(t, err)
}
