package scenarios

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/run"
)

// Finding F1: on 9.7.4 both triggers kill mysqld, with one stack. First the
// variable that re-opens the binlog cache while encryption is on; then the
// procedure as written, a start with binlog_encryption=ON.
func TestF1CrashesTheServer(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, cancel := poll.WithLimit(harness.Context(t), 2*time.Minute, "F1 on 9.7.4")
	defer cancel()
	c := harness.Alone(t, "9.7.4", nil)
	require.NoError(t, c.Started(ctx))
	require.NoError(t, c.Serving(ctx))
	require.NoError(t, c.Encrypt(ctx))
	require.NoError(t, c.Server.CommitLogged(ctx), "worked around, the server logs encrypted epochs")

	_, err := c.Server.DB.ExecContext(ctx, "SET GLOBAL ndb_log_cache_size=131072")
	require.NoError(t, err)
	requireF1(t, diesOfCommit(ctx, t, c))

	written := c.Spec
	written.EncryptAtStart = true
	require.NoError(t, c.RestartSQL(ctx, written))
	require.NoError(t, c.Back(ctx))
	requireF1(t, diesOfCommit(ctx, t, c))
}

// diesOfCommit commits one row that is to be logged, and gives the server's end.
func diesOfCommit(ctx context.Context, t *testing.T, c *cluster.Cluster) *cluster.Death {
	t.Helper()
	commit, stop := context.WithCancel(ctx)
	defer stop()
	go c.Server.CommitLogged(commit) //nolint:errcheck // the server dies of it
	death, err := c.SQLNode().AwaitEnd(ctx)
	require.NoError(t, err, "the server lives")
	return death
}

func requireF1(t *testing.T, d *cluster.Death) {
	t.Helper()
	t.Logf("%v\n%v", d, d.Stack)
	require.Equal(t, release.F1.ID, d.Defect, "not F1: %v\n%s", d, d.Tail)
	require.Equal(t, "11", d.Signal)
	require.NotEmpty(t, d.Stack)
}

// The build with F1 mended runs the procedure as written, and every claim holds;
// nothing is worked around.
func TestF1IsMendedInFix1(t *testing.T) {
	harness.In(t, harness.Core)
	rep := harness.Procedure(t, run.Options{Release: "9.7.4-fix1", Duration: 5 * time.Second})
	harness.RequireHeld(t, rep, evidence.ExitHeld)
	for _, d := range rep.Results.Defects {
		require.False(t, d.WorkedAround, d.ID)
		require.Equal(t, evidence.DefectAbsent, d.Status, d.ID)
	}
}

// On 9.7.4 the procedure as written ends in a verdict that names the defect.
func TestF1AsWrittenEndsInAVerdict(t *testing.T) {
	harness.In(t, harness.Core)
	rep := harness.Procedure(t, run.Options{Release: "9.7.4", AsWritten: true})
	require.Equal(t, evidence.ExitNotStarted, rep.Results.Exit)
	require.Contains(t, rep.Results.Verdict.Headline, "F1")
	require.Equal(t, evidence.DefectSeen, rep.Results.Defects[0].Status)
	require.Contains(t, rep.Results.Error.Text, "got signal 11")
}
