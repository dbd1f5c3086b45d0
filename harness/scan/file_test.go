package scan_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/secret"
)

// needles have the texts a, b, c, ... as their names.
func needles(texts ...string) []node.Needle {
	var all []node.Needle
	for i, text := range texts {
		all = append(all, node.Needle{Name: string(rune('a' + i)), Text: secret.Of(text)})
	}
	return all
}

const (
	one = "MARKER-7Q2ZKM4X5V6YB3JHNWDTR2LGCP"
	two = "MARKER-OXW4PBQ6DHRYTL2V7MKJ3ZSN5A"
)

// made writes pieces at their offsets into a file of a size, the rest a hole.
func made(t testing.TB, size int64, pieces map[int64][]byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	require.NoError(t, f.Truncate(size))
	for at, b := range pieces {
		_, err := f.WriteAt(b, at)
		require.NoError(t, err)
	}
	return f
}

func searched(t testing.TB, f *os.File, texts ...string) node.Searched {
	t.Helper()
	finder, err := scan.NewFinder(needles(texts...))
	require.NoError(t, err)
	s, err := finder.File(f)
	require.NoError(t, err)
	return s
}

func utf16of(text string) []byte { return scan.Needle{Text: text, Encoding: scan.UTF16}.Bytes() }

func TestFileSkipsHoles(t *testing.T) {
	s := searched(t, made(t, 1<<30, map[int64][]byte{8 << 20: []byte(one), 512 << 20: []byte(two + one)}), one, two)
	assert.EqualValues(t, 1<<30, s.Size)
	assert.Less(t, s.Scanned, int64(1<<20), "holes are not read; does the file system of %s have none?", t.TempDir())
	assert.Equal(t, []node.Hit{
		{Needle: "a", Encoding: "utf8mb4", Places: 2, First: 8 << 20},
		{Needle: "b", Encoding: "utf8mb4", Places: 1, First: 512 << 20},
	}, s.Hits)
}

// A needle in UTF-16 begins, or ends, with a byte that may be a hole's.
func TestFileFindsWhatBeginsInAHole(t *testing.T) {
	const at = 1 << 20
	big, little := utf16of(one), scan.Needle{Text: one, Encoding: scan.UTF16LE}.Bytes()
	f := made(t, 4<<20, map[int64][]byte{at: append(big[1:], 'x'), 2*at - int64(len(little)): append([]byte{'x'}, little[:len(little)-1]...)})
	assert.Equal(t, []node.Hit{
		{Needle: "a", Encoding: "utf16", Places: 1, First: at - 1},
		{Needle: "a", Encoding: "utf16le", Places: 1, First: 2*at - int64(len(little)) + 1},
	}, searched(t, f, one).Hits)
}

func TestFileOfNothingButAHole(t *testing.T) {
	s := searched(t, made(t, 1<<20, nil), one)
	assert.EqualValues(t, 1<<20, s.Size)
	assert.Zero(t, s.Scanned)
	assert.Empty(t, s.Hits)
	assert.Equal(t, string(scan.OtherFile), s.Kind)
	assert.Equal(t, string(scan.EmptyFile), searched(t, made(t, 0, nil), one).Kind)
}

func TestFileTellsItsKind(t *testing.T) {
	for text, kind := range map[string]scan.FileKind{
		"\xfebin and more": scan.PlainLog, "\xfdbin": scan.EncryptedLog, "NDBXFRM1 and more": scan.Transformed, "text": scan.OtherFile,
	} {
		assert.Equal(t, string(kind), searched(t, made(t, 100, map[int64][]byte{0: []byte(text)}), one).Kind)
	}
}

func TestFinderTakesNoNeedleThatIsEverywhere(t *testing.T) {
	_, err := scan.NewFinder(nil)
	require.ErrorContains(t, err, "no needles")
	_, err = scan.NewFinder(needles(one, ""))
	require.ErrorContains(t, err, "would stand everywhere")
}

func TestSelfTestFindsAllThatItHides(t *testing.T) {
	var texts []string
	for i := range 50 {
		texts = append(texts, fmt.Sprintf("%s-%d", one, i+100))
	}
	hidden, seen, err := scan.SelfTest(needles(texts...))
	require.NoError(t, err)
	assert.Equal(t, 150, hidden)
	assert.Equal(t, 150, seen)
}

// tree is a folder with files by their names.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

