package run

import (
	"fmt"

	"ndbproof/harness/release"
)

// checkAccepted refuses an id that no known defect has.
func checkAccepted(ids []string) error {
	known := map[string]bool{}
	for _, d := range release.Defects() {
		known[d.ID] = true
	}
	for _, id := range ids {
		if !known[id] {
			return &Usage{fmt.Errorf("accept %q: no known defect has this id; there is %s", id, release.F1.ID)}
		}
	}
	return nil
}
