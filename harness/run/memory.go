package run

import (
	"context"
	"fmt"

	"github.com/docker/go-units"

	"ndbproof/harness/cluster"
)

// PairMemory is what one pair is planned with, in bytes: twelve nodes and their
// companions (measured: docs/operations.md).
const PairMemory = 5 << 30

// spare is what the machine itself keeps.
const spare = 512 << 20

// enough tells whether a pair fits beside what live and kept runs hold.
func enough(total int64, holdings []cluster.Holding, need int64) error {
	var held int64
	runs := 0
	for _, h := range holdings {
		if (h.Alive || h.Keep) && len(h.Containers) > 0 {
			held += h.Memory
			runs++
		}
	}
	free := total - held - spare
	if free >= need {
		return nil
	}
	return fmt.Errorf("too little memory: a pair needs %s, the engine has %s, of which %d other runs hold %s; "+
		"end them (`ndbproof down`), or use a larger machine",
		units.BytesSize(float64(need)), units.BytesSize(float64(total)), runs, units.BytesSize(float64(held)))
}

func checkMemory(ctx context.Context, e *cluster.Engine) error {
	hs, err := e.Holdings(ctx, "")
	if err != nil {
		return err
	}
	others := hs[:0]
	for _, h := range hs {
		if e.Lease == nil || h.Run != e.Lease.Run {
			others = append(others, h)
		}
	}
	return enough(e.Facts.Memory, others, PairMemory)
}
