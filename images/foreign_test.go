package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
)

func headers(t *testing.T, b *bytes.Buffer) []*tar.Header {
	t.Helper()
	var all []*tar.Header
	for r := tar.NewReader(b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, h)
	}
}

// The servers' folders belong to the image's own user, and users outside its group
// have no access.
func TestFolders(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, folders(tar.NewWriter(&b), release.Layout{UID: 27, GID: 28}))
	want := map[string]int64{"var/lib/mysql/": 0o750, "var/lib/mysql/keys/": 0o700, "var/lib/ndb/": 0o750}
	for _, h := range headers(t, &b) {
		assert.Equal(t, want[h.Name], h.Mode, h.Name)
		assert.Equal(t, []int{27, 28}, []int{h.Uid, h.Gid}, h.Name)
		assert.EqualValues(t, tar.TypeDir, h.Typeflag, h.Name)
		delete(want, h.Name)
	}
	assert.Empty(t, want)
}

func TestInitialising(t *testing.T) {
	argv := initialising(release.Layout{Sbin: "/usr/sbin", Plugin: "/usr/lib64/mysql/plugin", Share: "/usr/share/mysql"})
	assert.Equal(t, "/usr/sbin/mysqld", argv[0])
	assert.Equal(t, "--no-defaults", argv[1], "the image's own option files are not read")
	for _, option := range []string{"--initialize-insecure", "--datadir=" + dataDir, "--lc-messages-dir=/usr/share/mysql", "--character-sets-dir=/usr/share/mysql/charsets", "--plugin-dir=/usr/lib64/mysql/plugin"} {
		assert.Contains(t, argv, option)
	}
}

func TestCopyTar(t *testing.T) {
	source := pack(t, map[string][]byte{"data/auto.cnf": []byte("uuid"), "data/ibdata1": []byte("rows")})
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, copyTar(w, tar.NewReader(bytes.NewReader(source)), func(h *tar.Header) bool {
		h.Name = "there/" + h.Name
		return h.Typeflag == tar.TypeReg && h.Size == 4 && h.Name != "there/mysql-cluster-top/data/auto.cnf"
	}))
	require.NoError(t, w.Close())
	got := headers(t, &b)
	require.Len(t, got, 1)
	assert.Equal(t, "there/mysql-cluster-top/data/ibdata1", got[0].Name)

	keep := func(*tar.Header) bool { return true }
	assert.ErrorContains(t, copyTar(tar.NewWriter(io.Discard), tar.NewReader(bytes.NewReader(source[:600])), keep), "copy ", "a stream that is cut off")
}

func TestUnder(t *testing.T) {
	for name, want := range map[string]bool{"/var/lib/mysql": true, "/var/lib/mysql/data/x": true, "/var/lib/mysql-files": false, "/var/lib": false} {
		assert.Equal(t, want, under(name, "/var/lib/mysql"), name)
	}
}

func TestNameOfAChoice(t *testing.T) {
	assert.Equal(t, "9.7.4-fix1", Choice{Release: release.MustParse("9.7.4-fix1"), Ref: "ours:1"}.Name())
	assert.Equal(t, "vendor/ndb:1", Choice{Ref: "vendor/ndb:1"}.Name(), "the harness has not read the release inside yet")
}

// The images in use are never removed for a test's sake.
func TestForgetRefuses(t *testing.T) {
	assert.ErrorContains(t, Forget(t.Context(), nil, Options{}), "without a repository of one's own")
}
