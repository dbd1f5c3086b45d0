package claim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

// withSide names the side in an error of reading from it.
func withSide(side topology.Side, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ask the %s: %w", side, err)
}

// describe gives the columns that say something, in order of their names.
func describe(r replication.Row) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(r)) {
		if v := r[k]; v != "" && v != "N" {
			parts = append(parts, k+"="+v)
		}
	}
	return strings.Join(parts, ", ")
}
