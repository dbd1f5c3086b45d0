package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ndbproof/harness/lock"
)

// probeSources are the packages that the probe is made of.
var probeSources = []string{"harness/cmd/probe", "harness/scan", "harness/wire", "harness/topology", "harness/secure", "harness/evidence", "harness/release", "harness/poll"}

// EnsureProbe makes the image of the probe, a static program and nothing else,
// from the checkout's own source, unless it is there already.
func EnsureProbe(ctx context.Context, o Options) (ref string, err error) {
	m, err := engine(o)
	if err != nil {
		return "", err
	}
	defer m.Close() //nolint:errcheck // nothing is to be written
	root, err := checkout()
	if err != nil {
		// A program far from its source uses the probe that was built last.
		if last, e := m.labelled(ctx, labelProbe); e == nil && last != "" {
			return last, nil
		}
		return "", fmt.Errorf("make the probe: %w; run `make image` in the checkout", err)
	}
	sum, err := sourceSum(root)
	if err != nil {
		return "", fmt.Errorf("make the probe: %w", err)
	}
	unlock, err := lockBuild(ctx, "probe-"+sum[:12])
	if err != nil {
		return "", err
	}
	defer unlock()
	if have, err := m.labelled(ctx, labelProbe+"="+sum); err != nil || have != "" {
		return have, err
	}
	o.say("building the probe")
	ref = m.o.ref("probe", sum[:12])
	return ref, m.buildProbe(ctx, root, ref, sum)
}

// sourceSum is the sha256 over everything that the probe is built from.
func sourceSum(root string) (string, error) {
	names := []string{"go.mod", "go.sum"}
	for _, dir := range probeSources {
		found, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return "", err
		}
		for _, f := range found {
			if rel, err := filepath.Rel(root, f); err == nil && !strings.HasSuffix(f, "_test.go") {
				names = append(names, rel)
			}
		}
	}
	h := sha256.New()
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(root, n)) //nolint:gosec // the checkout's own source
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(h, "%s %d\n", n, len(b)) // a hash takes everything
		_, _ = h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (m maker) buildProbe(ctx context.Context, root, ref, sum string) error {
	dir, err := lock.Folder("probe")
	if err != nil {
		return fmt.Errorf("build the probe: %w", err)
	}
	defer dir.Release() //nolint:errcheck // a temporary folder
	program := filepath.Join(dir.Path, "probe")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./harness/cmd/probe") //nolint:gosec // fixed but for a temporary file
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOTMPDIR="+dir.Path)                                // its work goes with the folder
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }                                               // it then ends what it started
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the probe: %w: %s", err, lastLines(string(out), 5))
	}
	b, err := os.ReadFile(program) //nolint:gosec // built just now
	if err != nil {
		return fmt.Errorf("build the probe: %w", err)
	}
	return piping(
		func(w *tar.Writer) error {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "probe", Mode: 0o755, Size: int64(len(b))}); err != nil {
				return fmt.Errorf("pack the probe: %w", err)
			}
			_, err := w.Write(b)
			return err
		},
		func(r io.Reader) error { return m.importTar(ctx, r, ref, map[string]string{labelProbe: sum}) })
}
