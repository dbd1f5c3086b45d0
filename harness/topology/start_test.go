package topology_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/topology"
)

// Every node starts once, and the data nodes apart from one another.
func TestStartOrder(t *testing.T) {
	s := standard(topology.Source, "9.7.4", vendor)
	var names []string
	for _, x := range s.StartOrder() {
		names = append(names, x.Node)
	}
	assert.Equal(t, []string{"mgm", "ndb4", "ndb3", "ndb2", "ndb1", "sql"}, names)
	order := s.StartOrder()[1:5]
	assert.True(t, slices.IsSortedFunc(order, func(a, b topology.Start) int { return int(a.After - b.After) }))
	for i := range order[1:] {
		assert.GreaterOrEqual(t, order[i+1].After-order[i].After, 250*time.Millisecond)
	}
}
