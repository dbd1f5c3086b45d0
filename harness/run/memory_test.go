package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/engine"
)

func TestEnoughMemory(t *testing.T) {
	const gib = 1 << 30
	some := []string{"a container"}
	live := engine.Holding{Alive: true, Memory: 5 * gib, Containers: some}
	kept := engine.Holding{Keep: true, Memory: 5 * gib, Containers: some}
	building := engine.Holding{Alive: true, Containers: some}
	over := engine.Holding{Alive: true, Memory: 5 * gib}
	dead := engine.Holding{Memory: 5 * gib, Containers: some}
	for name, c := range map[string]struct {
		total    int64
		holdings []engine.Holding
		want     []string // none: there is enough
	}{
		"just enough":      {total: 5*gib + spare},
		"one byte less":    {total: 5*gib + spare - 1, want: []string{"0 live and 0 kept runs hold 0B; use a larger machine"}},
		"beside a live":    {total: 10*gib + spare, holdings: []engine.Holding{live}},
		"beside two":       {total: 10*gib + spare, holdings: []engine.Holding{live, kept}, want: []string{"a pair needs 5GiB", "of the engine's 10.5GiB", "1 live and 1 kept runs hold 10GiB", "`ndbproof down --kept`", "wait for the live ones"}},
		"what holds none":  {total: 5*gib + spare, holdings: []engine.Holding{building, over, dead}},
		"no room for kept": {total: 10 * gib, holdings: []engine.Holding{kept}, want: []string{"0 live and 1 kept runs hold 5GiB; remove the kept ones (`ndbproof down --kept`), or use a larger machine"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := enough(c.total, c.holdings, 5*gib)
			if c.want == nil {
				assert.NoError(t, err)
				return
			}
			for _, w := range c.want {
				assert.ErrorContains(t, err, w)
			}
		})
	}
}
