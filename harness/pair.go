package harness

import (
	"errors"
	"testing"

	"ndbproof/harness/cluster"
	"ndbproof/harness/procedure"
	"ndbproof/harness/run"
	"ndbproof/harness/secret"
	"ndbproof/harness/topology"
)

// Pair brings a pair of the procedure up, to the marker row on the replica, and
// takes it down with the test. as changes each side's Spec before it is rendered;
// nil leaves it.
func Pair(t testing.TB, want string, as func(*topology.Spec)) *cluster.Pair {
	t.Helper()
	ctx := Context(t)
	e := leased(ctx, t, run.PairMemory)
	img, probe := found(ctx, t, e, want)
	var specs [2]topology.Spec
	for i, side := range topology.Sides {
		specs[i] = topology.Standard(side, img.Release, img.Layout, promised(t))
		if as != nil {
			as(&specs[i])
		}
	}
	secrets := &secret.Set{}
	keys, err := cluster.NewKeys(secrets, specs[:]...)
	if err != nil {
		t.Fatal(err)
	}
	setup := &procedure.Setup{Source: specs[0], Replica: specs[1], Options: cluster.Options{
		Engine: e, Image: img.Ref, Tools: img.ToolsRef, Probe: probe, Keys: keys, Secrets: secrets,
		Say: func(kind string, side topology.Side, node, text string) {
			t.Logf("%s %s %s: %s", kind, side, node, text)
		},
	}}
	t.Cleanup(func() {
		if err := errors.Join(cluster.TearDown(e, setup.Pair.Clusters()...), e.Close()); err != nil {
			t.Errorf("take the pair down: %v", err)
		}
	})
	if err := procedure.Up(ctx, setup, nil); err != nil {
		t.Fatal(err)
	}
	return setup.Pair
}
