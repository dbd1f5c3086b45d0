package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"ndbproof/harness/lock"
)

// Labels on every object that a run makes.
const (
	labelRun    = "ndbproof.run"
	labelHost   = "ndbproof.host"
	labelLock   = "ndbproof.lock"
	labelKeep   = "ndbproof.keep"
	labelMemory = "ndbproof.memory" // bytes that the whole run was planned with
)

// Lease says that a run is alive: a locked file, whose lock the kernel drops
// with the process, however that ends.
type Lease struct {
	Run    string // eight characters, part of every object's name
	Host   string
	Keep   bool
	Memory int64
	lock   *lock.Lock
}

// Take makes the lease of a new run. Memory is what the run plans to use, in
// bytes, for other runs to count. With keep a sweep leaves the run's objects
// alone when it is dead.
func Take(keep bool, memory int64) (*Lease, error) {
	l := &Lease{Run: strings.ToLower(rand.Text()[:8]), Host: thisHost(), Keep: keep, Memory: memory}
	var err error
	if l.lock, err = lock.File(l.Run + ".lock"); err != nil {
		return nil, fmt.Errorf("take a lease for the run: %w", err)
	}
	return l, nil
}

// Labels mark an object as this run's.
func (l *Lease) Labels() map[string]string {
	return map[string]string{
		labelRun: l.Run, labelHost: l.Host, labelLock: l.lock.Path,
		labelKeep: strconv.FormatBool(l.Keep), labelMemory: strconv.FormatInt(l.Memory, 10),
	}
}

func (l *Lease) release() { _ = l.lock.Release() }

// alive tells whether the run of these labels may still be going on: it is on
// another host, or its lock is taken, or that cannot be found out.
func alive(labels map[string]string) bool {
	return labels[labelHost] != thisHost() || lock.Taken(labels[labelLock])
}

// thisHost tells machines that share an engine apart.
func thisHost() string {
	name, _ := os.Hostname()
	id, _ := os.ReadFile("/etc/machine-id")
	sum := sha256.Sum256(id)
	return name + "-" + hex.EncodeToString(sum[:4])
}
