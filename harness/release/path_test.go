package release_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
)

// way is a question about two releases; want is what the refusal must say, and
// "" that there is none.
type way struct{ from, to, want string }

func ask(t *testing.T, f func(a, b release.Release) error, ways ...way) {
	t.Helper()
	for _, w := range ways {
		err := f(release.MustParse(w.from), release.MustParse(w.to))
		if w.want == "" {
			require.NoError(t, err, "%s to %s", w.from, w.to)
			continue
		}
		require.ErrorContains(t, err, w.want, "%s to %s", w.from, w.to)
		var f *release.Forbidden
		require.ErrorAs(t, err, &f, "%s to %s", w.from, w.to)
		assert.NotContains(t, err.Error(), "\n", "one line")
		for _, part := range []string{f.Way, f.Rule, f.Source, f.Instead} {
			assert.NotEmpty(t, part, "%s to %s: %v", w.from, w.to, err)
		}
	}
}

// As strings 26.7.0 would come before 8.4.0 and 9.10.0 before 9.7.0.
func TestUpgrade(t *testing.T) {
	ask(
		t, release.Upgrade,
		way{"8.0.25", "8.0.44", ""},
		way{"8.0.9", "8.0.18", ""},
		way{"8.0.44", "8.4.10", ""},
		way{"8.0.44", "8.3.0", ""},
		way{"8.3.0", "8.4.0", ""},
		way{"8.4.10", "9.1.0", ""},
		way{"8.4.10", "9.7.4", ""},
		way{"9.1.0", "9.7.4", ""},
		way{"9.7.2", "9.7.10", ""},
		way{"9.7.4", "9.7.4-fix1", ""},
		way{"9.7.4-fix1", "9.7.4", ""},
		way{"9.7.4", "26.7.0", ""},
		way{"26.7.0", "26.10.0", ""},

		way{"8.0.44", "9.7.4", "go by 8.4"},
		way{"8.0.44", "9.7.4", "MY-014060"},
		way{"8.0.44", "9.1.0", "go by 8.4"},
		way{"8.3.0", "9.1.0", "go by 8.4"},
		way{"8.0.44", "26.7.0", "go by 8.4, then by 9.7"},
		way{"8.4.10", "26.7.0", "go by 9.7"},
		way{"9.6.0", "26.7.0", "go by 9.7"},
		way{"8.0.18", "8.4.10", "go by the latest 8.0"},
		way{"9.7.4", "9.7.2", "a downgrade"},
		way{"26.7.0", "9.7.4", "a downgrade"},
	)
}

func TestDowngrade(t *testing.T) {
	ask(
		t, release.Downgrade,
		way{"9.7.4", "9.7.2", ""},
		way{"9.7.10", "9.7.9", ""},
		way{"9.7.4-fix1", "9.7.2", ""},
		way{"9.7.4-fix1", "9.7.4", ""},
		way{"9.7.4", "9.7.4-fix1", ""},
		way{"26.7.0", "26.7.0-x", ""},
		way{"8.4.10", "8.4.9", ""},
		way{"8.0.44", "8.0.35", ""},

		way{"8.0.44", "8.0.34", "MY-013171"},
		way{"8.0.44", "8.0.9", "before 8.0.35"},
		way{"8.4.10", "8.0.44", "MY-014061"},
		way{"9.7.4", "8.4.10", "copy of its datadir, keyring and auto.cnf together"},
		way{"26.7.0", "9.7.4", "MY-014061"},
		way{"26.7.1", "26.7.0", "26.7 is an innovation release"},
		way{"9.1.1", "9.1.0", "9.1 is an innovation release"},
		way{"9.7.2", "9.7.4", "an upgrade"},
	)
}

func TestReplicate(t *testing.T) {
	ask(
		t, release.Replicate,
		way{"9.7.2", "9.7.4", ""},
		way{"9.7.4-fix1", "9.7.4", ""},
		way{"8.0.44", "8.4.10", ""},
		way{"9.7.4", "26.7.0", ""},

		way{"9.7.4", "9.7.2", "upgrade the replica cluster first"},
		way{"26.7.0", "9.7.4", "not newer than its replica"},
		way{"9.10.0", "9.7.4", "not newer than its replica"},
		way{"8.0.44", "9.7.4", "go by 8.4"},
	)
}

func TestPath(t *testing.T) {
	ask(
		t, release.Path,
		way{"8.0.25", "8.0.44", ""},
		way{"8.0.44", "8.4.10", ""},
		way{"8.4.10", "9.7.4", ""},
		way{"9.7.4", "26.7.0", ""},
		way{"9.7.2", "9.7.4", ""},
		way{"9.7.4", "9.7.4-fix1", ""},
		way{"9.7.4", "9.7.2", ""},

		way{"8.0.44", "9.7.4", "upgrade in place from 8.0.44 to 9.7.4: a mysqld does not skip a long-term line (MY-014060; manual, upgrade-paths); go by 8.4"},
		way{"9.7.4", "8.4.10", "a mysqld goes back within its own line only"},
		way{"8.0.20", "8.4.10", "8.0.20 has no component"},
		way{"7.6.1", "8.0.44", "before 8.0"},
		way{"9.7.4", "10.0.0", "no line 10.0"},
		way{"9.7.4", "9.8.0", "no line 9.8"},
		way{"9.7.4", "26.6.0", "no line 26.6"},
		way{"9.7.4", "27.13.0", "no line 27.13"},
		way{"9.7.4", "27.0.0", "no line 27.0"},
	)
}

func TestLongTerm(t *testing.T) {
	for s, want := range map[string]bool{
		"8.0.25": true, "8.4.10": true, "9.7.4-fix1": true,
		"8.1.0": false, "9.1.0": false, "9.70.0": false, "26.7.0": false,
	} {
		assert.Equal(t, want, release.MustParse(s).LongTerm(), s)
	}
}

func TestInPlace(t *testing.T) {
	var f *release.Forbidden
	a, b := release.MustParse("9.7.4"), release.MustParse("8.4.10")
	require.NoError(t, release.InPlace(b, a))
	require.ErrorAs(t, release.InPlace(a, b), &f)
	assert.Contains(t, f.Way, "downgrade")
}
