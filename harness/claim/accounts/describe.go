package accounts

import (
	"maps"
	"slices"
	"strings"

	"ndbproof/harness/replication"
)

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
