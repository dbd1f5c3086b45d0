// Package all has the list of all claims, the matrix of their sabotages, the gaps that
// their evidence tells of, and the sabotages that need more than one subject or restart a
// server.
package all

import (
	"cmp"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/accounts"
	"ndbproof/harness/claim/channel"
	"ndbproof/harness/claim/logs"
	"ndbproof/harness/claim/rest"
	"ndbproof/harness/claim/rows"
	"ndbproof/harness/claim/traffic"
	"ndbproof/harness/secure"
)

// Claims gives every claim, in the order of IDs.
func Claims() []claim.Claim {
	all := slices.Concat(accounts.Claims(), channel.Claims(), logs.Claims(), traffic.Claims(), rest.Claims(), rows.Claims())
	across := sabotagesAcross()
	for i, c := range all {
		all[i].Sabotage = slices.Concat(c.Sabotage, across[c.ID])
	}
	order := claim.IDs()
	slices.SortStableFunc(all, func(a, b claim.Claim) int {
		return cmp.Compare(slices.Index(order, a.ID), slices.Index(order, b.ID))
	})
	return all
}

// For gives the claims that a profile promises on a release, in the order of Claims.
// Those that the release cannot have are among them: a run reports them as
// not-applicable instead of being silent.
func For(p secure.Profile) []claim.Claim {
	return slices.DeleteFunc(Claims(), func(c claim.Claim) bool { return c.Promised != nil && !c.Promised(p) })
}

// forParts gives those of For's claims that can be looked for with the parts that there
// are.
func forParts(p secure.Profile, has claim.Part) []claim.Claim {
	return slices.DeleteFunc(For(p), func(c claim.Claim) bool { return c.CannotLook(has) != nil })
}
