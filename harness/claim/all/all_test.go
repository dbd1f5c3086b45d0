package all

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/accounts"
	"ndbproof/harness/claim/channel"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/claim/logs"
	"ndbproof/harness/claim/rest"
	"ndbproof/harness/claim/rows"
	"ndbproof/harness/claim/traffic"
	"ndbproof/harness/golden"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// TestClaims fixes which claims a run must judge, for each profile and release
// line: a run with fewer fails.
func TestClaims(t *testing.T) {
	var b strings.Builder
	for _, name := range secure.Names() {
		p, err := secure.ByName(name)
		require.NoError(t, err)
		for _, r := range []string{"8.0.25", "8.4.3", "9.7.4"} {
			fmt.Fprintf(&b, "%s %s\n", p.Name, release.MustParse(r).Line())
			for _, c := range For(p) {
				end := ""
				if c.Needs != "" && !release.MustParse(r).Has(c.Needs) {
					end = " not-applicable: " + string(c.Needs)
				}
				fmt.Fprintf(&b, "  step %d  %-20s %-9s %s%s\n", c.Step, c.ID, c.Effect, c.Title, end)
			}
		}
	}
	golden.Equal(t, "testdata/claims.golden", b.String())
}

// TestSabotages fixes the matrix: which sabotage must give which violation.
func TestSabotages(t *testing.T) {
	var b strings.Builder
	n := 0
	for _, c := range Claims() {
		for _, s := range c.Sabotage {
			n++
			fmt.Fprintf(&b, "%-32s %s\n", s.Want, strings.Join(append([]string{s.Name}, also(s)...), "; may fall too: "))
		}
	}
	golden.Equal(t, "testdata/sabotages.golden", b.String())
	require.GreaterOrEqual(t, n, 28)
}

func also(s claim.Sabotage) []string {
	if len(s.Also) == 0 {
		return nil
	}
	return []string{strings.Join(s.Also, ", ")}
}

// TestEveryClaimIsWhole refuses a claim that lacks something, above all one
// without a sabotage, or with a sabotage that names no violation of its.
func TestEveryClaimIsWhole(t *testing.T) {
	all := Claims()
	ids, names := map[string]bool{}, map[string]string{}
	for _, c := range all {
		require.False(t, ids[c.ID], "%s is there twice", c.ID)
		ids[c.ID] = true
	}
	for _, c := range all {
		t.Run(c.ID, func(t *testing.T) {
			require.Contains(t, claim.IDs(), c.ID, "it has no place in the order")
			require.True(t, c.Step >= 0 && c.Step <= 8, "step %d", c.Step)
			require.NotEmpty(t, c.Title)
			require.NotNil(t, c.Blank)
			require.NotNil(t, c.Look)
			require.NotNil(t, c.Judge)
			require.NotEmpty(t, c.Codes)
			for _, code := range c.Codes {
				require.True(t, strings.HasPrefix(code, c.ID+"."), code)
			}
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(c.Codes))), len(c.Codes), "a code is there twice")
			require.NotEmpty(t, c.Sabotage, "a claim that was never seen to fail proves nothing")
			for _, s := range c.Sabotage {
				require.NotNil(t, s.Do, s.Name)
				require.Contains(t, c.Codes, s.Want, s.Name)
				require.Empty(t, names[s.Name], "%s is a sabotage of two claims", s.Name)
				names[s.Name] = c.ID
				for _, id := range s.Also {
					require.True(t, ids[id] && id != c.ID, "%s may not let %q fall too", s.Name, id)
				}
			}
			kept, err := json.Marshal(c.Blank())
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(kept, c.Blank()))
		})
	}
}

// TestOrder fixes that every id has a claim and every claim a place, and that claims about
// a step of the published procedure are in its order.
func TestOrder(t *testing.T) {
	var ids []string
	var steps []int
	for _, c := range Claims() {
		ids = append(ids, c.ID)
		if c.Step > 0 {
			steps = append(steps, c.Step)
		}
	}
	require.Equal(t, claim.IDs(), ids)
	require.True(t, slices.IsSorted(steps), "%v", steps)
}

// TestIDsNameTheirSubject fixes that a claim's id begins with the package that has it.
func TestIDsNameTheirSubject(t *testing.T) {
	for subject, all := range map[string][]claim.Claim{
		"accounts": accounts.Claims(), "channel": channel.Claims(), "logs": logs.Claims(),
		"traffic": traffic.Claims(), "rest": rest.Claims(), "rows": rows.Claims(),
	} {
		for _, c := range all {
			require.True(t, strings.HasPrefix(c.ID, subject+"."), "%s is in package %s", c.ID, subject)
		}
	}
}

func TestForLeavesOutWhatIsNotPromised(t *testing.T) {
	ids := func(p secure.Profile) (all []string) {
		for _, c := range For(p) {
			all = append(all, c.ID)
		}
		return all
	}
	require.Len(t, ids(secure.Published2021()), len(Claims()))
	weak := ids(secure.Weaken(secure.Published2021(), secure.NoKeyring, secure.PlainTransport))
	for _, id := range []string{claim.LogsBinlogEncryptedID, claim.LogsRelaylogEncryptedID, claim.LogsKeyringID, claim.LogsKeysID, claim.LogsDirectReadID, claim.ChannelPlainID, claim.AccountsPlainClientID} {
		require.NotContains(t, weak, id)
	}
	require.Contains(t, weak, claim.ChannelCertificatesID)
}

func TestLookHealthy(t *testing.T) {
	for _, id := range []string{claim.AccountsGrantsID, claim.LogsBinlogEncryptedID, claim.LogsRelaylogEncryptedID, claim.LogsKeyringID, claim.LogsKeysID, claim.LogsDirectReadID, claim.RowsRunningID} {
		t.Run(id, func(t *testing.T) {
			claimtest.RequireHeld(t, claimtest.RunOn(t, claimtest.NewHealthyPair(t), claimtest.FindClaim(t, Claims(), id)))
		})
	}
}
