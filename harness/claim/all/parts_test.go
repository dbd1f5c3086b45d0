package all

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/golden"
	"ndbproof/harness/secure"
)

// TestParts fixes which claims can be looked for with what is given.
func TestParts(t *testing.T) {
	var b strings.Builder
	const network, sql = claim.PartNetwork | claim.PartKeys, claim.PartNetwork | claim.PartSQL | claim.PartKeys
	for _, set := range []struct {
		name string
		has  claim.Part
	}{{"all", claim.AllParts}, {"sql", sql}, {"sql and files", sql | claim.PartFiles}, {"network", network}} {
		can := forParts(secure.Published2021(), set.has)
		fmt.Fprintf(&b, "%s (%s): %d of %d claims\n", set.name, set.has, len(can), len(Claims()))
		for _, c := range Claims() {
			line := "  " + c.ID
			if err := c.CannotLook(set.has); err != nil {
				line = fmt.Sprintf("  %-22s  %v", c.ID, err)
			}
			require.Equal(t, c.CannotLook(set.has) == nil, slices.ContainsFunc(can, func(x claim.Claim) bool { return x.ID == c.ID }))
			fmt.Fprintln(&b, line)
		}
	}
	golden.Equal(t, "testdata/parts.golden", b.String())
	require.True(t, slices.ContainsFunc(forParts(secure.Published2021(), network), func(c claim.Claim) bool { return c.ID == claim.ChannelCertificatesID }))
	require.Len(t, forParts(secure.Published2021(), claim.AllParts), len(For(secure.Published2021())))
	require.Empty(t, forParts(secure.Published2021(), 0), "a claim that uses nothing cannot see anything")
}

// Where a part is missing the claim is not looked at, and says for what.
func TestMissingPartIsNotLooked(t *testing.T) {
	for _, c := range Claims() {
		require.NotZero(t, c.Uses, c.ID)
		c.Look = func(context.Context, claim.Subject, *evidence.Dir) (claim.Observation, error) {
			require.Fail(t, "looked", c.ID)
			return nil, nil
		}
		for part := claim.Part(1); part < claim.AllParts; part <<= 1 {
			if c.Uses&part != 0 {
				o := claim.Run(t.Context(), c, claimtest.KeepParts(claimtest.NewPair(t, claimtest.Newest).Subject(), claim.AllParts&^part), evidence.At(t.TempDir()), secure.Published2021())
				require.Equal(t, claim.NotLooked, o.Status, c.ID)
				require.Equal(t, "cannot look here: needs "+part.String(), o.Reason, c.ID)
				require.Empty(t, o.Evidence)
			}
		}
		o := claim.Run(t.Context(), c, claim.Subject{Spec: claimtest.NewPair(t, claimtest.Newest).Spec}, evidence.At(t.TempDir()), secure.Published2021())
		require.Equal(t, "cannot look here: needs "+c.Uses.String(), o.Reason, c.ID)
	}
}
