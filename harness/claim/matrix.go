package claim

import (
	"cmp"
	"slices"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// Row is a row of the matrix: a claim, and a sabotage that must make it fall.
type Row struct {
	Claim    Claim
	Sabotage Sabotage
}

// Matrix gives all rows for a profile on a release. Those that restart a server
// come last, because whatever else they bring about would fall on all others;
// else the order is that of All.
func Matrix(p secure.Profile, r release.Release) []Row {
	var rows []Row
	for _, c := range For(p) {
		if c.Needs != "" && !r.Has(c.Needs) {
			continue
		}
		for _, s := range c.Sabotage {
			if s.Profiles == nil || slices.Contains(s.Profiles, p.Name) {
				rows = append(rows, Row{c, s})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Sabotage.Effect, b.Sabotage.Effect) })
	return rows
}

// OneEach keeps the first row of each claim.
func OneEach(rows []Row) []Row {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(rows), func(r Row) bool {
		again := seen[r.Claim.ID]
		seen[r.Claim.ID] = true
		return again
	})
}
