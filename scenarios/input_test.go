package scenarios

import (
	"archive/tar"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/evidence"
	"ndbproof/images"
)

// The command says in one line what is wrong with the caller's input or machine,
// and leaves nothing behind. None of these scenarios starts a cluster.

func TestNoEngine(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, time.Minute), newPlace(t)
	p := at.run(ctx, t, []string{"DOCKER_HOST=unix:///nonexistent.sock"})
	p.refused(ctx, t, evidence.ExitNotStarted, "/nonexistent.sock", "start it, or point DOCKER_HOST at one")
	at.clean(t)
}

func TestUnknownRelease(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, time.Minute)
	ways := []string{"mysql-cluster-<version>-linux-*.tar.xz", "NDB_BUNDLE_DIR", "tarball's path", "image's name", "official images", "NDB_IMAGE"}
	for _, release := range []string{"1.2.3", "newest"} {
		t.Run(release, func(t *testing.T) {
			at := newPlace(t)
			dir := t.TempDir()
			p := at.run(ctx, t, []string{"NDB_BUNDLE_DIR=" + dir}, "--release", release)
			p.refused(ctx, t, evidence.ExitUsage, append(ways, release, dir)...)
			at.clean(t)
		})
	}
}

// A profile that no pair can be brought up with is refused before anything starts.
func TestBadProfile(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, time.Minute)
	file := filepath.Join(t.TempDir(), "mine.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: mine\nndb_log_bin: true\ngaps: [G99]\n"), 0o600))
	for name, want := range map[string]string{"hardened-2021": "published-2021", file: "gap G99"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			at := newPlace(t)
			p := at.run(ctx, t, nil, "--profile", name)
			p.refused(ctx, t, evidence.ExitUsage, want)
			at.clean(t)
		})
	}
}

// bundle gives the path of a real tarball.
func bundle(t *testing.T) string {
	t.Helper()
	found, err := images.Bundles(images.Options{})
	require.NoError(t, err)
	require.NotEmpty(t, found, "a scenario needs a tarball to break: put one into images/bundles/")
	return found[0].Path
}

func TestBrokenTarball(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, 2*time.Minute)
	real := bundle(t)
	content, err := os.ReadFile(real)
	require.NoError(t, err)
	for name, b := range map[string][]byte{
		"cut off": content[:len(content)/2],
		"garbage": []byte(strings.Repeat("no tarball ", 1000)),
		"empty":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			at, dir := newPlace(t), t.TempDir()
			path := filepath.Join(dir, filepath.Base(real))
			require.NoError(t, os.WriteFile(path, b, 0o600))
			tarball, err := images.ParseTarball(path)
			require.NoError(t, err)

			p := at.run(ctx, t, []string{"NDB_BUNDLE_DIR=" + dir}, "--release", tarball.Release.String())
			p.refused(ctx, t, evidence.ExitNotStarted, filepath.Base(real), "broken or cut off", "fetch it again")
			notBuilt(t, path)
			at.clean(t)
		})
	}
}

// notBuilt wants no image of a tarball.
func notBuilt(t *testing.T, path string) {
	t.Helper()
	c, err := images.Resolve(t.Context(), harness.Engine(t).Engine, path, images.Options{})
	require.NoError(t, err)
	require.Equal(t, images.FromTarball, c.Source, "there is an image: %s", c.Ref)
}

func TestOtherArchitecture(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, time.Minute)
	other, machine := "aarch64", elf.EM_AARCH64
	if runtime.GOARCH == "arm64" {
		other, machine = "x86_64", elf.EM_X86_64
	}
	for name, file := range map[string]string{
		"by its name":    "mysql-cluster-9.7.99-linux-glibc2.36-" + other + ".tar.gz",
		"by its program": "mysql-cluster-9.7.99-linux-glibc2.36.tar.gz",
	} {
		t.Run(name, func(t *testing.T) {
			at := newPlace(t)
			path := filepath.Join(t.TempDir(), file)
			pack(t, path, machine)
			p := at.run(ctx, t, nil, "--release", path)
			p.refused(ctx, t, evidence.ExitNotStarted, file, other, "take the tarball for that")
			notBuilt(t, path)
			at.clean(t)
		})
	}
}

// pack makes a tarball whose mysqld is the head of a program for a machine.
func pack(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	head := make([]byte, 64)
	copy(head, elf.ELFMAG)
	head[elf.EI_CLASS], head[elf.EI_DATA], head[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	binary.LittleEndian.PutUint16(head[16:], uint16(elf.ET_DYN))
	binary.LittleEndian.PutUint16(head[18:], uint16(machine))
	for _, name := range []string{"mysqld", "ndbmtd", "ndb_mgmd", "ndb_mgm", "mysql"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "mysql-cluster/bin/" + name, Mode: 0o755, Size: int64(len(head))}))
		_, err := w.Write(head)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
}

// What other runs hold is counted where two of them go on: TestTwoRunsAtOnce.
func TestTooLittleMemory(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, time.Minute), newPlace(t)
	engine := newBetween(t, meddling{change: memory(3 << 30)})
	p := at.run(ctx, t, engine.env)
	p.refused(ctx, t, evidence.ExitNotStarted, "too little memory", "a pair needs 5GiB", "of the engine's 3GiB", "hold", "use a larger machine")
	at.clean(t)
}

// An engine whose own disk is full fails while nodes are made.
func TestEngineWithoutRoom(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, 2*time.Minute), newPlace(t)
	engine := newBetween(t, meddling{answer: full})
	p := at.run(ctx, t, engine.env)
	p.refused(ctx, t, evidence.ExitNotStarted, "make the volume of", "no space left on device")
	at.clean(t)
}

func TestResultsFolderNotWritable(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, time.Minute)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	small := disk(t, "size=512k")
	full := disk(t, "nr_inodes=3") // for the folders, the reserve, and no more
	for name, c := range map[string]struct{ folder, why string }{
		"not to be made":         {"/proc/nope/results", "no such file or directory"},
		"a file in the way":      {filepath.Join(file, "results"), "is a file"},
		"no room":                {filepath.Join(small, "deep", "results"), "no space left on device; free some or give --results"},
		"no room after a moment": {full, "no space left on device; free some or give --results"},
	} {
		t.Run(name, func(t *testing.T) {
			at := newPlace(t)
			p := at.run(ctx, t, nil, "--results", c.folder)
			p.refused(ctx, t, evidence.ExitUsage, c.folder, c.why)
			at.clean(t)
		})
	}
	for _, d := range []string{small, full} {
		left, err := os.ReadDir(d)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	// Without an engine it is the folder that counts: there are no results to
	// say it in.
	at := newPlace(t)
	p := at.run(ctx, t, []string{"DOCKER_HOST=unix:///nonexistent.sock"}, "--results", filepath.Join(file, "results"))
	p.refused(ctx, t, evidence.ExitUsage, "is a file")
}

// disk mounts a small disk in memory.
func disk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("ndbproof-test", dir, "tmpfs", 0, options),
		"this scenario mounts a small disk to fill: run it as root")
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

// A disk that is full after the run has begun ends it at once, and the room held
// back at the start is enough for its results.
func TestResultsFolderFillsUp(t *testing.T) {
	harness.In(t, harness.Core)
	ctx, at := bounded(t, time.Minute), newPlace(t)
	at.results = disk(t, "size=1m")
	p := at.run(ctx, t, nil)
	res := p.refused(ctx, t, evidence.ExitNotStarted, at.results, "no space left on device; free some or give --results")
	require.Empty(t, res.Provenance.Nodes, "it went on to start nodes")
	at.clean(t)
}
