package accounts

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// claimOf finds a claim of this package.
func claimOf(t *testing.T, id string) claim.Claim {
	t.Helper()
	return claimtest.FindClaim(t, Claims(), id)
}

func TestGaps(t *testing.T) {
	account := func(host string) *Accounts {
		return &Accounts{[]ServerAccounts{{Side: topology.Source, Accounts: []Account{{User: secure.ReplicationUser, Host: host}}}}}
	}
	_, open := accountFromAnywhere(account("%"))
	require.True(t, open)
	_, open = accountFromAnywhere(account("10.9.0.12"))
	require.False(t, open)
	_, open = accountFromAnywhere(&Accounts{})
	require.True(t, open)
}

// pairFor gives a pair on which there is something to see for a claim.
func pairFor(t *testing.T, id string) *claimtest.Pair {
	t.Helper()
	switch id {
	case claim.AccountsRefusalsID:
		return refusing(t)
	case claim.AccountsPrivilegesID:
		return privileged(t)
	}
	f := claimtest.NewRestingPair(t)
	if id == claim.AccountsListID {
		for _, s := range f.Servers {
			s.Answer("FROM mysql.user", "User Host plugin no_password ssl_type account_locked", []any{"mallory", "%", "caching_sha2_password", "0", "", "N"})
		}
	}
	return f
}

func TestClaimsUseWhatTheyDeclare(t *testing.T) {
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			claimtest.RequireUses(t, c, func() *claimtest.Pair { return pairFor(t, c.ID) })
		})
	}
}
