package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A short run has several writes of every kind that its workload promises: a claim
// that compared none of a kind has looked at nothing of it.
func TestEveryKindComesSoon(t *testing.T) {
	for _, w := range []Workload{Inserts(), Churn(), Mixed()} {
		for seed := range uint64(50) {
			var dealers []*dealer
			for conn := range 2 {
				dealers = append(dealers, newDealer(&w, seed, conn, 2, make([]uint64, len(w.Tables))))
			}
			got := map[string]int{}
			for n := range Soon {
				d := dealers[n%2]
				op := d.next(func(int, uint64) bool { return false })
				d.settle(op, acked)
				got[op.Kind.String()]++
			}
			for kind := range w.promised() {
				require.GreaterOrEqual(t, got[kind], 5, "%s of %s, seed %d", kind, w.Name, seed)
			}
		}
	}
	require.Equal(t, map[string]int64{"insert": 0, "update": 0, "delete": 0, "transaction": 0}, Mixed().promised())
	require.Equal(t, map[string]int64{"insert": 0}, Inserts().promised())
}
