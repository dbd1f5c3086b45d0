package topology

import (
	"cmp"
	"slices"
	"time"
)

// Start says when a node's program starts.
type Start struct {
	Node  string
	After time.Duration // since the management node of its cluster has started
}

// startPause lies between the starts of two data nodes. Each asks to be included when
// it enters start phase 1, and the president includes one at a time: two that ask at
// the same moment collide, and one of them comes back 3 s later (QmgrMain.cpp).
const startPause = 300 * time.Millisecond

// sqlPause is how long after the management node a mysqld starts. Its own start takes as
// much of a processor as that of a data node, and ends long before NDB is up: while
// both start at once, data nodes take 5 s to their first phase where 2 s do.
const sqlPause = 1200 * time.Millisecond

// StartOrder is the order in which the programs of a new cluster start: the management
// node; the data nodes, the one with the lowest id last, for it becomes the president
// and is elected only when all others have been heard; then the mysqlds, which wait for
// them.
func (s Spec) StartOrder() []Start {
	var order []Start
	for _, n := range s.Of(Mgmd) {
		order = append(order, Start{Node: n.Name})
	}
	data := s.Of(Ndbmtd)
	slices.SortFunc(data, func(a, b Node) int { return cmp.Compare(b.ID, a.ID) })
	var at time.Duration
	for i, n := range data {
		at = time.Duration(i) * startPause
		order = append(order, Start{n.Name, at})
	}
	for _, n := range s.Of(Mysqld) {
		order = append(order, Start{n.Name, max(at, sqlPause)})
	}
	return order
}
