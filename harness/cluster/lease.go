package cluster

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Labels on every object that a run makes.
const (
	labelRun    = "ndbproof.run"
	labelHost   = "ndbproof.host"
	labelLock   = "ndbproof.lock"
	labelKeep   = "ndbproof.keep"
	labelMemory = "ndbproof.memory" // bytes that the whole run was planned with
	labelSide   = "ndbproof.side"
	labelNode   = "ndbproof.node"
)

// Lease says that a run is alive: a locked file, whose lock the kernel drops
// with the process, however that ends.
type Lease struct {
	Run    string // eight characters, part of every object's name
	Host   string
	Keep   bool
	Memory int64
	path   string
	file   *os.File
}

// Take makes the lease of a new run. Memory is what the run plans to hold, in
// bytes, for others to count.
func Take(keep bool, memory int64) (*Lease, error) {
	dir := filepath.Join(os.TempDir(), "ndbproof-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for lock files: %w", err)
	}
	l := &Lease{Run: strings.ToLower(rand.Text()[:8]), Host: thisHost(), Keep: keep, Memory: memory}
	l.path = filepath.Join(dir, l.Run+".lock")
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the run's lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", l.path, err), f.Close(), os.Remove(l.path))
	}
	l.file = f
	return l, nil
}

// Labels mark an object as this run's.
func (l *Lease) Labels() map[string]string {
	return map[string]string{
		labelRun: l.Run, labelHost: l.Host, labelLock: l.path,
		labelKeep: strconv.FormatBool(l.Keep), labelMemory: strconv.FormatInt(l.Memory, 10),
	}
}

func (l *Lease) release() {
	_ = os.Remove(l.path)
	_ = l.file.Close() // drops the lock
}

// alive tells whether the run of these labels may still be going on: it is on
// another host, or its lock is held, or it cannot be told.
func alive(labels map[string]string) bool {
	if labels[labelHost] != thisHost() {
		return true
	}
	f, err := os.OpenFile(labels[labelLock], os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false // the file is made before the first object
	}
	if err != nil {
		return true
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// thisHost tells machines that share an engine apart.
func thisHost() string {
	name, _ := os.Hostname()
	id, _ := os.ReadFile("/etc/machine-id")
	sum := sha256.Sum256(id)
	return name + "-" + hex.EncodeToString(sum[:4])
}
