package topology_test

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/golden"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// twoOf are the clusters of a pair of a release. 8.0.25 has the plugin, as in the procedure.
func twoOf(r string) (source, replica topology.Spec) {
	source, replica = standard(topology.Source, r, vendor), standard(topology.Replica, r, vendor)
	source.KeyringPlugin = r == "8.0.25"
	replica.KeyringPlugin = source.KeyringPlugin
	return source, replica
}

// What the nodes of a pair read on its whole way from the procedure's release to
// the calendar ones, by the same two clusters, and on the two ways that are run for
// real: before and after each change of release.
func TestChangeGolden(t *testing.T) {
	chain := []string{"8.0.25", "8.0.44", "8.4.10", "9.7.4", "26.7.0"}
	source, replica := twoOf(chain[0])
	for _, to := range chain[1:] {
		goldenChange(t, &source, &replica, to)
	}
	for _, way := range [][2]string{{"9.7.2", "9.7.4"}, {"9.7.4", "9.7.4-fix1"}} {
		source, replica := twoOf(way[0])
		goldenChange(t, &source, &replica, way[1])
	}
}

// goldenChange compares what the pair reads before and after its next release, and
// makes the pair what it is after.
func goldenChange(t *testing.T, source, replica *topology.Spec, to string) {
	t.Helper()
	dir := filepath.Join("testdata", "change-"+source.Release.String()+"-"+to)
	for _, s := range []*topology.Spec{source, replica} {
		goldenFiles(t, filepath.Join(dir, "before"), *s)
		*s = s.To(release.MustParse(to), vendor)
		goldenFiles(t, filepath.Join(dir, "after"), *s)
	}
}

func goldenFiles(t *testing.T, dir string, s topology.Spec) {
	t.Helper()
	files, err := s.Render()
	require.NoError(t, err)
	golden.Equal(t, filepath.Join(dir, s.Name+".nodes.txt"), listing(files))
	for _, c := range files {
		for _, f := range c.Files {
			if name := path.Base(f.Path); name == "config.ini" || name == "my.cnf" {
				golden.Equal(t, filepath.Join(dir, s.Name+"."+name), f.Content)
			}
		}
	}
}

// A second mysqld has a place, a name and a log of its own, on the same data nodes.
func TestWithSecond(t *testing.T) {
	source, replica := twoOf("9.7.4")
	second := source.WithSecond()
	assert.NotEqual(t, source.LinkHost(), second.LinkHost())
	assert.NotContains(t, []uint32{source.ServerID, replica.ServerID}, second.ServerID)
	assert.Equal(t, source.Connectstring(), second.Connectstring())
	files, err := second.Render()
	require.NoError(t, err)
	golden.Equal(t, filepath.Join("testdata", "9.7.4", "second.my.cnf"), files[len(files)-1].Files[0].Content)
	assert.Len(t, source.Of(topology.Mysqld), 1)
	assert.Equal(t, "sql", source.Of(topology.Mysqld)[0].Name, "the Spec itself stays")
}

// The configuration that a cluster is given on its way: the plugin as long as
// there is one, then the component; ON at the start where F1 allows it.
func TestTo(t *testing.T) {
	s, _ := twoOf("8.0.25")
	for _, c := range []struct {
		to         string
		plugin, on bool
	}{
		{"8.0.44", true, false},
		{"8.4.2", false, true},
		{"9.7.4", false, false},
		{"9.7.4-fix1", false, true},
		{"8.0.18", true, true},
	} {
		got := s.To(release.MustParse(c.to), fhs)
		assert.Equal(t, c.plugin, got.KeyringPlugin, c.to)
		assert.Equal(t, c.on, got.EncryptAtStart, c.to)
		assert.True(t, got.Reload)
		assert.Equal(t, fhs, got.Layout)
		_, mycnf := rendered(t, got)
		assert.Equal(t, c.plugin, strings.Contains(mycnf, "keyring_file_data="), c.to)
	}
	assert.False(t, s.Reload, "the Spec itself stays")
	weak := topology.Standard(topology.Source, release.MustParse("9.7.4"), vendor, secure.Weaken(secure.Published2021(), secure.NoBinlogEncryption))
	assert.False(t, weak.To(release.MustParse("9.7.4-fix1"), vendor).EncryptAtStart)
}

func TestKeyringMigration(t *testing.T) {
	s, _ := twoOf("8.0.25")
	sql := s.Of(topology.Mysqld)[0]
	c, err := s.KeyringMigration(sql)
	require.NoError(t, err)
	golden.Equal(t, filepath.Join("testdata", "change-8.0.44-8.4.10", "migration.txt"), listing(topology.Files{c}))

	// It writes where the next release's mysqld reads, and reads from elsewhere.
	next, err := s.To(release.MustParse("8.4.10"), vendor).Render()
	require.NoError(t, err)
	assert.Contains(t, next[len(next)-1].Files, c.Files[0])
	assert.NotContains(t, string(c.Files[0].Content), `"/var/lib/mysql/keys/keyring-plugin"`)

	_, err = s.KeyringMigration(s.Of(topology.Mgmd)[0])
	require.ErrorContains(t, err, "has no keyring_file plugin")
	s.KeyringPlugin = false
	_, err = s.KeyringMigration(sql)
	require.ErrorContains(t, err, "has no keyring_file plugin")
	s.KeyringPlugin, s.Release = true, release.MustParse("8.0.20")
	_, err = s.KeyringMigration(sql)
	require.ErrorContains(t, err, "go by the latest 8.0")
}
