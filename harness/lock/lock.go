// Package lock makes files and folders that last as long as the process that
// locks them. They lie in the folder for temporary files. The kernel drops a
// lock with its process, however that ends; so a file that can be locked was
// left behind by a dead process, and Sweep removes it.
package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrTaken says that another process, or another part of this one, has the lock.
var ErrTaken = errors.New("another process has locked it")

// Lock is a file or a folder that this process has locked, until Release.
type Lock struct {
	Path string
	file *os.File
}

// path is where a thing of this user's lies. The user is part of the name: the
// folder is shared, and another's file cannot be locked.
func path(name string) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("ndbproof-%d-%s", os.Getuid(), name))
}

// tries is how often something that was swept away between its making and its
// locking is made again.
const tries = 8

// File locks the file of this name, made when missing. The error is ErrTaken
// when it is locked already; the caller may try again.
func File(name string) (*Lock, error) {
	for range tries {
		f, err := os.OpenFile(path(name), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("make the lock file %s: %w", path(name), err)
		}
		h, err := take(f)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return h, err
		}
	}
	return nil, fmt.Errorf("lock %s: it is removed again and again", path(name))
}

// Folder makes and locks a new folder, whose name begins with name.
func Folder(name string) (*Lock, error) {
	for range tries {
		dir, err := os.MkdirTemp("", filepath.Base(path(name))+"-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
		f, err := os.Open(dir) //nolint:gosec // made just now
		if err == nil {
			var h *Lock
			if h, err = take(f); err == nil {
				return h, nil
			}
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrTaken) {
			return nil, errors.Join(err, os.Remove(dir))
		}
	}
	return nil, errors.New("make a temporary folder: it is removed again and again")
}

// take locks what is open, and closes it when that fails. fs.ErrNotExist: its
// owner, or a sweep, removed it before it was locked.
func take(f *os.File) (*Lock, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = ErrTaken
	case err == nil:
		err = there(f)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return &Lock{f.Name(), f}, nil
}

// there tells whether a name still means what was opened by it.
func there(f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	now, err := os.Lstat(f.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(opened, now) {
		return fs.ErrNotExist
	}
	return nil
}

// Release removes it, and a folder's content with it, and then lets another
// process lock one of that name.
func (l *Lock) Release() error {
	return errors.Join(os.RemoveAll(l.Path), l.file.Close())
}

// Taken tells whether a process has locked the file of this path. A file that
// does not exist is not locked; one that cannot be opened may be.
func Taken(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // a path that a run wrote down
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		return true
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// Sweep removes files and folders whose process is dead, and gives their paths.
func Sweep() ([]string, error) {
	all, err := filepath.Glob(path("*"))
	if err != nil {
		return nil, fmt.Errorf("look for files of dead runs: %w", err)
	}
	var gone []string
	var errs []error
	for _, p := range all {
		f, err := os.Open(p) //nolint:gosec // found by our own pattern
		if err != nil {
			continue // another process removed it, or another user owns it
		}
		h, err := take(f)
		if err != nil {
			continue
		}
		gone = append(gone, p)
		errs = append(errs, h.Release())
	}
	return gone, errors.Join(errs...)
}
