//go:build engine

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/engine"
	"ndbproof/harness/release"
)

// These tests need a Docker Engine and a tarball, and take some minutes:
//
//	go test -count=1 -timeout 15m -tags engine -v -run Engine ./images

// own gives an engine, and options under which a test finds no images but those that it makes,
// and removes them at the end.
func own(t *testing.T, name string) (*engine.Run, Options) {
	t.Helper()
	o := Options{
		Repository: "ndbproof-test-" + name, Say: func(line string) { t.Log(line) },
	}
	e, err := engine.Dial(t.Context())
	require.NoError(t, err)
	lease, err := engine.Take(false, 0)
	require.NoError(t, err)
	r := e.With(lease)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	remove := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		require.NoError(t, Forget(ctx, e, o))
		assert.Empty(t, containers(t, r), "containers are left")
	}
	remove()
	t.Cleanup(remove)
	return r, o
}

// containers lists those that a test has on the engine.
func containers(t *testing.T, r *engine.Run) []string {
	t.Helper()
	all, err := r.Holdings(context.WithoutCancel(t.Context()), r.Lease.Run)
	require.NoError(t, err)
	var ids []string
	for _, h := range all {
		ids = append(ids, h.Containers...)
	}
	return ids
}

// made lists the images under a test's name, but for the base.
func made(t *testing.T, r *engine.Run, o Options) []string {
	t.Helper()
	all, err := r.ImagesOf(context.WithoutCancel(t.Context()), o.Repository)
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(ref string) bool { return strings.Contains(ref, "/base:") })
}

// run runs a program in an image and gives what it writes.
func run(t *testing.T, r *engine.Run, ref, user string, argv ...string) string {
	t.Helper()
	out, err := Try(t.Context(), r, ref, user, argv...)
	require.NoError(t, err, out)
	return out
}

func ensure(t *testing.T, r *engine.Run, want string, o Options) (Image, time.Duration) {
	t.Helper()
	begun := time.Now()
	c, err := Resolve(t.Context(), r.Engine, want, o)
	require.NoError(t, err)
	t.Log(c.Line)
	img, err := Ensure(t.Context(), r, c, o)
	require.NoError(t, err)
	return img, time.Since(begun)
}

func TestEngineBuild(t *testing.T) {
	r, o := own(t, "build")
	_, err := existing(t, r, "9.7.4", o)
	require.ErrorContains(t, err, "make image")

	img, took := ensure(t, r, "9.7.4", o)
	t.Logf("first build, with the base: %.1f s; %.3f GB", took.Seconds(), float64(img.Size)/1e9)
	assert.Less(t, took, 75*time.Second)
	assert.LessOrEqual(t, img.Size, int64(600_000_000))
	_, took = ensure(t, r, "9.7.4-fix1", o)
	t.Logf("first build, on the same base: %.1f s", took.Seconds())
	again, took := ensure(t, r, "9.7.4", o)
	t.Logf("later run: %.3f s", took.Seconds())
	assert.Less(t, took, time.Second)
	assert.Equal(t, img.ID, again.ID)
	assert.Equal(t, FromBuilt, again.Source)
	assert.True(t, again.Listed)
	same, err := existing(t, r, "9.7.4", o)
	require.NoError(t, err)
	assert.Equal(t, img.ID, same.ID)

	assert.Equal(t, ours, img.Layout)
	in, err := r.InspectImage(t.Context(), img.Ref)
	require.NoError(t, err)
	assert.Equal(t, "mysql", in.User)
	assert.Empty(t, in.Entrypoint)
	assert.Empty(t, in.Volumes)
	assert.Equal(t, []string{"NONE"}, in.Healthcheck)
	assert.Equal(t, 2, in.Layers, "the base, and one layer that has each file once")
	for k, v := range in.Labels {
		t.Logf("label %s=%s", k, v)
	}

	assert.Contains(t, run(t, r, img.Ref, "", "mysqld", "--version"), "9.7.4")
	t.Log(run(t, r, img.Ref, "", "sh", "-c", "id; stat -c '%U %a %n' /var/lib/mysql /var/lib/mysql/* /var/lib/ndb; du -sm /var/lib/mysql/data; du -sm --apparent-size /var/lib/mysql/data; ls -lA /var/lib/mysql/data; for p in /usr/local/mysql/bin/*; do ldd $p | grep -i 'not found'; done; true"))
	files := run(t, r, img.Ref, "", "ls", "-A", "/var/lib/mysql/data")
	assert.NotContains(t, files, "auto.cnf")
	assert.NotContains(t, files, ".pem")
}

