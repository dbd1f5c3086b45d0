package images

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTarball(t *testing.T) {
	for _, c := range []struct{ name, release, arch string }{
		{"mysql-cluster-9.7.4-linux-glibc2.36-x86_64.tar.xz", "9.7.4", "x86_64"},
		{"mysql-cluster-9.7.4-fix1-linux-glibc2.36-x86_64.tar.xz", "9.7.4-fix1", "x86_64"},
		{"mysql-cluster-8.0.44-linux-glibc2.28-aarch64.tar.gz", "8.0.44", "aarch64"},
		{"mysql-cluster-8.4.10-linux-glibc2.28-x86_64-minimal.tar.xz", "8.4.10", "x86_64"},
		{"mysql-cluster-gpl-8.0.25-linux-glibc2.12-x86_64.tar.gz", "8.0.25", "x86_64"},
		{"mysql-cluster-26.7.0-linux-arm64.tar.xz", "26.7.0", "aarch64"},
		{"mysql-cluster-26.7.0-linux-generic.tar.xz", "26.7.0", ""},
	} {
		got, err := ParseTarball("/some/folder/" + c.name)
		require.NoError(t, err)
		assert.Equal(t, c.release, got.Release.String(), c.name)
		assert.Equal(t, c.arch, got.Arch, c.name)
		assert.Equal(t, "/some/folder/"+c.name, got.Path)
	}
	for _, name := range []string{
		"mysql-8.4.10-linux-glibc2.28-x86_64.tar.xz", "mysql-cluster-9.7-linux-x86_64.tar.xz", "mysql-cluster-9.7.4-macos15-arm64.tar.gz",
		"mysql-cluster-9.7.4-linux-glibc2.36-x86_64.tar.bz2", "mysql-cluster-9.7.4-linux-glibc2.36-x86_64.tar.xz.part",
		"mysql-cluster-test-9.7.4-linux-glibc2.36-x86_64.tar.xz",
	} {
		_, err := ParseTarball(name)
		assert.ErrorContains(t, err, "want mysql-cluster-<version>-linux-", name)
	}
}

// folder makes a folder with empty files of these names.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, n), nil, 0o600))
	}
	return dir
}

func TestBundles(t *testing.T) {
	here, elsewhere := "x86_64", "aarch64"
	if runtime.GOARCH == "arm64" {
		here, elsewhere = elsewhere, here
	}
	a := folder(t, "mysql-cluster-9.7.4-linux-"+elsewhere+".tar.gz", "mysql-cluster-9.7.10-linux-"+here+".tar.xz", "README.md")
	b := folder(t, "mysql-cluster-9.7.4-linux-"+here+".tar.gz", "mysql-cluster-9.7.9-linux-"+elsewhere+".tar.xz",
		"mysql-cluster-9.7.9-linux-"+here+".tar.xz", "mysql-cluster-26.7.0-linux-"+here+".tar.xz", "mysql-cluster-9.7.9-fix2-linux-"+here+".tar.xz")
	found, err := Bundles(Options{BundleDirs: []string{a, filepath.Join(a, "missing"), b}})
	require.NoError(t, err)
	var got []string
	for _, f := range found {
		got = append(got, f.Path)
	}
	assert.Equal(t, []string{
		filepath.Join(b, "mysql-cluster-26.7.0-linux-"+here+".tar.xz"),
		filepath.Join(a, "mysql-cluster-9.7.10-linux-"+here+".tar.xz"),
		filepath.Join(b, "mysql-cluster-9.7.9-fix2-linux-"+here+".tar.xz"),
		filepath.Join(b, "mysql-cluster-9.7.9-linux-"+here+".tar.xz"),      // of one folder, this machine's
		filepath.Join(a, "mysql-cluster-9.7.4-linux-"+elsewhere+".tar.gz"), // the first folder wins
	}, got)
}

func TestBundleDirs(t *testing.T) {
	given := folder(t, "mysql-cluster-9.7.4-linux-x86_64.tar.gz")
	env := map[string]string{"NDB_BUNDLE_DIR": given}
	o := Options{Getenv: func(name string) string { return env[name] }}
	dirs := o.dirs()
	require.Len(t, dirs, 3)
	assert.Equal(t, given, dirs[0])
	assert.Equal(t, filepath.Join("images", "bundles"), filepath.Join(filepath.Base(filepath.Dir(dirs[1])), filepath.Base(dirs[1])))
	assert.Equal(t, filepath.Join("shared", "ndb"), filepath.Join(filepath.Base(filepath.Dir(dirs[2])), filepath.Base(dirs[2])))

	env["NDB_BUNDLE_DIR"] = filepath.Join(given, "typo")
	_, err := Bundles(o)
	assert.ErrorIs(t, err, os.ErrNotExist, "a folder that was asked for must be there")
}

func TestSumIsRememberedUntilTheFileChanges(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	file := filepath.Join(t.TempDir(), "x")
	const one, two = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	got, err := sha256Of(file)
	require.NoError(t, err)
	assert.Equal(t, one, got)
	assert.FileExists(t, sumFile(file))

	require.NoError(t, os.WriteFile(sumFile(file), []byte(two), 0o600))
	got, err = sha256Of(file)
	require.NoError(t, err)
	assert.Equal(t, two, got, "read from the cache")

	// The same size and time, another content.
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("two"), 0o600))
	require.NoError(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
	got, err = sha256Of(file)
	require.NoError(t, err)
	assert.NotEqual(t, one, got)

	require.NoError(t, os.WriteFile(sumFile(file), []byte("torn"), 0o600))
	again, err := sha256Of(file)
	require.NoError(t, err)
	assert.Equal(t, got, again, "what is no sum is not believed")
	_, err = sha256Of(file + ".missing")
	assert.ErrorIs(t, err, os.ErrNotExist)
}
