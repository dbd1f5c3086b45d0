package all

import (
	"cmp"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// Matrix gives all rows for a profile on a release. Those that restart a server
// come last, because whatever else they bring about would fall on all others;
// else the order is that of Claims.
func Matrix(p secure.Profile, r release.Release) []claim.Row {
	var rows []claim.Row
	for _, c := range For(p) {
		if c.Needs != "" && !r.Has(c.Needs) {
			continue
		}
		for _, s := range c.Sabotage {
			if s.Profiles == nil || slices.Contains(s.Profiles, p.Name) {
				rows = append(rows, claim.Row{Claim: c, Sabotage: s})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b claim.Row) int { return cmp.Compare(a.Sabotage.Effect, b.Sabotage.Effect) })
	return rows
}

// OneEach keeps the first row of each claim.
func OneEach(rows []claim.Row) []claim.Row {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(rows), func(r claim.Row) bool {
		again := seen[r.Claim.ID]
		seen[r.Claim.ID] = true
		return again
	})
}