func existing(t *testing.T, r *engine.Run, want string, o Options) (Image, error) {
	t.Helper()
	c, err := Resolve(t.Context(), r.Engine, want, o)
	require.NoError(t, err)
	return Existing(t.Context(), r, c, o)
}

func TestEngineTwoBuildsAtOnce(t *testing.T) {
	r, o := own(t, "twice")
	type result struct {
		img Image
		err error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			c, err := Resolve(t.Context(), r.Engine, "9.7.2", o)
			if err == nil {
				var img Image
				img, err = Ensure(t.Context(), r, c, o)
				results <- result{img, err}
				return
			}
			results <- result{err: err}
		}()
	}
	a, b := <-results, <-results
	require.NoError(t, errors.Join(a.err, b.err))
	assert.Equal(t, a.img.ID, b.img.ID)
	assert.Len(t, made(t, r, o), 1)
}

// What is wrong with a tarball is said in one line, and nothing is left.
func TestEngineBadTarballs(t *testing.T) {
	r, o := own(t, "bad")
	found, err := Bundles(o)
	require.NoError(t, err)
	good, err := os.ReadFile(found[0].Path)
	require.NoError(t, err)
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 0xff
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"mysql-cluster-9.9.1-linux-glibc2.36-x86_64.tar.xz", good[:len(good)/2], "broken or cut off"},
		{"mysql-cluster-9.9.2-linux-glibc2.36-x86_64.tar.xz", good[:len(good)-20], "broken or cut off"},
		{"mysql-cluster-9.9.3-linux-glibc2.36-x86_64.tar.xz", flipped, "broken or cut off"},
		{"mysql-cluster-9.9.4-linux-glibc2.36-x86_64.tar.xz", nil, "broken or cut off"},
		{"mysql-cluster-9.9.5-linux-glibc2.36-aarch64.tar.xz", good, "its name says aarch64"},
		{"mysql-cluster-9.9.6-linux-glibc2.36-x86_64.tar.gz", gzipped(t, pack(t, map[string][]byte{"bin/mysqld": program(0xb7)})), "made for aarch64"},
		{"mysql-cluster-9.9.7-linux-glibc2.36-x86_64.tar.gz", gzipped(t, pack(t, map[string][]byte{"bin/mysqld": program(0x3e), "bin/ndb_mgmd": nil})), "it has no bin/ndbmtd, bin/ndb_mgm, bin/mysql"},
	} {
		file := filepath.Join(t.TempDir(), c.name)
		require.NoError(t, os.WriteFile(file, c.content, 0o600))
		choice, err := Resolve(t.Context(), r.Engine, file, o)
		require.NoError(t, err)
		begun := time.Now()
		_, err = Ensure(t.Context(), r, choice, o)
		t.Logf("%.1f s: %v", time.Since(begun).Seconds(), err)
		assert.ErrorContains(t, err, c.want, c.name)
		assert.NotContains(t, err.Error(), "\n")
		assert.Empty(t, made(t, r, o), c.name)
		assert.Empty(t, containers(t, r), c.name)
	}
}

// Ctrl-C at any moment leaves no container and no half image.
func TestEngineCancelled(t *testing.T) {
	r, o := own(t, "cancelled")
	c, err := Resolve(t.Context(), r.Engine, "9.7.4", o)
	require.NoError(t, err)
	require.NoError(t, maker{Run: r, o: o}.base(t.Context()))
	for _, after := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second, 3 * time.Second, 6 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := Ensure(ctx, r, c, o)
		cancel()
		t.Logf("%s: %v", after, err)
		if assert.ErrorIs(t, err, context.DeadlineExceeded) {
			assert.Empty(t, made(t, r, o), after)
		}
		assert.Empty(t, containers(t, r), after)
	}
}

