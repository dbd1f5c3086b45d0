package all

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

func TestMatrixHasEveryRow(t *testing.T) {
	p := secure.Published2021()
	rows := Matrix(p, claimtest.Newest)
	want := 0
	for _, c := range For(p) {
		if c.Needs == "" || claimtest.Newest.Has(c.Needs) {
			want += len(c.Sabotage)
		}
	}
	require.Len(t, rows, want)
	require.True(t, slices.IsSortedFunc(rows, func(a, b claim.Row) int { return int(a.Sabotage.Effect - b.Sabotage.Effect) }))
	for _, r := range rows {
		require.NotEmpty(t, r.Claim.ID)
		require.Contains(t, r.Claim.Codes, r.Sabotage.Want)
	}
	require.Less(t, len(Matrix(secure.Weaken(p, secure.NoKeyring), claimtest.Newest)), len(rows), "what is not promised is not broken")
	require.NotEmpty(t, Matrix(p, release.MustParse("8.0.25")))
}

func TestOneEach(t *testing.T) {
	a, b := claim.Claim{ID: "a"}, claim.Claim{ID: "b"}
	rows := []claim.Row{
		{Claim: a, Sabotage: claim.Sabotage{Name: "1"}},
		{Claim: a, Sabotage: claim.Sabotage{Name: "2"}},
		{Claim: b, Sabotage: claim.Sabotage{Name: "3"}},
		{Claim: a, Sabotage: claim.Sabotage{Name: "4"}},
	}
	one := OneEach(rows)
	require.Len(t, one, 2)
	require.Equal(t, []string{"1", "3"}, []string{one[0].Sabotage.Name, one[1].Sabotage.Name})
	require.Len(t, rows, 4)
}
