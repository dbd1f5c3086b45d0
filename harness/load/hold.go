package load

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"ndbproof/harness/poll"
)

// row names one row of a workload.
type row struct {
	table int
	key   uint64
}

// holds keep the writer from rows while a comparison reads them.
type holds struct {
	mu     sync.Mutex
	held   map[row]int
	flying [][]row // the rows of each connection's write in flight
}

func newHolds(connections int) *holds {
	return &holds{held: map[row]int{}, flying: make([][]row, connections)}
}

// deal gives a connection its next write, one that touches no row that is held.
func (h *holds) deal(conn int, d *dealer) Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	op := d.next(func(table int, key uint64) bool { return h.held[row{table, key}] > 0 })
	for _, c := range op.Changes {
		h.flying[conn] = append(h.flying[conn], row{c.Table, c.Key})
	}
	return op
}

func (h *holds) landed(conn int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flying[conn] = h.flying[conn][:0]
}

// Hold makes the writer leave a row alone until release is called. It returns
// when a write that is in flight for the row has been settled. A table that the
// workload does not have needs no hold.
func (w *Writer) Hold(ctx context.Context, database, table string, key uint64) (release func(), err error) {
	n := w.workload.number(database, table)
	if n < 0 {
		return func() {}, nil
	}
	h, r := w.holds, row{n, key}
	h.mu.Lock()
	h.held[r]++
	h.mu.Unlock()
	release = sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.held[r]--; h.held[r] == 0 {
			delete(h.held, r)
		}
	})
	err = poll.Until(ctx, fmt.Sprintf("the write in flight for key %d of %s.%s", key, database, table), func(context.Context) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		for conn, rows := range h.flying {
			if slices.Contains(rows, r) {
				return fmt.Errorf("connection %d has no answer yet", conn)
			}
		}
		return nil
	})
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// number finds a table by its name; -1 when the workload does not have it.
func (w *Workload) number(database, table string) int {
	if database != w.Database {
		return -1
	}
	for i, t := range w.Tables {
		if t.Name == table {
			return i
		}
	}
	return -1
}
