package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"ndbproof/harness/node"
	"ndbproof/harness/scan"
)

// sockets reads the kernel's tables. Those of IPv6 are missing where it is off;
// every other one must be there.
func (p probe) sockets() error {
	all := []node.Socket{}
	for _, proto := range scan.SocketTables {
		table, err := os.ReadFile(filepath.Join(p.proc, "self", "net", proto))
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(proto, "6") {
			continue
		}
		if err != nil {
			return fmt.Errorf("list sockets: %w", err)
		}
		some, err := scan.ParseSockets(proto, string(table))
		if err != nil {
			return fmt.Errorf("list sockets: %w", err)
		}
		all = append(all, some...)
	}
	return p.print(all)
}

// program is what exe prints.
type program struct {
	Path   string   `json:"path"` // in the node; " (deleted)" behind it when replaced since
	SHA256 string   `json:"sha256"`
	Size   int64    `json:"size"`
	Argv   []string `json:"argv"`
	PeakKB int64    `json:"peak_kb"` // VmHWM, in KiB
}

// exe reads the program that process 1 of the shared process namespace runs:
// the running file itself, not what lies at its path by now. It takes that
// process's user, or CAP_SYS_PTRACE.
func (p probe) exe() error {
	one := filepath.Join(p.proc, "1")
	path, err := os.Readlink(filepath.Join(one, "exe"))
	if err != nil {
		return fmt.Errorf("read the program of process 1: %w", err)
	}
	file, err := os.Open(filepath.Join(one, "exe"))
	if err != nil {
		return fmt.Errorf("read the program of process 1: %w", err)
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return fmt.Errorf("read the program of process 1: %w", err)
	}
	argv, err := os.ReadFile(filepath.Join(one, "cmdline"))
	if err != nil {
		return fmt.Errorf("read the arguments of process 1: %w", err)
	}
	status, err := os.ReadFile(filepath.Join(one, "status"))
	if err != nil {
		return fmt.Errorf("read the status of process 1: %w", err)
	}
	peak, err := peakKB(status)
	if err != nil {
		return err
	}
	return p.print(program{path, hex.EncodeToString(sum.Sum(nil)), size, splitArgv(argv), peak})
}

// splitArgv takes /proc/1/cmdline apart, in which each argument ends in a zero.
func splitArgv(b []byte) []string {
	argv := []string{}
	for arg := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte{0}), []byte{0}) {
		argv = append(argv, string(arg))
	}
	return argv
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakKB finds the high water mark of a process's memory in its status.
func peakKB(status []byte) (int64, error) {
	m := highWater.FindSubmatch(status)
	if m == nil {
		return 0, errors.New("read the status of process 1: no VmHWM in it; has the process ended?")
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the status of process 1: VmHWM: %w", err)
	}
	return kb, nil
}

// stat lists each directory itself and all under it. A directory that does not
// exist has nothing in it, and a file that goes while servers run is left out.
func (p probe) stat(ctx context.Context, dirs []string) error {
	all := []node.Stat{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var info fs.FileInfo
			if err == nil {
				info, err = entry.Info()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			all = append(all, statOf(path, info))
			return nil
		})
		if err != nil {
			return fmt.Errorf("list %s: %w", dir, err)
		}
	}
	return p.print(all)
}

func statOf(path string, info fs.FileInfo) node.Stat {
	s := node.Stat{Path: path, Mode: info.Mode(), Size: info.Size()}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok { // always, on Linux
		s.UID, s.GID = int(owner.Uid), int(owner.Gid)
	}
	return s
}
