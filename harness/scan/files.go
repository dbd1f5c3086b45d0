package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/node"
)

// Target is a file to be searched.
type Target struct {
	Place node.Place
	Path  string // as shown
	Open  string // where to open it
}

// Under gives all regular files under folders. A folder that does not exist has
// none, and what goes during the walk is left out; links are not followed.
func Under(ctx context.Context, place node.Place, dirs ...string) ([]Target, error) {
	var all []Target
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case entry.Type().IsRegular():
				all = append(all, Target{place, path, path})
			}
			return nil
		})
		if err != nil {
			return all, fmt.Errorf("list %s: %w", dir, err)
		}
	}
	return all, nil
}

// deleted is what the kernel puts behind the name of a file that has none.
const deleted = " (deleted)"

// Unlinked gives the regular files without a name that processes have open, by
// the proc file system of their namespace: a binary log's cache is one. A file
// that several have open counts once. Processes that end during the call are left
// out.
func Unlinked(proc string) ([]Target, error) {
	fds, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return nil, fmt.Errorf("list open files: %w", err)
	}
	self := filepath.Join(proc, strconv.Itoa(os.Getpid())) + "/"
	seen := map[[2]uint64]bool{}
	var all []Target
	for _, fd := range fds {
		if strings.HasPrefix(fd, self) {
			continue
		}
		name, inode, err := unnamed(fd)
		if ended(err, fd) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list open files: %w", err)
		}
		if name != "" && !seen[inode] {
			seen[inode] = true
			all = append(all, Target{node.InUnlinked, name, fd})
		}
	}
	return all, nil
}

// unnamed gives the name that an open file had, and its device and inode. The
// name is "" of a file that still has one, and of what is no regular file.
func unnamed(fd string) (string, [2]uint64, error) {
	var inode [2]uint64
	link, err := os.Readlink(fd)
	name, unlinked := strings.CutSuffix(link, deleted)
	if err != nil || !unlinked {
		return "", inode, err
	}
	st, err := os.Stat(fd)
	if err != nil || !st.Mode().IsRegular() {
		return "", inode, err
	}
	if s, ok := st.Sys().(*syscall.Stat_t); ok { // always, on Linux
		inode = [2]uint64{s.Dev, s.Ino}
	}
	return name, inode, nil
}

// ended tells whether an open file could not be looked at because it, or its
// process, has gone: the kernel also says "permission denied" then.
func ended(err error, fd string) bool {
	if !errors.Is(err, fs.ErrPermission) {
		return gone(err)
	}
	_, err = os.Lstat(fd)
	return gone(err)
}

// gone tells whether a file, or the process that had it, has gone since it was listed.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// Files searches all targets, with so many readers at once. A file that goes
// during the search is left out; one that cannot be read is an error.
func Files(ctx context.Context, needles []node.Needle, targets []Target, readers int) (node.Search, error) {
	out := node.Search{Files: []node.Searched{}}
	var err error
	if out.Hidden, out.Seen, err = SelfTest(needles); err != nil {
		return out, err
	}
	begin := time.Now()
	queue, found := make(chan Target), make(chan node.Searched)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		for _, t := range targets {
			select {
			case queue <- t:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	var reading errgroup.Group
	for range max(1, readers) {
		reading.Go(func() error { return read(needles, queue, found) })
	}
	g.Go(func() error {
		defer close(found)
		return reading.Wait()
	})
	for s := range found {
		out.Files = append(out.Files, s)
	}
	err = g.Wait()
	out.Seconds = time.Since(begin).Seconds()
	slices.SortFunc(out.Files, func(a, b node.Searched) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Path, b.Path))
	})
	return out, err
}

// read searches what comes from the queue, to its end or the first error.
func read(needles []node.Needle, queue <-chan Target, found chan<- node.Searched) error {
	f, err := NewFinder(needles)
	if err != nil {
		return err
	}
	for t := range queue {
		s, err := f.target(t)
		if gone(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.Path, err)
		}
		found <- s
	}
	return nil
}

func (f *Finder) target(t Target) (node.Searched, error) {
	file, err := os.Open(t.Open)
	if err != nil {
		return node.Searched{}, err
	}
	defer file.Close() //nolint:errcheck // read only
	s, err := f.File(file)
	s.Place, s.Path = t.Place, t.Path
	return s, err
}
