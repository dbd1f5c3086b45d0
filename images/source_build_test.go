package images

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
)

var allSteps = []string{"room", "ask", "tools", "fetch", "unpack", "configure", "compile", "pack", "smoke", "tidy"}

// entries are the names in a folder.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestFromSource(t *testing.T) {
	b, o := newBuilder(t)
	var said []string
	o.Say = func(line string) { said = append(said, line) }
	got, err := FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.x"}, o)
	require.NoError(t, err)
	assert.Equal(t, Tarball{filepath.Join(o.BuiltDir, built974), release.MustParse("9.7.4"), "x86_64"}, got)
	assert.Equal(t, allSteps, b.steps())
	assert.Empty(t, b.boxes, "containers that are left")
	assert.Equal(t, []string{"from-source.log", built974, built974 + ".json"}, entries(t, o.BuiltDir))
	assert.Contains(t, said[0], "building 9.7.x from Debian's source")
	assert.NotContains(t, said[0], "to avoid that", "who asks for it wants it")
	assert.Contains(t, said, "Debian's archive has mysql-source 9.7.4-2")
	assert.Contains(t, said, "step 7 of 10: compiling")
	assert.Contains(t, said, "compiling: 1 of 2 (50 %), less than a minute left")

	sum, err := sha256Of(got.Path)
	require.NoError(t, err)
	how, err := got.builtHere(sum)
	require.NoError(t, err)
	assert.Equal(t, &evidence.SourceBuild{How: "built from source", Package: "mysql-source", Version: "9.7.4-2", Patches: []evidence.SourcePatch{}}, how)
	log, err := os.ReadFile(filepath.Join(o.BuiltDir, "from-source.log"))
	require.NoError(t, err)
	assert.Contains(t, string(log), "step 7 of 10: compiling\n[1/2] Building CXX object a.o\n")

	again, err := FromSourcePackage(t.Context(), b.engine, SourceBuild{}, o)
	require.ErrorContains(t, err, "what was built says that it is 9.7.4, and 26.7.1 was wanted", "the newest is another")
	assert.Zero(t, again)
	b.ran = nil
	again, err = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.NoError(t, err)
	assert.Equal(t, got, again)
	assert.Equal(t, []string{"room", "ask"}, b.steps(), "it is there already")
}

// Each step has what it needs, and no more.
func TestFromSourceContainers(t *testing.T) {
	b, o := newBuilder(t)
	_, err := FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.NoError(t, err)
	for _, step := range allSteps {
		c := b.of(step)
		network := map[string]string{"ask": "default", "tools": "default", "fetch": "default"}[step]
		assert.Equal(t, cmp.Or(network, "none"), c.HostConfig.NetworkMode, step)
		assert.Equal(t, b.engine.Lease.Run, c.Labels["ndbproof.run"], step)
		assert.Equal(t, int64(128), c.HostConfig.CPUShares, step)
		assert.Equal(t, step != "tools" && step != "smoke", len(c.HostConfig.Binds) == 1, "%s: volume", step)
	}
	assert.Equal(t, []string{"ndbproof-source:/build"}, b.of("compile").HostConfig.Binds)
	assert.True(t, strings.HasPrefix(b.of("compile").Image, "ndbproof/tools:"))
	assert.Contains(t, b.of("compile").Env, "JOBS=2")
	assert.Contains(t, b.of("pack").Env, "RELEASE=9.7.4")
	assert.Contains(t, b.of("fetch").Env, "VERSION=9.7.4-2")
	assert.Empty(t, b.of("tools").Env)
	assert.Equal(t, "ndbproof/base:bookworm", b.of("smoke").Image)
	assert.Equal(t, "mysql", b.of("smoke").User)
	assert.Contains(t, b.of("smoke").files, "usr/local/mysql/bin/mysqld")
	assert.Contains(t, b.of("unpack").script(), "done before")
	assert.NotContains(t, b.of("compile").script(), "done before", "ninja knows best")

	require.NoError(t, os.Remove(filepath.Join(o.BuiltDir, built974)))
	b.ran = nil
	_, err = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.NoError(t, err)
	assert.NotContains(t, b.steps(), "tools", "their image is there")
}