func TestFilesOfATree(t *testing.T) {
	dir := tree(t, map[string]string{"data/binlog.000001": "\xfdbin...", "data/ibdata1": "..." + one, "empty": ""})
	require.NoError(t, os.Symlink("/etc", filepath.Join(dir, "link")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	targets, err := scan.Under(t.Context(), node.InVolume, dir, filepath.Join(dir, "none"))
	require.NoError(t, err)
	targets = append(targets, scan.Target{Place: node.InVolume, Path: "went", Open: filepath.Join(dir, "went")})
	s, err := scan.Files(t.Context(), needles(one, two), targets, 2)
	require.NoError(t, err)
	assert.Equal(t, []node.Searched{
		{Place: node.InVolume, Path: dir + "/data/binlog.000001", Kind: string(scan.EncryptedLog), Size: 7, Scanned: 7},
		{Place: node.InVolume, Path: dir + "/data/ibdata1", Kind: string(scan.OtherFile), Size: 36, Scanned: 36, Hits: []node.Hit{{Needle: "a", Encoding: "utf8mb4", Places: 1, First: 3}}},
		{Place: node.InVolume, Path: dir + "/empty", Kind: string(scan.EmptyFile)},
	}, s.Files)
	assert.Equal(t, 6, s.Hidden)
	assert.Equal(t, 6, s.Seen)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	var targets []scan.Target
	for range 100 { // more than readers: none may wait for another
		targets = append(targets, scan.Target{Path: "folder", Open: t.TempDir()})
	}
	_, err := scan.Files(t.Context(), needles(one), targets, 2)
	require.ErrorContains(t, err, "folder: search: ")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = scan.Files(ended, needles(one), targets, 2)
	require.ErrorIs(t, err, context.Canceled)
	_, err = scan.Under(ended, node.InVolume, t.TempDir())
	require.ErrorIs(t, err, context.Canceled)
}

// proc is a proc file system with the open files of two processes: by number,
// where each leads to.
func proc(t *testing.T, open map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for fd, target := range open {
		path := filepath.Join(dir, fd)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.Symlink(target, path))
	}
	return dir
}

func TestUnlinked(t *testing.T) {
	dir := tree(t, map[string]string{"#12 (deleted)": "cache", "named": "has a name", "aside (deleted)/x": "", "#13 (deleted)": "other"})
	at := func(name string) string { return filepath.Join(dir, name) }
	p := proc(t, map[string]string{
		"1/fd/3": at("#12 (deleted)"), "1/fd/4": at("named"), "1/fd/5": at("aside (deleted)"), "1/fd/6": at("went (deleted)"),
		"20/fd/3": at("#12 (deleted)"), "20/fd/4": at("#13 (deleted)"), "self/fd/3": at("#13 (deleted)"),
		fmt.Sprintf("%d/fd/3", os.Getpid()): at("#13 (deleted)"),
	})
	targets, err := scan.Unlinked(p)
	require.NoError(t, err)
	assert.Equal(t, []scan.Target{
		{Place: node.InUnlinked, Path: at("#12"), Open: p + "/1/fd/3"},
		{Place: node.InUnlinked, Path: at("#13"), Open: p + "/20/fd/4"},
	}, targets)
}

// What a search by extents finds, all bytes of the file must show.
func FuzzFile(f *testing.F) {
	f.Add(int64(4095), int64(8192), int64(0), []byte(one))
	f.Add(int64(4097), int64(1<<20), int64(262100), utf16of(two))
	f.Fuzz(func(t *testing.T, at, then, size int64, piece []byte) {
		at, then, size = at&(1<<20-1), then&(1<<20-1), size&(1<<21-1)
		file := made(t, size, map[int64][]byte{at: piece, then: slices.Concat([]byte(one), piece, utf16of(two)[1:])})
		all, err := os.ReadFile(file.Name())
		require.NoError(t, err)
		var want []node.Hit
		patterns := scan.Needles(one, two)
		for i, n := range patterns {
			if places := bytes.Count(all, n.Bytes()); places > 0 {
				want = append(want, node.Hit{Needle: string(rune('a' + i/3)), Encoding: string(n.Encoding), Places: places, First: int64(bytes.Index(all, n.Bytes()))})
			}
		}
		got := searched(t, file, one, two)
		require.EqualValues(t, len(all), got.Size)
		require.ElementsMatch(t, want, got.Hits)
	})
}

// BenchmarkFiles is a search as a run makes it: some big files, full of random
// bytes, and many needles.
func BenchmarkFiles(b *testing.B) {
	random := rand.NewChaCha8([32]byte{})
	content := make([]byte, 32<<20)
	_, _ = random.Read(content)
	dir := tree(b, map[string]string{"1": string(content), "2": string(content), "3": string(content), "4": string(content)})
	var texts []string
	for i := range 30 {
		texts = append(texts, strings.Replace(one, "7Q2Z", fmt.Sprintf("%04d", i), 1))
	}
	targets, err := scan.Under(b.Context(), node.InVolume, dir)
	require.NoError(b, err)
	b.SetBytes(int64(4 * len(content)))
	for b.Loop() {
		_, err := scan.Files(b.Context(), needles(texts...), targets, 2)
		require.NoError(b, err)
	}
}
