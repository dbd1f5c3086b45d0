package images

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script gives a step's.
func script(t *testing.T, name string) string {
	t.Helper()
	i := slices.IndexFunc(sourcePlan(), func(j Job) bool { return j.Name == name })
	require.GreaterOrEqual(t, i, 0)
	return sourcePlan()[i].Script
}

// write makes a file and the folders that lead to it.
func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o755))
}

// built is a build folder as compiling leaves it, and programs that say what
// packing asked of them.
func built(t *testing.T) (build, path string, env []string) {
	t.Helper()
	build, path = t.TempDir(), t.TempDir()
	for _, p := range builtPrograms {
		write(t, filepath.Join(build, "bld/runtime_output_directory", p), string(program(0x3e)))
	}
	for _, p := range builtPlugins {
		write(t, filepath.Join(build, "bld/plugin_output_directory", p+".so"), p)
	}
	write(t, filepath.Join(build, "bld/share/english/errmsg.sys"), "words")
	write(t, filepath.Join(build, "bld/share/cmake_install.cmake"), "not for packing")
	write(t, filepath.Join(build, "src/share/charsets/Index.xml"), "sets")
	write(t, filepath.Join(build, "src/LICENSE"), "GPL")
	write(t, filepath.Join(build, "src/README"), "read")
	write(t, filepath.Join(path, "private/libssl.so.3"), "ssl")
	write(t, filepath.Join(path, "ldd"), "#!/bin/sh\n[ \"$1\" = --version ] && echo 'ldd (Debian GLIBC 2.36-9) 2.36' && exit\n"+
		"echo '\tlibssl.so.3 => "+path+"/private/libssl.so.3 (0x1)'\necho '\tlibc.so.6 => /lib/libc.so.6 (0x1)'\necho '\tlinux-vdso.so.1 (0x1)'\n")
	write(t, filepath.Join(path, "strip"), "#!/bin/sh\n")
	write(t, filepath.Join(path, "patchelf"), "#!/bin/sh\nfor f; do echo \"rpath $2 ${f##*/}\"; done\n")
	write(t, filepath.Join(path, "uname"), "#!/bin/sh\necho x86_64\n")
	return build, path, []string{"RELEASE=9.7.4-fix1", "JOBS=2", "PROGRAMS=" + strings.Join(builtPrograms, " "), "PLUGINS=" + strings.Join(builtPlugins, " ")}
}

func TestPack(t *testing.T) {
	build, path, env := built(t)
	out, err := bash(t, script(t, "pack"), build, path, env...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "rpath $ORIGIN/../lib/private mysqld\n")
	assert.Contains(t, out, "rpath $ORIGIN libssl.so.3\n")
	assert.Contains(t, out, "rpath $ORIGIN/../private component_keyring_file.so\n")

	packed := filepath.Join(build, "out/mysql-cluster-9.7.4-fix1-linux-glibc2.36-x86_64.tar.xz")
	tarball, err := ParseTarball(packed)
	require.NoError(t, err)
	assert.Equal(t, "9.7.4-fix1", tarball.Release.String())
	in, err := tarball.unpack(t.Context())
	require.NoError(t, err)
	defer in.Close() //nolint:errcheck // read only
	files := map[string]bool{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		files[below(h.Name)] = true
		assert.Zero(t, h.Uid+h.Gid, h.Name)
	}
	for _, f := range []string{"bin/mysqld", "lib/plugin/component_reference_cache.so", "lib/private/libssl.so.3", "share/english/errmsg.sys", "share/charsets/Index.xml", "LICENSE"} {
		assert.True(t, files[f], "%s is not packed", f)
	}
	for _, f := range []string{"share/cmake_install.cmake", "lib/private/libc.so.6"} {
		assert.False(t, files[f], "%s is packed", f)
	}
	require.NoError(t, tarball.repack(t.Context(), tar.NewWriter(io.Discard), "x86_64", standard), "an image can be made of it")
}

func TestPackMissesWhatWasNotBuilt(t *testing.T) {
	build, path, env := built(t)
	require.NoError(t, os.Remove(filepath.Join(build, "bld/plugin_output_directory/component_reference_cache.so")))
	out, err := bash(t, script(t, "pack"), build, path, env...)
	require.Error(t, err)
	assert.Equal(t, "plugin component_reference_cache was not built", blamed(out))

	build, path, env = built(t)
	require.NoError(t, os.Remove(filepath.Join(build, "bld/runtime_output_directory/ndbmtd")))
	out, err = bash(t, script(t, "pack"), build, path, env...)
	require.Error(t, err)
	assert.Contains(t, out, "ndbmtd")
}

// unpackable is a fetched package whose content is one file; dpkg-deb gives it.
func unpackable(t *testing.T) (build, path string, env []string) {
	t.Helper()
	build, path = t.TempDir(), t.TempDir()
	write(t, filepath.Join(path, "top/mysql-9.7/MYSQL_VERSION"), "MYSQL_VERSION_MAJOR=9\nMYSQL_VERSION_EXTRA=\n")
	write(t, filepath.Join(path, "top/mysql-9.7/mysys/a.cc"), "one\ntwo\n")
	write(t, filepath.Join(path, "top/mysql-9.7/builddir/left.o"), "of another build")
	write(t, filepath.Join(path, "top/mysql-9.7/sql/builddir/kept.cc"), "source")
	write(t, filepath.Join(path, "dpkg-deb"), "#!/bin/sh\n[ \"${2##*/}\" = mysql-source_9.7.4-2_amd64.deb ] || exit 1\ncd "+path+"\n"+
		"mkdir -p usr/src/mysql; tar -C top -czf usr/src/mysql/mysql-source.tar.gz mysql-9.7\ntar -c ./usr\n")
	write(t, filepath.Join(build, "fetched/mysql-source_9.7.4-2_amd64.deb"), "")
	return build, path, []string{"PACKAGE=mysql-source", "VERSION=9.7.4-2"}
}

const second = "Why.\n\n--- a/mysys/a.cc\n+++ b/mysys/a.cc\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"

func TestUnpack(t *testing.T) {
	build, path, env := unpackable(t)
	out, err := bash(t, script(t, "unpack"), build, path, append(env, "SUFFIX=")...)
	require.NoError(t, err, out)
	assert.NoFileExists(t, filepath.Join(build, "src/builddir/left.o"))
	assert.FileExists(t, filepath.Join(build, "src/sql/builddir/kept.cc"))

	write(t, filepath.Join(build, "patches/01-f1.patch"), second)
	out, err = bash(t, script(t, "unpack"), build, path, append(env, "SUFFIX=fix1")...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "applying 01-f1.patch")
	for name, want := range map[string]string{"mysys/a.cc": "one\nthree\n", "MYSQL_VERSION": "MYSQL_VERSION_MAJOR=9\nMYSQL_VERSION_EXTRA=-fix1\n"} {
		got, err := os.ReadFile(filepath.Join(build, "src", name))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

func TestUnpackNamesThePatchThatDoesNotApply(t *testing.T) {
	build, path, env := unpackable(t)
	write(t, filepath.Join(build, "patches/01-f1.patch"), second)
	write(t, filepath.Join(build, "patches/02-again.patch"), second)
	out, err := bash(t, script(t, "unpack"), build, path, append(env, "SUFFIX=fix1")...)
	require.Error(t, err)
	assert.Contains(t, blamed(out), "patch 02-again.patch does not apply to mysql-source 9.7.4-2")
}
