package evidence

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var moment = time.Date(2026, 11, 24, 3, 15, 0, 999, time.FixedZone("CET", 3600))

// begin makes the directory of a run.
func begin(t *testing.T) *Dir {
	t.Helper()
	d, err := Create(filepath.Join(t.TempDir(), "results"), moment, "9.7.4")
	require.NoError(t, err)
	return d
}

// full makes a file of the run one on a full disk.
func full(t *testing.T, d *Dir, name string) {
	t.Helper()
	_, err := os.Stat("/dev/full")
	require.NoError(t, err)
	_ = os.Remove(d.Path(name))
	require.NoError(t, os.Symlink("/dev/full", d.Path(name)))
}

func TestRunsOfTheSameSecondGetDirectoriesOfTheirOwn(t *testing.T) {
	root := filepath.Join(t.TempDir(), "new", "results")
	names := make([]string, 8)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() {
			d, err := Create(root, moment, "9.7.4")
			if assert.NoError(t, err) {
				names[i] = d.Name()
			}
		})
	}
	wg.Wait()
	want := []string{"20261124T021500Z-9.7.4"}
	for n := 2; n <= len(names); n++ {
		want = append(want, fmt.Sprintf("20261124T021500Z-9.7.4-%d", n))
	}
	assert.ElementsMatch(t, want, names)
}

func TestCreateSaysWhatIsWrongWithTheFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, root := range map[string]string{
		"root is a file":       file,
		"root is below a file": filepath.Join(file, "results"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Create(root, moment, "9.7.4")
			require.ErrorContains(t, err, "results folder "+root+": it, or a part of its path, is a file")
			assert.ErrorContains(t, err, "give another with --results")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := Create(t.TempDir(), moment, "../9.7.4")
	assert.ErrorContains(t, err, "not a name")
}

func TestCreateIsRefusedWhereNobodyMayWrite(t *testing.T) {
	root := t.TempDir()
	if os.Getuid() == 0 {
		root = "/proc/sys/kernel" // not even root may make a folder there
	} else {
		require.NoError(t, os.Chmod(root, 0o500))
	}
	_, err := Create(root, moment, "9.7.4")
	require.Error(t, err)
	assert.Contains(t, err.Error(), "results folder "+root)
	assert.NoDirExists(t, filepath.Join(root, "20261124T021500Z-9.7.4"))
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		errno syscall.Errno
		want  string
	}{
		{syscall.ENOSPC, "results folder results: no space left on device; free some or give --results"},
		{syscall.EDQUOT, "results folder results: disk quota exceeded; free some or give --results"},
		{syscall.EACCES, fmt.Sprintf("results folder results: not writable for user id %d: permission denied; make it so or give --results", os.Getuid())},
		{syscall.EROFS, fmt.Sprintf("results folder results: not writable for user id %d: read-only file system; make it so or give --results", os.Getuid())},
		{syscall.ENOTDIR, "results folder results: it, or a part of its path, is a file: not a directory; give another with --results"},
		{syscall.EIO, "results folder results: mkdir results/x: input/output error"},
	} {
		err := explain("results", &fs.PathError{Op: "mkdir", Path: "results/x", Err: tt.errno})
		require.EqualError(t, err, tt.want)
		require.ErrorIs(t, err, tt.errno, "the number stays to be asked for")
	}
}

func TestAFullDiskIsSaidPlainly(t *testing.T) {
	d := begin(t)
	want := "keep evidence logs.txt: results folder " + filepath.Dir(d.Root()) + ": no space left on device; free some or give --results"

	full(t, d, "logs.txt")
	require.EqualError(t, d.Write("logs.txt", []byte("x")), want)

	w, err := d.Append("logs.txt")
	require.NoError(t, err)
	_, err = w.Write([]byte("x"))
	require.EqualError(t, err, want)
	require.NoError(t, w.Close())

	full(t, d, reserve)
	require.ErrorIs(t, d.hold(), syscall.ENOSPC, "a disk that is full at the start is noticed at the start")
}

func TestFilesAndFoldersOfARun(t *testing.T) {
	d := begin(t)
	node := d.Sub("nodes/source-sql")
	require.NoError(t, node.Write("etc/my.cnf", []byte("[mysqld]\n")))
	require.NoError(t, node.Write("etc/my.cnf", []byte("[x]\n")), "written again, the old content is gone")
	require.NoError(t, d.JSON("claims/a.json", map[string]int{"seen": 3}))

	b, err := os.ReadFile(d.Path("nodes/source-sql/etc/my.cnf"))
	require.NoError(t, err)
	assert.Equal(t, "[x]\n", string(b))

	f, err := d.Open("claims/a.json")
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // read only
	var got map[string]int
	require.NoError(t, json.NewDecoder(f).Decode(&got))
	assert.Equal(t, map[string]int{"seen": 3}, got)

	_, err = d.Open("claims/b.json")
	assert.ErrorContains(t, err, "read evidence claims/b.json")
	assert.ErrorContains(t, d.JSON("c.json", func() {}), "keep evidence c.json")
}

func TestAppendAddsAtTheEnd(t *testing.T) {
	d := begin(t)
	for _, line := range []string{"one\n", "two\n"} {
		w, err := d.Append("log")
		require.NoError(t, err)
		_, err = w.Write([]byte(line))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	b, err := os.ReadFile(d.Path("log"))
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(b))
}

func TestTimelineOfManyWriters(t *testing.T) {
	d := begin(t)
	tl, err := NewTimeline(d)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 50 {
				tl.Add(Event{Kind: "workload", Side: "source", Node: "sql", Text: strings.Repeat("x", i*j), Fields: map[string]any{"i": i, "j": j}})
			}
		})
	}
	wg.Wait()
	tl.Add(Event{At: tl.begin.Add(1500 * time.Millisecond), Kind: "phase", Text: "marker"})
	require.NoError(t, tl.Close())

	b, err := os.ReadFile(d.Path(TimelineFile))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	require.Len(t, lines, 1001)
	var e Event
	for _, l := range lines {
		e = Event{}
		require.NoError(t, json.Unmarshal([]byte(l), &e))
		require.Equal(t, time.UTC, e.At.Location())
	}
	assert.InDelta(t, 1.5, e.Since, 1e-9)
	assert.Equal(t, "marker", e.Text)
}

func TestTimelineKeepsItsFirstError(t *testing.T) {
	d := begin(t)
	full(t, d, TimelineFile)
	tl, err := NewTimeline(d)
	require.NoError(t, err)
	tl.Add(Event{Kind: "phase", Text: "lost"})
	tl.Add(Event{Kind: "phase", Text: "no JSON", Fields: map[string]any{"f": func() {}}})
	require.ErrorIs(t, tl.Err(), syscall.ENOSPC)
	require.ErrorIs(t, tl.Close(), syscall.ENOSPC)
}
