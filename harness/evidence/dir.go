// Package evidence keeps what a run saw: its folder, timeline, results and reports.
package evidence

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// Names in the directory of a run. docs/results.md describes each.
const (
	ResultsFile  = "results.json"
	SummaryFile  = "summary.md"
	JUnitFile    = "junit.xml"
	TimelineFile = "timeline.jsonl"
	ManifestFile = "manifest.sha256"
	// Latest is the symbolic link, beside the runs, to the run sealed last.
	Latest = "latest"
)

// stamp is how a run's directory writes the time (UTC) of its start.
const stamp = "20060102T150405Z"

// reserve is a file of reserveSize random bytes (a file system that compresses
// must not get around them). Writing it shows at the start that the folder can
// be written to; giving it back leaves room for the results of a run that
// ended because the disk was full.
const (
	reserve     = ".reserve"
	reserveSize = 1 << 20
)

// Dir is the directory of a run, or a folder in it.
type Dir struct {
	path string
	run  *runDir // nil for a folder that no run made
}

// runDir is what a run's directory and all folders in it share.
type runDir struct {
	root, name string
	made       string // the topmost folder that was made for root; "" when there was all
	sealed     atomic.Bool
}

// Create makes root/<utc>-<release>/, for example
// results/20261124T021500Z-9.7.4/, and root itself when it is missing. Of
// several runs that start in the same second the second one gets "-2" appended,
// and so on. The error says in one line what is wrong with root, and nothing is
// left behind then.
func Create(root string, utc time.Time, release string) (*Dir, error) {
	first := utc.UTC().Format(stamp) + "-" + release
	if filepath.Base(first) != first {
		return nil, fmt.Errorf("create a results folder for release %q: not a name", release)
	}
	run := &runDir{root: root, made: missing(root)}
	if err := os.MkdirAll(root, 0o750); err != nil {
		run.unmake()
		return nil, explain(root, err)
	}
	d, err := create(run, first)
	if err != nil {
		run.unmake()
		return nil, explain(root, err)
	}
	return d, nil
}

// missing gives the topmost folder on the way to path that is not there yet.
func missing(path string) (top string) {
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if _, err := os.Lstat(p); err == nil || p == filepath.Dir(p) {
			return top
		}
		top = p
	}
}

// unmake removes the folders that were made for root, unless another process
// has put something into them.
func (r *runDir) unmake() {
	for p := filepath.Clean(r.root); r.made != ""; p = filepath.Dir(p) {
		_ = os.Remove(p)
		if p == r.made {
			return
		}
	}
}

// create takes the first name that is free: Mkdir succeeds for one run only.
func create(run *runDir, first string) (*Dir, error) {
	for n := 1; ; n++ {
		name := first
		if n > 1 {
			name = fmt.Sprintf("%s-%d", first, n)
		}
		run.name = name
		d := &Dir{filepath.Join(run.root, name), run}
		err := os.Mkdir(d.path, 0o750)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := d.hold(); err != nil {
			_ = os.RemoveAll(d.path)
			return nil, err
		}
		return d, nil
	}
}

// Discard removes a run's directory, and the folders that were made for it: of
// a run that could not begin.
func (d *Dir) Discard() error {
	err := os.RemoveAll(d.path)
	if d.run != nil {
		d.run.unmake()
	}
	return err
}

// At is a folder that exists already: a finished run, or a scratch folder.
func At(path string) *Dir { return &Dir{path: path} }

// hold writes the reserve.
func (d *Dir) hold() error {
	b := make([]byte, reserveSize)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return os.WriteFile(d.Path(reserve), b, 0o600)
}

// FreeReserve gives the disk space back that Create held for the last files. It may
// be gone already.
func (d *Dir) FreeReserve() error {
	if err := os.Remove(d.Path(reserve)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.wrap(reserve, err)
	}
	return nil
}

// Name of the run: the last part of its directory's path.
func (d *Dir) Name() string { return filepath.Base(d.path) }

// Root of it on this machine.
func (d *Dir) Root() string { return d.path }

// Path of a file or folder in it.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// Sub is a folder in it. It is made by the first file written into it.
func (d *Dir) Sub(name string) *Dir { return &Dir{d.Path(name), d.run} }

// Write keeps a file; folders in its name are made.
func (d *Dir) Write(name string, content []byte) error {
	w, err := d.open(name, os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return errors.Join(err, w.Close())
}

// JSON keeps a value, indented.
func (d *Dir) JSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("keep evidence %s: %w", name, err)
	}
	return d.Write(name, append(b, '\n'))
}

// Append opens a file to be written at its end, made when missing; folders in
// its name are made. One Write is one write to the file, so that lines of
// several writers do not mix.
func (d *Dir) Append(name string) (io.WriteCloser, error) { return d.open(name, os.O_APPEND) }

// Open opens a file for reading.
func (d *Dir) Open(name string) (*os.File, error) {
	f, err := os.Open(d.Path(name))
	if err != nil {
		return nil, fmt.Errorf("read evidence %s: %w", name, err)
	}
	return f, nil
}

func (d *Dir) open(name string, mode int) (*file, error) {
	if d.run != nil && d.run.sealed.Load() {
		return nil, fmt.Errorf("keep evidence %s: the results folder %s is sealed already", name, d.run.name)
	}
	p := d.Path(name)
	if err := os.MkdirAll(filepath.Dir(p), 0o750); err != nil {
		return nil, d.wrap(name, err)
	}
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|mode, 0o600) //nolint:gosec // the harness chose the name, in the run's own folder
	if err != nil {
		return nil, d.wrap(name, err)
	}
	return &file{f, d, name}, nil
}

// file is evidence being written: its errors say what a full disk means.
type file struct {
	f    *os.File
	d    *Dir
	name string
}

func (w *file) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	return n, w.d.wrap(w.name, err)
}

func (w *file) Close() error { return w.d.wrap(w.name, w.f.Close()) }

// wrap names the file, and the folder that the --results flag gave.
func (d *Dir) wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	root := d.path
	if d.run != nil {
		root = d.run.root
	}
	return fmt.Errorf("keep evidence %s: %w", name, explain(root, err))
}

// explain says in one line what is wrong with the results folder and what to
// do about it.
func explain(root string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("results folder %s: %w; free some or give --results", root, cause(err))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("results folder %s: not writable for user id %d: %w; make it so or give --results", root, os.Getuid(), cause(err))
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fmt.Errorf("results folder %s: it, or a part of its path, is a file: %w; give another with --results", root, cause(err))
	default:
		return fmt.Errorf("results folder %s: %w", root, err)
	}
}

// cause drops the operation and the path that os puts before an error number.
func cause(err error) error {
	var n syscall.Errno
	if errors.As(err, &n) {
		return n
	}
	return err
}
