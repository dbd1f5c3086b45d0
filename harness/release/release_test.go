package release_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]release.Release{
		"9.7.4":              {Major: 9, Minor: 7, Patch: 4},
		"9.7.4-cluster":      {Major: 9, Minor: 7, Patch: 4},
		"9.7.4-fix1":         {Major: 9, Minor: 7, Patch: 4, Suffix: "fix1"},
		"9.7.4-fix1-cluster": {Major: 9, Minor: 7, Patch: 4, Suffix: "fix1"},
		"8.0.25":             {Major: 8, Minor: 0, Patch: 25},
		"26.7.0":             {Major: 26, Minor: 7},
		"26.10.11-rc.2_x+y":  {Major: 26, Minor: 10, Patch: 11, Suffix: "rc.2_x+y"},
	} {
		got, err := release.Parse(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "9", "9.7", "9.7.4.1", "v9.7.4", "9.7.x", "9.7.4-", "9.7.4--x", "9.7.4 ", " 9.7.4", "-1.7.4", "9.7.4\n",
		"99999.7.4", "9.7.4-a b", "9.7.4-../../etc", "9.7.4-cluster-cluster", "latest",
	} {
		_, err := release.Parse(s)
		assert.ErrorContains(t, err, "want three numbers and at most one suffix", "%q", s)
	}
	assert.Panics(t, func() { release.MustParse("latest") })
}

// The order must be that of numbers: as strings 26.7.0 comes before 9.7.0, and
// 8.0.9 after 8.0.40.
func TestCompare(t *testing.T) {
	ordered := []string{"8.0.9", "8.0.25", "8.0.40", "8.4.3", "9.1.0", "9.7.2", "9.7.4", "9.7.4-fix1", "9.7.4-fix2", "9.7.10", "9.10.0", "26.7.0", "26.10.0"}
	for i, a := range ordered {
		for j, b := range ordered {
			ra, rb := release.MustParse(a), release.MustParse(b)
			assert.Equal(t, sign(i-j), ra.Compare(rb), "%s and %s", a, b)
		}
	}
	assert.False(t, slices.IsSorted(ordered), "this list would not notice a comparison of strings")
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestCompareNumberIgnoresTheSuffix(t *testing.T) {
	assert.Zero(t, release.MustParse("9.7.4").CompareNumber(release.MustParse("9.7.4-fix1")))
	assert.True(t, release.MustParse("9.7.4-fix1").AtLeast(9, 7, 4))
	assert.False(t, release.MustParse("9.7.4-fix1").AtLeast(9, 7, 5))
	assert.True(t, release.MustParse("26.7.0").AtLeast(9, 7, 0))
	assert.False(t, release.MustParse("8.0.9").AtLeast(8, 0, 10))
}

func TestHas(t *testing.T) {
	for _, c := range []struct {
		feature      release.Feature
		with, absent []string
	}{
		{release.KeyringPlugin, []string{"8.0.25", "8.0.40", "8.3.0"}, []string{"8.4.0", "9.7.2", "26.7.0"}},
		{release.KeyringComponent, []string{"8.0.24", "8.4.0", "26.7.0"}, []string{"8.0.23", "8.0.9"}},
		{release.ReplicaWords, []string{"8.0.23", "26.7.0"}, []string{"8.0.22"}},
		{release.BinaryLogStatus, []string{"8.2.0", "9.7.4"}, []string{"8.0.40", "8.1.0"}},
		{release.NodeTLS, []string{"8.3.0", "9.7.2", "26.7.0"}, []string{"8.0.40", "8.2.0"}},
		{release.EncryptedNodes, []string{"8.0.31", "26.7.0"}, []string{"8.0.25", "8.0.30"}},
		{release.LogCacheSize, []string{"8.0.40", "8.0.99", "8.4.3", "9.1.0", "9.7.4-fix1", "26.7.0"}, []string{"8.0.39", "8.1.0", "8.4.2", "9.0.1"}},
		{release.ReplicaVariables, []string{"8.0.26", "9.7.2"}, []string{"8.0.25"}},
		{"no such feature", nil, []string{"8.0.25", "26.7.0"}},
	} {
		for _, s := range c.with {
			assert.True(t, release.MustParse(s).Has(c.feature), "%s has %s", s, c.feature)
		}
		for _, s := range c.absent {
			assert.False(t, release.MustParse(s).Has(c.feature), "%s has not %s", s, c.feature)
		}
	}
}

func TestF1(t *testing.T) {
	for _, s := range []string{"8.0.40", "8.0.44", "8.4.3", "8.4.7", "9.1.0", "9.7.2", "9.7.4", "26.7.0"} {
		assert.True(t, release.F1.Has(release.MustParse(s)), s)
	}
	for _, s := range []string{"8.0.9", "8.0.25", "8.0.39", "8.1.0", "8.3.0", "8.4.2", "8.5.0", "9.0.1", "9.7.4-fix1", "9.7.2-x", "8.0.40-x"} {
		assert.False(t, release.F1.Has(release.MustParse(s)), s)
	}
	assert.Contains(t, release.Defects(), release.F1)
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(release.MustParse("9.7.4-fix1"))
	require.NoError(t, err)
	assert.JSONEq(t, `"9.7.4-fix1"`, string(b))

	var r release.Release
	require.NoError(t, json.Unmarshal(b, &r))
	assert.Equal(t, release.MustParse("9.7.4-fix1"), r)

	require.Error(t, json.Unmarshal([]byte(`"latest"`), &r))
	assert.Equal(t, release.MustParse("9.7.4-fix1"), r, "a failure leaves the value alone")
}

func TestIsZero(t *testing.T) {
	assert.True(t, release.Release{}.IsZero())
	assert.False(t, release.MustParse("0.0.1").IsZero())
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"9.7.4", "9.7.4-fix1", "26.7.0-cluster", "9.7.4-cluster-cluster", "09.07.04", "9.7.4-a-cluster"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := release.Parse(s)
		if err != nil {
			require.Zero(t, r)
			return
		}
		again, err := release.Parse(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
		require.Zero(t, r.Compare(again))
	})
}
