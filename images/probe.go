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
	"slices"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/lock"
)

// EnsureProbe makes the image of the probe, a static program and nothing else,
// from the checkout's own source, unless it is there already.
func EnsureProbe(ctx context.Context, e *engine.Run, o Options) (ref string, err error) {
	m := maker{Run: e, o: o}
	root, err := checkout()
	if err != nil {
		// A program far from its source uses the probe that was built last.
		if last, e := m.LabelledImage(ctx, labelProbe); e == nil && last != "" {
			return last, nil
		}
		return "", fmt.Errorf("make the probe: %w; run `make image` in the checkout", err)
	}
	sum, err := sourceSum(ctx, root)
	if err != nil {
		return "", fmt.Errorf("make the probe: %w", err)
	}
	unlock, err := lockBuild(ctx, "probe-"+sum[:12])
	if err != nil {
		return "", err
	}
	defer unlock()
	if have, err := m.LabelledImage(ctx, labelProbe+"="+sum); err != nil || have != "" {
		return have, err
	}
	o.say("building the probe")
	ref = m.o.ref("probe", sum[:12])
	return ref, m.buildProbe(ctx, root, ref, sum)
}

// probePackage is the program that the probe's image holds.
const probePackage = "./harness/cmd/probe"

// probeFiles are the files of this module that the probe is built from, by paths
// below root: what go build would read.
func probeFiles(ctx context.Context, root string) ([]string, error) {
	const format = `{{if .Module}}{{if .Module.Main}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, probePackage)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the probe's source files: %w: %s", err, brief.LastLines(said.String(), 5))
	}
	names := []string{"go.mod", "go.sum"}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, err := filepath.Rel(root, line)
		if err != nil {
			return nil, fmt.Errorf("list the probe's source files: %w", err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// sourceSum is the sha256 over everything that the probe is built from.
func sourceSum(ctx context.Context, root string) (string, error) {
	names, err := probeFiles(ctx, root)
	if err != nil {
		return "", err
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
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, probePackage) //nolint:gosec // fixed but for a temporary file
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOTMPDIR="+dir.Path)                       // its work goes with the folder
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }                                      // it then ends what it started
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the probe: %w: %s", err, brief.LastLines(string(out), 5))
	}
	b, err := os.ReadFile(program) //nolint:gosec // built just now
	if err != nil {
		return fmt.Errorf("build the probe: %w", err)
	}
	return engine.Pipe(
		func(w *tar.Writer) error {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "probe", Mode: 0o755, Size: int64(len(b))}); err != nil {
				return fmt.Errorf("pack the probe: %w", err)
			}
			_, err := w.Write(b)
			return err
		},
		func(r io.Reader) error { return m.importTar(ctx, r, ref, map[string]string{labelProbe: sum}) })
}
