package run

import (
	"context"
	"fmt"

	"github.com/docker/go-units"

	"ndbproof/harness/engine"
)

// PairMemory is what one pair is planned with, in bytes: twelve nodes and their
// companions (measured: docs/operator.md).
const PairMemory = 5 << 30

// spare is what the machine itself keeps.
const spare = 512 << 20

// enough tells whether a pair fits beside what live and kept runs hold.
func enough(total int64, holdings []engine.Holding, need int64) error {
	var held int64
	live, kept := 0, 0
	for _, h := range holdings {
		if (h.Alive || h.Keep) && len(h.Containers) > 0 && h.Memory > 0 {
			held += h.Memory
			if h.Alive {
				live++
			} else {
				kept++
			}
		}
	}
	free := total - held - spare
	if free >= need {
		return nil
	}
	do := "use a larger machine"
	if live > 0 {
		do = "wait for the live ones, or " + do
	}
	if kept > 0 {
		do = "remove the kept ones (`ndbproof down --kept`), or " + do
	}
	return fmt.Errorf("too little memory: a pair needs %s, and of the engine's %s the machine keeps %s, %d live and %d kept runs hold %s; %s",
		units.BytesSize(float64(need)), units.BytesSize(float64(total)), units.BytesSize(spare), live, kept, units.BytesSize(float64(held)), do)
}

func checkMemory(ctx context.Context, e *engine.Run) error {
	hs, err := e.Holdings(ctx, "")
	if err != nil {
		return err
	}
	others := hs[:0]
	for _, h := range hs {
		if h.Run != e.Lease.Run {
			others = append(others, h)
		}
	}
	return enough(e.Facts.Memory, others, PairMemory)
}
