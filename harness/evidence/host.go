package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"ndbproof/harness/brief"
)

// HostFacts are the machine and the source that a run was made with.
type HostFacts struct {
	Commit      string `json:"commit"` // of this project; Unknown when it cannot be told
	Dirty       bool   `json:"dirty"`  // changed since the commit; true also when that cannot be told
	Kernel      string `json:"kernel"` // "Linux 6.1.0-28-amd64"
	CPU         string `json:"cpu"`    // the model, Unknown where the kernel does not name it
	CPUs        int    `json:"cpus"`
	MemoryBytes int64  `json:"memory_bytes"`
}

// Unknown stands for a fact that cannot be told.
const Unknown = "unknown"

// module is the first line of this project's go.mod.
const module = "module ndbproof\n"

// Host reads what can be known of this machine and of the source. It fails when
// /proc cannot be read; a commit that cannot be told is Unknown.
func Host(ctx context.Context) (HostFacts, error) {
	h, err := machine(os.DirFS("/proc"))
	if err != nil {
		return h, fmt.Errorf("read facts of this machine: %w", err)
	}
	h.Commit, h.Dirty = source(ctx)
	return h, nil
}

// machine reads what /proc tells.
func machine(proc fs.FS) (HostFacts, error) {
	var h HostFacts
	content := map[string]string{}
	for _, name := range []string{"sys/kernel/ostype", "sys/kernel/osrelease", "cpuinfo", "meminfo"} {
		b, err := fs.ReadFile(proc, name)
		if err != nil {
			return h, err
		}
		content[name] = strings.TrimSpace(string(b))
	}
	h.Kernel = content["sys/kernel/ostype"] + " " + content["sys/kernel/osrelease"]
	h.CPU = Unknown
	for line := range strings.Lines(content["cpuinfo"]) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "processor":
			h.CPUs++
		case "model name":
			h.CPU = brief.Line(value)
		}
	}
	for line := range strings.Lines(content["meminfo"]) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return h, fmt.Errorf("parse meminfo: %w", err)
			}
			h.MemoryBytes = kib << 10
		}
	}
	if h.CPUs == 0 || h.MemoryBytes == 0 {
		return h, errors.New("no processor in cpuinfo, or no MemTotal in meminfo")
	}
	return h, nil
}

// source tells the commit: the one stamped into the program, else the one of
// the checkout that holds the program or the working directory (tests, and
// builds with -buildvcs=false).
func source(ctx context.Context) (commit string, dirty bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		if commit, dirty = stamped(info.Settings); commit != "" {
			return commit, dirty
		}
	}
	var places []string
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		places = append(places, wd)
	}
	for _, dir := range places {
		if root, ok := Checkout(dir); ok {
			return head(ctx, root)
		}
	}
	return Unknown, true
}

func stamped(settings []debug.BuildSetting) (commit string, dirty bool) {
	dirty = true
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			dirty = s.Value != "false"
		}
	}
	return commit, dirty
}

// Checkout gives the folder, dir or one above it, that holds this project's go.mod.
func Checkout(dir string) (string, bool) {
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // looks upwards from where we are
		if err == nil && strings.HasPrefix(string(b), module) {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// head asks git.
func head(ctx context.Context, root string) (commit string, dirty bool) {
	ask := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...) //nolint:gosec // fixed arguments
		cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0")
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := ask("rev-parse", "HEAD")
	if err != nil {
		return Unknown, true
	}
	changes, err := ask("status", "--porcelain")
	return commit, err != nil || changes != ""
}
