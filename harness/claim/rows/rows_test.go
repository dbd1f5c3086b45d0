package rows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// claimOf finds a claim of this package.
func claimOf(t *testing.T, id string) claim.Claim {
	t.Helper()
	return claimtest.FindClaim(t, Claims(), id)
}

func TestGaps(t *testing.T) {
	_, open := contentsCompared(&Contents{})
	require.True(t, open)
}

// pairFor gives a pair on which there is something to see for a claim.
func pairFor(t *testing.T, id string) *claimtest.Pair {
	t.Helper()
	f := claimtest.NewRestingPair(t)
	if id == claim.RowsLoggedID {
		source := f.Servers[topology.Source]
		source.Answer("FROM information_schema.tables t", "name blob", []any{"test1.t1", "1"})
		source.Answer("ndb_log_bin", "value", []any{"ON"})
	}
	return f
}

func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			if c.ID == claim.RowsParityID { // the fake servers cannot be compared
				for _, subject := range []claim.Subject{pairFor(t, c.ID).Subject(), claimtest.KeepParts(pairFor(t, c.ID).Subject(), c.Uses)} {
					o := claim.Run(t.Context(), c, subject, evidence.At(t.TempDir()), secure.Published2021())
					require.Equal(t, claim.NotLooked, o.Status)
					require.Contains(t, o.Reason, "prepare a session on the ") // of either side
				}
				return
			}
			claimtest.RequireUses(t, c, func() *claimtest.Pair { return pairFor(t, c.ID) })
		})
	}
}
