package scenarios

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/load"
	"ndbproof/harness/parity"
	"ndbproof/harness/topology"
)

// A replica whose channel was stopped while the source was written to has every row
// once the channel runs again.
func TestStoppedReplicaCatchesUp(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 3*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	source, replica := p.Server(topology.Source).DB, p.Server(topology.Replica).DB

	require.NoError(t, p.Channel.Stop(ctx))
	writer, err := load.Start(ctx, source, load.Options{
		Workload: load.Churn(), Rate: 200, Ledger: filepath.Join(t.TempDir(), "ledger"),
	})
	require.NoError(t, err)
	require.NoError(t, writer.Wait(ctx, 500, 5*time.Second))
	_, err = writer.Stop(ctx)
	require.NoError(t, err)

	require.NoError(t, p.Channel.Start(ctx))
	_, err = p.Channel.CatchUp(ctx)
	require.NoError(t, err)
	report, err := parity.Compare(ctx, source, replica, parity.Options{})
	require.NoError(t, err)
	require.True(t, report.Equal(), "%+v", report)
}
