package images

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written is a tarball on disk with this content.
func written(t *testing.T, name string, content []byte) Tarball {
	t.Helper()
	b, err := ParseTarball(filepath.Join(t.TempDir(), name))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.Path, content, 0o600))
	return b
}

// repacked gives the headers of what a tarball becomes, by name.
func repacked(t *testing.T, b Tarball, to place) (map[string]*tar.Header, error) {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := b.repack(t.Context(), w, "x86_64", to); err != nil {
		return nil, err
	}
	require.NoError(t, w.Close())
	got := map[string]*tar.Header{}
	r := tar.NewReader(&out)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		require.NoError(t, err)
		assert.NotContains(t, got, h.Name, "each name once")
		got[h.Name] = h
	}
}

func TestRepack(t *testing.T) {
	packed := pack(t, complete())
	for name, content := range map[string][]byte{
		"mysql-cluster-9.7.4-linux-x86_64.tar.gz": gzipped(t, packed),
		"mysql-cluster-9.7.4-linux-x86_64.tar.xz": xzipped(t, packed),
	} {
		got, err := repacked(t, written(t, name, content), standard)
		require.NoError(t, err, name)
		assert.Contains(t, got, "usr/local/mysql/bin/")
		assert.Contains(t, got, "usr/local/mysql/share/english/errmsg.sys")
		assert.Contains(t, got, "usr/local/mysql/LICENSE")
		for name := range got {
			assert.NotRegexp(t, `mysql-test|debug|^mysql-cluster`, name)
		}
		server := got["usr/local/mysql/bin/mysqld"]
		require.NotNil(t, server)
		assert.EqualValues(t, 100, server.Size)
		assert.EqualValues(t, 0o755, server.Mode, "no set-uid, not writable by others")
		assert.Zero(t, server.Uid)
	}
}

// Without the xz program the library does the same.
func TestRepackWithoutXZ(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := written(t, "mysql-cluster-9.7.4-linux-x86_64.tar.xz", xzipped(t, pack(t, complete())))
	got, err := repacked(t, b, standard)
	require.NoError(t, err)
	assert.Contains(t, got, "usr/local/mysql/bin/ndbmtd")
}

func TestRepackRefuses(t *testing.T) {
	long := complete()
	long["bin/ndbd"] = make([]byte, 1<<20)
	noise := rand.NewChaCha8([32]byte{1})
	_, _ = noise.Read(long["bin/ndbd"])
	gz, xz := gzipped(t, pack(t, long)), xzipped(t, pack(t, long))
	without := complete()
	delete(without, "bin/ndbmtd")
	delete(without, "bin/ndb_mgmd")
	arm, script := complete(), complete()
	arm["bin/mysqld"], script["bin/mysqld"] = program(0xb7), []byte("#!/bin/sh\n")
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 0xff; return b }
	const gzName, xzName = "mysql-cluster-9.7.4-linux-x86_64.tar.gz", "mysql-cluster-9.7.4-linux-x86_64.tar.xz"
	for what, c := range map[string]struct {
		name    string
		content []byte
		want    string
	}{
		"cut gzip":                 {gzName, gz[:len(gz)/2], "broken or cut off"},
		"cut xz":                   {xzName, xz[:len(xz)/2], "broken or cut off"},
		"gzip without its end":     {gzName, gz[:len(gz)-4], "broken or cut off"},
		"xz without its end":       {xzName, xz[:len(xz)-4], "broken or cut off"},
		"gzip with a flipped byte": {gzName, flip(gz), "broken or cut off"},
		"xz with a flipped byte":   {xzName, flip(xz), "broken or cut off"},
		"an empty gzip":            {gzName, nil, "broken or cut off"},
		"an empty xz":              {xzName, nil, "broken or cut off"},
		"no tar inside":            {gzName, gzipped(t, bytes.Repeat([]byte("x"), 2000)), "broken or cut off"},
		"missing programs":         {gzName, gzipped(t, pack(t, without)), "it has no bin/ndbmtd, bin/ndb_mgmd: not a tarball of NDB Cluster"},
		"another architecture":     {gzName, gzipped(t, pack(t, arm)), "made for aarch64, and the engine runs on x86_64"},
		"no program":               {gzName, gzipped(t, pack(t, script)), "bin/mysqld: it is not a Linux program"},
	} {
		for _, path := range []string{os.Getenv("PATH"), t.TempDir()} { // with and without the xz program
			t.Run(what, func(t *testing.T) {
				t.Setenv("PATH", path)
				_, err := repacked(t, written(t, c.name, c.content), standard)
				require.ErrorContains(t, err, c.want)
				assert.NotContains(t, err.Error(), "\n")
			})
		}
	}
	_, err := repacked(t, Tarball{Path: filepath.Join(t.TempDir(), "gone.tar.xz")}, standard)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// Who gives up is not told that the tarball is broken.
func TestRepackCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := written(t, "mysql-cluster-9.7.4-linux-x86_64.tar.xz", xzipped(t, pack(t, complete())))
	if err := b.repack(ctx, tar.NewWriter(io.Discard), "x86_64", standard); err != nil {
		assert.NotContains(t, err.Error(), "broken")
	}
}

// Links keep pointing into the product, and nothing gets out of it.
func TestRepackLinks(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeSymlink, Name: "top/lib/libx.so", Linkname: "libx.so.1"},
		{Typeflag: tar.TypeLink, Name: "top/bin/hard", Linkname: "top/bin/mysql"},
		{Name: "top/../../etc/passwd"},
		{Name: "./top/share/x"},
		{Name: "stray"},
	} {
		require.NoError(t, w.WriteHeader(&h))
	}
	for name, content := range complete() {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "top/" + name, Mode: 0o755, Size: int64(len(content))}))
		_, err := w.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	got, err := repacked(t, written(t, "mysql-cluster-9.7.4-linux-x86_64.tar.gz", gzipped(t, b.Bytes())), standard)
	require.NoError(t, err)
	assert.Equal(t, "libx.so.1", got["usr/local/mysql/lib/libx.so"].Linkname)
	assert.Equal(t, "usr/local/mysql/bin/mysql", got["usr/local/mysql/bin/hard"].Linkname)
	assert.Contains(t, got, "usr/local/mysql/share/x")
	for name := range got {
		assert.Regexp(t, `^usr/($|local/($|mysql/))`, name)
	}
}

func TestHierarchy(t *testing.T) {
	for name, want := range map[string]string{
		"bin/mysqld": "usr/sbin/mysqld", "bin/ndbmtd": "usr/sbin/ndbmtd", "bin/ndb_mgm": "usr/bin/ndb_mgm", "bin/mysqlbinlog": "",
		"lib/plugin/component_keyring_file.so": "usr/lib64/mysql/plugin/component_keyring_file.so",
		"lib/private/libssl.so.3":              "usr/lib/private/libssl.so.3",
		"share/english/errmsg.sys":             "usr/share/mysql/english/errmsg.sys", "LICENSE": "",
	} {
		assert.Equal(t, want, hierarchy(name), name)
	}
}

func TestElfMachine(t *testing.T) {
	big := program(0)
	big[elf.EI_DATA], big[18], big[19] = byte(elf.ELFDATA2MSB), 0, 22 // s390x is big-endian
	for want, head := range map[string][]byte{"x86_64": program(0x3e), "aarch64": program(0xb7), "s390": big} {
		got, err := elfMachine(head)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, head := range [][]byte{nil, program(0x3e)[:19], []byte("#!/bin/sh and more than twenty bytes")} {
		_, err := elfMachine(head)
		assert.Error(t, err)
	}
}
