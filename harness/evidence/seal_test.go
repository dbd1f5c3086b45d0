package evidence

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sealed makes a run with three files, sealed.
func sealed(t *testing.T) *Dir {
	t.Helper()
	d := begin(t)
	for _, name := range []string{"results.json", "nodes/source-sql/my.cnf", "nodes/a b.log"} {
		require.NoError(t, d.Write(name, []byte(name)))
	}
	require.NoError(t, d.Seal())
	return d
}

func TestSealListsEveryFileSorted(t *testing.T) {
	d := sealed(t)
	b, err := os.ReadFile(d.Path(ManifestFile))
	require.NoError(t, err)
	var names []string
	for l := range strings.Lines(string(b)) {
		names = append(names, strings.TrimSpace(l[66:]))
	}
	assert.Equal(t, []string{"nodes/a b.log", "nodes/source-sql/my.cnf", "results.json"}, names)
	require.NoError(t, Verify(d.Root()))
}

func TestSha256sumReadsTheManifest(t *testing.T) {
	_, err := exec.LookPath("sha256sum")
	require.NoError(t, err, "it is part of coreutils")
	d := sealed(t)
	cmd := exec.CommandContext(t.Context(), "sha256sum", "-c", "--strict", ManifestFile)
	cmd.Dir = d.Root()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, 3, strings.Count(string(out), ": OK"))
}

func TestNothingIsWrittenAfterTheSeal(t *testing.T) {
	d := sealed(t)
	require.ErrorContains(t, d.Write("late", nil), "is sealed already")
	_, err := d.Sub("nodes").Append("late")
	require.ErrorContains(t, err, "is sealed already")
	require.Error(t, d.Seal())
	require.NoError(t, Verify(d.Root()))
}

func TestOnlyTheDirectoryOfARunIsSealed(t *testing.T) {
	require.ErrorContains(t, begin(t).Sub("nodes").Seal(), "not the directory of a run")
	require.ErrorContains(t, At(t.TempDir()).Seal(), "not the directory of a run")
}

func TestSealRefusesWhatItCannotHash(t *testing.T) {
	d := begin(t)
	require.NoError(t, os.Symlink("results.json", d.Path("link")))
	require.ErrorContains(t, d.Seal(), "link: not a plain file")

	d = begin(t)
	require.NoError(t, d.Write("a\nb", nil))
	require.ErrorContains(t, d.Seal(), "quote")
}

func TestVerifyNamesWhatIsMissingChangedAdded(t *testing.T) {
	d := sealed(t)
	require.NoError(t, os.Remove(d.Path("results.json")))
	require.NoError(t, os.WriteFile(d.Path("nodes/a b.log"), []byte("other"), 0o600))
	require.NoError(t, os.WriteFile(d.Path("new"), nil, 0o600))
	require.ErrorContains(t, Verify(d.Root()), "missing results.json; changed nodes/a b.log; added new")
}

func TestVerifyRefusesABrokenManifest(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for name, tt := range map[string]struct{ content, want string }{
		"empty":   {"", "it names no file"},
		"torn":    {sum[:40], "line 1 is no line of sha256sum"},
		"no name": {sum + "  \n", "line 1 is no line"},
		"twice":   {sum + "  a\n" + sum + "  a\n", "line 2 names a again"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestFile), []byte(tt.content), 0o600))
			require.ErrorContains(t, Verify(dir), tt.want)
		})
	}
	require.ErrorContains(t, Verify(t.TempDir()), ManifestFile)
}

func TestLatestIsNeverMissingWhileRunsEndAtOnce(t *testing.T) {
	root := t.TempDir()
	latest := filepath.Join(root, Latest)
	seal := func() {
		d, err := Create(root, moment, "9.7.4")
		if assert.NoError(t, err) && assert.NoError(t, d.Write("a", nil)) {
			assert.NoError(t, d.Seal())
		}
		_, err = os.Stat(latest)
		assert.NoError(t, err)
	}
	seal()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(seal)
	}
	wg.Wait()
	target, err := os.Readlink(latest)
	require.NoError(t, err)
	require.NoError(t, Verify(filepath.Join(root, target)))
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, entries, 10, "nine runs, one link, nothing left beside")
}

func TestAFolderInThePlaceOfLatestIsLeftAlone(t *testing.T) {
	d := begin(t)
	require.NoError(t, d.Write("a", nil))
	require.NoError(t, os.Mkdir(filepath.Join(filepath.Dir(d.Root()), Latest), 0o750))
	require.ErrorContains(t, d.Seal(), "point latest to")
	require.NoError(t, Verify(d.Root()), "the run itself is sealed")
}