func TestFromSourcePatched(t *testing.T) {
	b, o := newBuilder(t)
	name := strings.Replace(built974, "9.7.4", "9.7.4-fix1", 1)
	b.packed = map[string][]byte{name: b.packed[built974]}
	b.says["smoke"] = "mysqld  Ver 9.7.4-fix1-cluster for Linux\n"
	got, err := FromSourcePackage(t.Context(), b.engine, fix1, o)
	require.NoError(t, err)
	assert.Equal(t, "9.7.4-fix1", got.Release.String())
	assert.Equal(t, []string{"patches/01-f1.patch"}, b.of("unpack").files)
	assert.Contains(t, b.of("unpack").Env, "SUFFIX=fix1")

	other := fix1
	other.Patches = []Patch{{Name: "f1.patch", Text: []byte("--- a/y\n")}}
	b.ran = nil
	_, err = FromSourcePackage(t.Context(), b.engine, other, o)
	require.NoError(t, err)
	assert.Equal(t, "compile", b.of("compile").step, "another patch of the same name is another build")
}

func TestFromSourceFails(t *testing.T) {
	for what, c := range map[string]struct {
		fails, step, says string
		want              []string
		last              string
	}{
		"no room":             {step: "room", says: "disk 1000\nused 0\nmemory 16000000000\n", want: []string{"step room", "of disk are free"}, last: "room"},
		"not in the archive":  {step: "ask", says: "source mysql-9.7 9.7.2-4\n", want: []string{"step ask", "the archive has 9.7.2-4"}, last: "ask"},
		"a package is gone":   {fails: "tools", step: "tools", says: "E: Unable to locate package clang-16\n", want: []string{"step tools, installing", "exit 1: E: Unable to locate package clang-16"}, last: "tools"},
		"it does not compile": {fails: "compile", step: "compile", says: "[1/2] x\nFAILED: a.o\na.cc:1: error: no\nninja: stopped\n", want: []string{"step compile", "FAILED: a.o / a.cc:1: error: no"}, last: "compile"},
		"it says nothing":     {fails: "configure", step: "configure", want: []string{"step configure", "it wrote nothing"}, last: "configure"},
		"it does not run":     {fails: "smoke", step: "smoke", says: "mysqld: error: cannot open shared library\n", want: []string{"step smoke", "cannot open shared library"}, last: "smoke"},
		"it is another":       {step: "smoke", says: "mysqld  Ver 9.7.3-cluster\n", want: []string{"it is 9.7.3, and 9.7.4 was wanted"}, last: "smoke"},
		"it tells no version": {step: "smoke", says: "hello\n", want: []string{"no version in it"}, last: "smoke"},
	} {
		t.Run(what, func(t *testing.T) {
			b, o := newBuilder(t)
			b.fails = c.fails
			b.says[c.step] = c.says
			_, err := FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
			for _, w := range append(c.want, "build from source: ", filepath.Join(o.BuiltDir, "from-source.log"), "give the same command again") {
				assert.ErrorContains(t, err, w)
			}
			steps := b.steps()
			assert.Equal(t, c.last, steps[len(steps)-1], "nothing is done after it")
			assert.Empty(t, b.boxes, "containers that are left")
			assert.Equal(t, []string{"from-source.log"}, entries(t, o.BuiltDir), "no tarball")
		})
	}
}

func TestFromSourceRefusesABrokenTarball(t *testing.T) {
	b, o := newBuilder(t)
	files := complete()
	delete(files, "bin/ndbmtd")
	b.packed = map[string][]byte{built974: gzipped(t, pack(t, files))}
	_, err := FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.ErrorContains(t, err, "step smoke")
	require.ErrorContains(t, err, "it has no bin/ndbmtd")
	assert.Equal(t, []string{"from-source.log"}, entries(t, o.BuiltDir))

	b.packed = map[string][]byte{"other.tar.gz": nil}
	_, err = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.ErrorContains(t, err, "step pack")
	b.packed = nil
	_, err = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.ErrorContains(t, err, "read the packed tarball")
}

// A build from source does not replace a vendor's tarball of the same name.
func TestFromSourceLeavesAVendorsTarball(t *testing.T) {
	b, o := newBuilder(t)
	write(t, filepath.Join(o.BuiltDir, name974), "vendor's")
	_, err := FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.ErrorContains(t, err, name974+" is there already, and was not built here")
	assert.Equal(t, []string{"room", "ask"}, b.steps())
}

