package rest

import (
	"testing"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
)

// claimOf finds a claim of this package.
func claimOf(t *testing.T, id string) claim.Claim {
	t.Helper()
	return claimtest.FindClaim(t, Claims(), id)
}

func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			claimtest.RequireUses(t, c, func() *claimtest.Pair { return claimtest.NewRestingPair(t) })
		})
	}
}
