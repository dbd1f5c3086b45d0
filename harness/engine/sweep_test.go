package engine

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listed are the containers of the engine in its own words.
func listed(byID map[string]map[string]string) []any {
	all := []any{}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		all = append(all, map[string]any{"Id": id, "Labels": byID[id]})
	}
	return all
}

func TestHoldings(t *testing.T) {
	f, r := newFake(t)
	dead := map[string]string{labelRun: "dead", labelHost: thisHost(), labelLock: t.TempDir() + "/gone", labelKeep: "true", labelMemory: "5"}
	f.answer["containers/json"] = listed(map[string]map[string]string{"c1": r.Lease.Labels(), "c2": dead, "c3": {labelRun: ""}})
	f.answer["networks"] = []any{map[string]any{"Id": "n1", "Labels": r.Lease.Labels()}}
	f.answer["volumes"] = map[string]any{"Volumes": []any{map[string]any{"Name": "v1", "Labels": dead}}}
	all, err := r.Holdings(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, all, 2, "an image's label without a value is no run")
	own := all[slices.IndexFunc(all, func(h Holding) bool { return h.Run == r.Lease.Run })]
	assert.Equal(t, Holding{Run: r.Lease.Run, Alive: true, Memory: 7, Lock: own.Lock, Containers: []string{"c1"}, Networks: []string{"n1"}}, own)
	other := all[slices.IndexFunc(all, func(h Holding) bool { return h.Run == "dead" })]
	assert.Equal(t, Holding{Run: "dead", Keep: true, Memory: 5, Lock: dead[labelLock], Containers: []string{"c2"}, Volumes: []string{"v1"}}, other)
	assert.Equal(t, 2, other.Count())

	gone, err := r.Sweep(t.Context(), false)
	require.NoError(t, err)
	assert.Empty(t, gone, "one is alive, the other one is kept")
	assert.Empty(t, f.removed)
}

func TestRemoveOnce(t *testing.T) {
	f, r := newFake(t)
	h := Holding{Run: "dead", Containers: []string{"c1", "c2"}, Networks: []string{"n1"}, Volumes: []string{"v1"}}
	require.NoError(t, r.removeOnce(t.Context(), h))
	slices.Sort(f.removed[:2])
	assert.Equal(t, []string{"containers/c1", "containers/c2", "networks/n1", "volumes/v1"}, f.removed, "containers first")
	assert.Contains(t, f.queries["containers/c1"][0], "force=1")
	assert.Contains(t, f.queries["containers/c1"][0], "v=1")
	f.answer["networks"] = []any{}
	require.NoError(t, r.TearDown(), "there is nothing")
}
