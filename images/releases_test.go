package images

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
)

func TestListed(t *testing.T) {
	known, err := Listed()
	require.NoError(t, err)
	for _, k := range known {
		if k.Image != "" {
			assert.Equal(t, "container-registry.oracle.com/mysql/community-cluster:"+k.Version.String(), k.Image)
		}
	}
	fixed := listed(known, release.MustParse("9.7.4-fix1"))
	assert.Empty(t, fixed.Image, "no vendor publishes a build with a suffix")
	assert.NotEmpty(t, fixed.SHA256)
	assert.Zero(t, listed(known, release.MustParse("9.7.99")))
}

func TestListedRefuses(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`{"version": "9.7.4"}`, "cannot unmarshal object"},
		{`[{"image": "x"}]`, "without a version"},
		{`[{"version": "9.7", "image": "x"}]`, "parse release"},
		{`[{"version": "9.7.4"}]`, "neither an image nor"},
		{`[{"version": "9.7.4", "sha256": "ABC"}]`, "is no sha256"},
		{`[{"version": "9.7.4", "image": "x"}, {"version": "9.7.4", "image": "y"}]`, "stands there twice"},
		{`[{"version": "9.7.4", "image": "x", "sha265": "y"}]`, "unknown field"},
		{`[{"version": "9.7.4", "image": "x"}] []`, "more than one"},
	} {
		_, err := parseListed([]byte(c.json))
		assert.ErrorContains(t, err, c.want, c.json)
	}
}