func TestFromSourceIsInterrupted(t *testing.T) {
	b, o := newBuilder(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.during = func(step string) {
		if step == "compile" {
			cancel(errors.New("a signal"))
		}
	}
	write(t, filepath.Join(o.BuiltDir, untried+"1-"+built974), "of a build that was killed")
	_, err := FromSourcePackage(ctx, b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.ErrorContains(t, err, "interrupted in step compile; the same command goes on there: a signal")
	assert.Empty(t, b.boxes, "containers that are left")
	assert.Equal(t, []string{"from-source.log"}, entries(t, o.BuiltDir))
	b.during = func(string) {}
	_, err = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	require.NoError(t, err)
}

func TestTwoBuildsFromSourceWaitForOneAnother(t *testing.T) {
	b, o := newBuilder(t)
	waits := make(chan struct{})
	o.Say = func(line string) {
		if strings.Contains(line, "waiting for its end") {
			close(waits)
		}
	}
	var first, second error
	var wg sync.WaitGroup
	b.during = func(step string) {
		if step != "compile" {
			return
		}
		wg.Go(func() { _, second = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o) })
		<-waits
	}
	_, first = FromSourcePackage(t.Context(), b.engine, SourceBuild{Want: "9.7.4"}, o)
	wg.Wait()
	require.NoError(t, errors.Join(first, second))
	assert.Equal(t, append(allSteps, "room", "ask"), b.steps(), "the second finds what the first one built")
}

// When the official image cannot be pulled, NDB is built, if that is allowed,
// after one line that says what it takes and how it is avoided.
func TestEnsureBuildsWhenNothingElseCanBeHad(t *testing.T) {
	b, o := newBuilder(t)
	b.says["ask"] = "source mysql-source 9.7.4-2\n"
	c, err := Resolve(t.Context(), b.engine.Engine, "", o)
	require.NoError(t, err)
	require.Equal(t, FromOfficial, c.Source)

	_, err = Ensure(t.Context(), b.engine, c, o)
	require.ErrorContains(t, err, "no registry")
	require.ErrorContains(t, err, "`ndbproof image --from-source`")
	o.FromSource = true
	_, err = Existing(t.Context(), b.engine, c, o)
	require.ErrorContains(t, err, "run `make image`")
	assert.Empty(t, b.steps())

	var said []string
	o.Tell = func(line string) { said = append(said, line) }
	img, err := Ensure(t.Context(), b.engine, c, o)
	require.NoError(t, err)
	assert.Equal(t, allSteps, b.steps())
	assert.Equal(t, "9.7.4", img.Release.String())
	assert.Equal(t, "9.7.4-2", img.Build.Version)
	assert.True(t, img.Build.Unmodified())
	assert.False(t, img.Listed)
	require.Len(t, said, 1)
	for _, w := range []string{"no registry", "from Debian's source", "minutes", "GB of disk", "to avoid that", "images/bundles/", "NDB_IMAGE=", "--no-build"} {
		assert.Contains(t, said[0], w)
	}

	again, err := Resolve(t.Context(), b.engine.Engine, "", o)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(o.BuiltDir, built974), again.Tarball.Path, "the next run finds it")
}

// A release that was asked for is built, or the error says what cannot be had.
func TestEnsureBuildsTheReleaseThatWasAskedFor(t *testing.T) {
	b, o := newBuilder(t)
	o.FromSource = true
	c, err := Resolve(t.Context(), b.engine.Engine, "9.7.4", o)
	require.NoError(t, err)
	img, err := Ensure(t.Context(), b.engine, c, o)
	require.NoError(t, err)
	assert.Equal(t, "9.7.4", img.Release.String(), "and not 26.7.1, which is newer")
	c, err = Resolve(t.Context(), b.engine.Engine, "8.0.44", o)
	require.NoError(t, err)
	b.ran = nil
	_, err = Ensure(t.Context(), b.engine, c, o)
	require.ErrorContains(t, err, "find the source of 8.0.44")
	require.ErrorContains(t, err, "no registry")
	assert.Equal(t, []string{"room", "ask"}, b.steps())
}

func TestBuiltHere(t *testing.T) {
	tarball := Tarball{Path: filepath.Join(t.TempDir(), built974)}
	how, err := tarball.builtHere(empty)
	require.NoError(t, err)
	assert.Nil(t, how, "a vendor's")
	labels := map[string]string{}
	require.NoError(t, tarball.labelled(labels, empty))
	assert.Empty(t, labels)

	text, err := json.Marshal(sidecar{empty, fix1.provenance(archived{Package: "p", Version: "v"})})
	require.NoError(t, err)
	write(t, tarball.Path+".json", string(text))
	how, err = tarball.builtHere(empty)
	require.NoError(t, err)
	assert.Equal(t, "f1.patch", how.Patches[0].Name)
	require.NoError(t, tarball.labelled(labels, empty))
	back, err := builtAs(labels)
	require.NoError(t, err)
	assert.Equal(t, how, back)
	how, err = tarball.builtHere(strings.Repeat("a", 64))
	require.NoError(t, err)
	assert.Nil(t, how, "what is written of another file")

	write(t, tarball.Path+".json", "{")
	_, err = tarball.builtHere(empty)
	require.ErrorContains(t, err, "read how the tarball was built")
	require.Error(t, tarball.labelled(labels, empty))
	_, err = builtAs(map[string]string{labelBuild: "{"})
	require.ErrorContains(t, err, labelBuild)
}