func TestEngineForeign(t *testing.T) {
	r, o := own(t, "foreign")
	c, err := Resolve(t.Context(), r.Engine, "9.7.4", o)
	require.NoError(t, err)
	ref, err := FHS(t.Context(), r, c, o)
	require.NoError(t, err)
	env := o
	env.Getenv = func(name string) string { return map[string]string{"NDB_IMAGE": ref}[name] }
	_, err = existing(t, r, "", env)
	require.ErrorContains(t, err, "make image", "who only looks may adapt, but not build the lender")

	img, took := ensure(t, r, "", env)
	t.Logf("first time, lender included: %.1f s: %+v", took.Seconds(), img)
	again, took := ensure(t, r, "", env)
	t.Logf("later run: %.3f s", took.Seconds())
	assert.Less(t, took, time.Second)
	assert.Equal(t, img, again)

	assert.Equal(t, release.Layout{
		Bin: "/usr/bin", Sbin: "/usr/sbin", Plugin: "/usr/lib64/mysql/plugin", Share: "/usr/share/mysql",
		DataDir: dataDir, User: "mysql", UID: 27, GID: 27, Missing: []string{"mysqlbinlog"},
	}, img.Layout)
	assert.Equal(t, release.MustParse("9.7.4"), img.Release)
	assert.False(t, img.Listed)
	assert.Contains(t, run(t, r, img.ToolsRef, "", "mysqlbinlog", "--version"), "9.7.4")
	in, err := r.InspectImage(t.Context(), img.Ref)
	require.NoError(t, err)
	assert.Equal(t, "27:27", in.User)
	assert.Empty(t, in.Entrypoint)
	assert.Empty(t, in.Volumes)
	assert.Nil(t, in.Healthcheck)
	t.Logf("adapted: %.3f GB, env %v", float64(in.Size)/1e9, in.Env)

	t.Log(run(t, r, img.Ref, "", "sh", "-c", "id; stat -c '%u %a %n' /var/lib/mysql /var/lib/mysql/* /var/lib/ndb; ls -A /var/lib/mysql/data | grep -E 'auto.cnf|pem'; ls -lL /usr/lib64/mysql/private/libssl.so.3"))
	// A server comes up on the data directory, takes SQL, and goes down.
	out := run(t, r, img.Ref, "27:27", "sh", "-c", `echo "SHUTDOWN;" > /tmp/stop.sql
exec /usr/sbin/mysqld --no-defaults --user=mysql --basedir=/usr --datadir=/var/lib/mysql/data --plugin-dir=/usr/lib64/mysql/plugin --lc-messages-dir=/usr/share/mysql --character-sets-dir=/usr/share/mysql/charsets --init-file=/tmp/stop.sql --loose-mysqlx=OFF --skip-networking --socket=/tmp/s.sock`)
	assert.Contains(t, out, "Received SHUTDOWN")
	assert.NotContains(t, out, "[ERROR]")
}

// The base made from an image of Debian carries a server, too.
func TestEngineBaseOnDebian(t *testing.T) {
	r, o := own(t, "debian")
	m := maker{Run: r, o: o}
	rootfs := filepath.Join(t.TempDir(), "slim.tar")
	out, err := exec.CommandContext(t.Context(), "mmdebstrap", "--variant=minbase", "bookworm", rootfs).CombinedOutput()
	require.NoError(t, err, string(out))
	f, err := os.Open(rootfs)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // read only
	require.NoError(t, m.importTar(t.Context(), f, o.ref("debian", "slim"), nil))
	begun := time.Now()
	require.NoError(t, m.onDebian(t.Context(), o.ref("debian", "slim"), map[string]string{labelBase: o.recipe()}))
	t.Logf("base on debian: %.1f s", time.Since(begun).Seconds())
	img, took := ensure(t, r, "9.7.2", o)
	t.Logf("image on it: %.1f s, %.3f GB", took.Seconds(), float64(img.Size)/1e9)
	assert.Less(t, took, 30*time.Second, "the base was there")
	assert.Contains(t, run(t, r, img.Ref, "", "mysqld", "--version"), "9.7.2")
}

func TestEngineProbe(t *testing.T) {
	r, o := own(t, "probe")
	begun := time.Now()
	ref, err := EnsureProbe(t.Context(), r, o)
	require.NoError(t, err)
	t.Logf("%s: %.1f s", ref, time.Since(begun).Seconds())
	id, err := r.Create(t.Context(), engine.Container{Image: ref, Argv: []string{"/probe"}})
	require.NoError(t, err)
	defer r.Discard(t.Context(), id) //nolint:errcheck // its labels let a sweep find it
	require.NoError(t, r.CopyOut(t.Context(), id, "/probe", func(files *tar.Reader) error {
		h, err := files.Next()
		require.NoError(t, err)
		assert.Equal(t, int64(0o755), h.Mode&0o777)
		return nil
	}))
}
