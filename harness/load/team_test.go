package load

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/topology"
)

// A write counts as compared when both sides were seen to have its result.
func TestComparedIsWhatBothSidesHave(t *testing.T) {
	found := func(updates int64) []Findings {
		return []Findings{{Compared: map[string]int64{"insert": 10}}, {Compared: map[string]int64{"update": updates}}}
	}
	w := &Team{seen: map[topology.Side][]Findings{topology.Source: found(7)}}
	assert.Zero(t, w.compared(0, "insert"), "the replica was not looked at")
	w.seen[topology.Replica] = found(5)
	assert.Equal(t, int64(10), w.compared(0, "insert"))
	assert.Equal(t, int64(5), w.compared(1, "update"))
	assert.Zero(t, w.compared(1, "ddl"))
	assert.Zero(t, w.compared(2, "insert"))
}
