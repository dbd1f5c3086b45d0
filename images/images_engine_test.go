//go:build engine

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
)

// These tests need a Docker Engine and a tarball, and take some minutes:
//
//	go test -count=1 -timeout 15m -tags engine -v -run Engine ./images

// own gives options under which a test finds no images but those that it makes,
// and removes them at the end.
func own(t *testing.T, name string) Options {
	t.Helper()
	o := Options{
		Repository: "ndbproof-test-" + name, Labels: map[string]string{"ndbproof.test": name},
		Say: func(line string) { t.Log(line) },
	}
	remove := func() {
		m := mustEngine(t, o)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		all, err := m.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", o.Repository+"/*"))})
		require.NoError(t, err)
		for _, i := range all {
			for _, ref := range i.RepoTags { // names of this test's only
				_, err := m.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
				assert.NoError(t, err)
			}
		}
		assert.Empty(t, containers(t, o), "containers are left")
	}
	remove()
	t.Cleanup(remove)
	return o
}

func mustEngine(t *testing.T, o Options) maker {
	t.Helper()
	m, err := engine(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func containers(t *testing.T, o Options) []string {
	t.Helper()
	f := filters.NewArgs(filters.Arg("label", "ndbproof.test="+o.Labels["ndbproof.test"]))
	all, err := mustEngine(t, o).ContainerList(context.WithoutCancel(t.Context()), container.ListOptions{All: true, Filters: f})
	require.NoError(t, err)
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids
}

// made lists the images under a test's name, but for the base.
func made(t *testing.T, o Options) []string {
	t.Helper()
	all, err := mustEngine(t, o).ImageList(context.WithoutCancel(t.Context()),
		image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", o.Repository+"/*"))})
	require.NoError(t, err)
	var refs []string
	for _, i := range all {
		for _, r := range i.RepoTags {
			if !strings.Contains(r, "/base:") {
				refs = append(refs, r)
			}
		}
	}
	return refs
}

// run runs a program in an image and gives what it writes.
func run(t *testing.T, o Options, ref, user string, argv ...string) string {
	t.Helper()
	m := mustEngine(t, o)
	id, err := m.create(t.Context(), ref, user, "none", argv...)
	require.NoError(t, err)
	defer m.discard(t.Context(), id)
	out, err := m.runToEnd(t.Context(), id)
	require.NoError(t, err, out)
	return out
}

func ensure(t *testing.T, want string, o Options) (Image, time.Duration) {
	t.Helper()
	begun := time.Now()
	c, err := Resolve(t.Context(), want, o)
	require.NoError(t, err)
	t.Log(c.Line)
	img, err := Ensure(t.Context(), c, o)
	require.NoError(t, err)
	return img, time.Since(begun)
}

func TestEngineBuild(t *testing.T) {
	o := own(t, "build")
	_, err := existing(t, "9.7.4", o)
	require.ErrorContains(t, err, "make image")

	img, took := ensure(t, "9.7.4", o)
	t.Logf("first build, with the base: %.1f s; %.3f GB", took.Seconds(), float64(img.Size)/1e9)
	assert.Less(t, took, 75*time.Second)
	assert.LessOrEqual(t, img.Size, int64(600_000_000))
	_, took = ensure(t, "9.7.4-fix1", o)
	t.Logf("first build, on the same base: %.1f s", took.Seconds())
	again, took := ensure(t, "9.7.4", o)
	t.Logf("later run: %.3f s", took.Seconds())
	assert.Less(t, took, time.Second)
	assert.Equal(t, img.ID, again.ID)
	assert.Equal(t, FromBuilt, again.Source)
	assert.True(t, again.Listed)
	same, err := existing(t, "9.7.4", o)
	require.NoError(t, err)
	assert.Equal(t, img.ID, same.ID)

	assert.Equal(t, ours, img.Layout)
	in, err := mustEngine(t, o).ImageInspect(t.Context(), img.Ref)
	require.NoError(t, err)
	assert.Equal(t, "mysql", in.Config.User)
	assert.Empty(t, in.Config.Entrypoint)
	assert.Empty(t, in.Config.Volumes)
	assert.Equal(t, []string{"NONE"}, in.Config.Healthcheck.Test)
	assert.Len(t, in.RootFS.Layers, 2, "the base, and one layer that has each file once")
	for k, v := range in.Config.Labels {
		t.Logf("label %s=%s", k, v)
	}

	assert.Contains(t, run(t, o, img.Ref, "", "mysqld", "--version"), "9.7.4")
	t.Log(run(t, o, img.Ref, "", "sh", "-c", "id; stat -c '%U %a %n' /var/lib/mysql /var/lib/mysql/* /var/lib/ndb; du -sm /var/lib/mysql/data; du -sm --apparent-size /var/lib/mysql/data; ls -lA /var/lib/mysql/data; for p in /usr/local/mysql/bin/*; do ldd $p | grep -i 'not found'; done; true"))
	files := run(t, o, img.Ref, "", "ls", "-A", "/var/lib/mysql/data")
	assert.NotContains(t, files, "auto.cnf")
	assert.NotContains(t, files, ".pem")
}

func existing(t *testing.T, want string, o Options) (Image, error) {
	t.Helper()
	c, err := Resolve(t.Context(), want, o)
	require.NoError(t, err)
	return Existing(t.Context(), c, o)
}

func TestEngineTwoBuildsAtOnce(t *testing.T) {
	o := own(t, "twice")
	type result struct {
		img Image
		err error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			c, err := Resolve(t.Context(), "9.7.2", o)
			if err == nil {
				var img Image
				img, err = Ensure(t.Context(), c, o)
				results <- result{img, err}
				return
			}
			results <- result{err: err}
		}()
	}
	a, b := <-results, <-results
	require.NoError(t, errors.Join(a.err, b.err))
	assert.Equal(t, a.img.ID, b.img.ID)
	assert.Len(t, made(t, o), 1)
}

// What is wrong with a tarball is said in one line, and nothing is left.
func TestEngineBadTarballs(t *testing.T) {
	o := own(t, "bad")
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
		choice, err := Resolve(t.Context(), file, o)
		require.NoError(t, err)
		begun := time.Now()
		_, err = Ensure(t.Context(), choice, o)
		t.Logf("%.1f s: %v", time.Since(begun).Seconds(), err)
		assert.ErrorContains(t, err, c.want, c.name)
		assert.NotContains(t, err.Error(), "\n")
		assert.Empty(t, made(t, o), c.name)
		assert.Empty(t, containers(t, o), c.name)
	}
}

// Ctrl-C at any moment leaves no container and no half image.
func TestEngineCancelled(t *testing.T) {
	o := own(t, "cancelled")
	c, err := Resolve(t.Context(), "9.7.4", o)
	require.NoError(t, err)
	require.NoError(t, mustEngine(t, o).base(t.Context()))
	for _, after := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second, 3 * time.Second, 6 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := Ensure(ctx, c, o)
		cancel()
		t.Logf("%s: %v", after, err)
		if assert.ErrorIs(t, err, context.DeadlineExceeded) {
			assert.Empty(t, made(t, o), after)
		}
		assert.Empty(t, containers(t, o), after)
	}
}

func TestEngineForeign(t *testing.T) {
	o := own(t, "foreign")
	c, err := Resolve(t.Context(), "9.7.4", o)
	require.NoError(t, err)
	ref, err := FHS(t.Context(), c, o)
	require.NoError(t, err)
	env := o
	env.Getenv = func(name string) string { return map[string]string{"NDB_IMAGE": ref}[name] }
	_, err = existing(t, "", env)
	require.ErrorContains(t, err, "make image", "who only looks may adapt, but not build the lender")

	img, took := ensure(t, "", env)
	t.Logf("first time, lender included: %.1f s: %+v", took.Seconds(), img)
	again, took := ensure(t, "", env)
	t.Logf("later run: %.3f s", took.Seconds())
	assert.Less(t, took, time.Second)
	assert.Equal(t, img, again)

	assert.Equal(t, release.Layout{
		Bin: "/usr/bin", Sbin: "/usr/sbin", Plugin: "/usr/lib64/mysql/plugin", Share: "/usr/share/mysql",
		DataDir: dataDir, User: "mysql", UID: 27, GID: 27, Missing: []string{"mysqlbinlog"},
	}, img.Layout)
	assert.Equal(t, release.MustParse("9.7.4"), img.Release)
	assert.False(t, img.Listed)
	assert.Contains(t, run(t, o, img.ToolsRef, "", "mysqlbinlog", "--version"), "9.7.4")
	in, err := mustEngine(t, o).ImageInspect(t.Context(), img.Ref)
	require.NoError(t, err)
	assert.Equal(t, "27:27", in.Config.User)
	assert.Empty(t, in.Config.Entrypoint)
	assert.Empty(t, in.Config.Volumes)
	assert.Nil(t, in.Config.Healthcheck)
	t.Logf("adapted: %.3f GB, env %v", float64(in.Size)/1e9, in.Config.Env)

	t.Log(run(t, o, img.Ref, "", "sh", "-c", "id; stat -c '%u %a %n' /var/lib/mysql /var/lib/mysql/* /var/lib/ndb; ls -A /var/lib/mysql/data | grep -E 'auto.cnf|pem'; ls -lL /usr/lib64/mysql/private/libssl.so.3"))
	// A server comes up on the data directory, takes SQL, and goes down.
	out := run(t, o, img.Ref, "27:27", "sh", "-c", `echo "SHUTDOWN;" > /tmp/stop.sql
exec /usr/sbin/mysqld --no-defaults --user=mysql --basedir=/usr --datadir=/var/lib/mysql/data --plugin-dir=/usr/lib64/mysql/plugin --lc-messages-dir=/usr/share/mysql --character-sets-dir=/usr/share/mysql/charsets --init-file=/tmp/stop.sql --loose-mysqlx=OFF --skip-networking --socket=/tmp/s.sock`)
	assert.Contains(t, out, "Received SHUTDOWN")
	assert.NotContains(t, out, "[ERROR]")
}

// The base made from an image of Debian carries a server, too.
func TestEngineBaseOnDebian(t *testing.T) {
	o := own(t, "debian")
	m := mustEngine(t, o)
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
	img, took := ensure(t, "9.7.2", o)
	t.Logf("image on it: %.1f s, %.3f GB", took.Seconds(), float64(img.Size)/1e9)
	assert.Less(t, took, 30*time.Second, "the base was there")
	assert.Contains(t, run(t, o, img.Ref, "", "mysqld", "--version"), "9.7.2")
}

func TestEngineProbe(t *testing.T) {
	o := own(t, "probe")
	begun := time.Now()
	ref, err := EnsureProbe(t.Context(), o)
	require.NoError(t, err)
	t.Logf("%s: %.1f s", ref, time.Since(begun).Seconds())
	m := mustEngine(t, o)
	id, err := m.create(t.Context(), ref, "", "none", "/probe")
	require.NoError(t, err)
	defer m.discard(t.Context(), id)
	r, _, err := m.CopyFromContainer(t.Context(), id, "/probe")
	require.NoError(t, err)
	defer r.Close() //nolint:errcheck // read only
	h, err := tar.NewReader(r).Next()
	require.NoError(t, err)
	assert.Equal(t, int64(0o755), h.Mode&0o777)
	_, _ = io.Copy(io.Discard, r)
}
