package logs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
)

// claimOf finds a claim of this package.
func claimOf(t *testing.T, id string) claim.Claim {
	t.Helper()
	return claimtest.FindClaim(t, Claims(), id)
}

func TestGaps(t *testing.T) {
	_, open := rowsForReader(&RemoteRead{Found: true})
	require.True(t, open)
	_, open = rowsForReader(&RemoteRead{Exit: 1, Stderr: "denied"})
	require.False(t, open)
}

func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			claimtest.RequireUses(t, c, func() *claimtest.Pair { return claimtest.NewRestingPair(t) })
		})
	}
}
