package images

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/client"
)

const (
	probeRepo  = "ndbproof/probe"
	labelProbe = "ndbproof.probe"
)

// probeSources are the packages that the probe is made of.
var probeSources = []string{"harness/cmd/probe", "harness/scan", "harness/topology", "harness/secure", "harness/evidence", "harness/release", "harness/poll"}

// EnsureProbe makes the image of the probe, a static program and nothing else,
// from the checkout's own source, unless it is there already.
func EnsureProbe(ctx context.Context, o Options) (ref string, err error) {
	api, err := engine()
	if err != nil {
		return "", err
	}
	defer api.Close() //nolint:errcheck // nothing is to be written
	root, err := checkout()
	if err != nil {
		// A program far from its source uses the probe that was built last.
		if ref, e := labelled(ctx, api, labelProbe); e == nil && ref != "" {
			return ref, nil
		}
		return "", fmt.Errorf("make the probe: %w; run `make image` in the checkout", err)
	}
	sum, err := sourceSum(root)
	if err != nil {
		return "", fmt.Errorf("make the probe: %w", err)
	}
	unlock, err := lock(ctx, "probe-"+sum[:12])
	if err != nil {
		return "", err
	}
	defer unlock()
	if ref, err := labelled(ctx, api, labelProbe+"="+sum); err != nil || ref != "" {
		return ref, err
	}
	o.say("building the probe")
	ref = probeRepo + ":" + sum[:12]
	return ref, buildProbe(ctx, api, root, ref, sum)
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
		b, err := os.ReadFile(filepath.Join(root, n))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", n, len(b))
		_, _ = h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func buildProbe(ctx context.Context, api client.APIClient, root, ref, sum string) error {
	dir, err := os.MkdirTemp("", "ndbproof-probe-")
	if err != nil {
		return fmt.Errorf("build the probe: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	program := filepath.Join(dir, "probe")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./harness/cmd/probe")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the probe: %w: %s", err, lastLines(string(out), 5))
	}
	b, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("build the probe: %w", err)
	}
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	err = errors.Join(
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "probe", Mode: 0o755, Size: int64(len(b)), ModTime: time.Unix(0, 0)}),
		func() error { _, err := io.Copy(w, bytes.NewReader(b)); return err }(), w.Close())
	if err != nil {
		return fmt.Errorf("pack the probe: %w", err)
	}
	return importTar(ctx, api, &packed, ref, map[string]string{labelProbe: sum})
}
