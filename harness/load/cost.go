package load

import (
	"errors"
	"time"
)

// LedgerCost is what noting a write costs, before it and after: the mean of n that
// follow one another, in a new ledger in dir. In a run it is more (Counts.Ledger),
// for there it waits for a core like everything else.
func LedgerCost(dir string, n int) (time.Duration, error) {
	w := Churn()
	l, err := createLedger(dir, Header{Workload: w.Name, Connections: 1, First: []uint64{1}})
	if err != nil {
		return 0, err
	}
	d := newDealer(&w, 1, 0, 1, []uint64{1})
	op := d.next(func(int, uint64) bool { return false })
	begin := time.Now()
	for range n {
		if err = errors.Join(l.begin(0, op), l.settle(0, acked)); err != nil {
			break
		}
	}
	took := time.Since(begin)
	return took / time.Duration(max(n, 1)), errors.Join(err, l.close())
}
