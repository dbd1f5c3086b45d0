package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ndbproof/harness/run"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

func composeCommand() *cobra.Command {
	var out, want, name string
	c := &cobra.Command{
		Use:   "compose",
		Short: "write a pair for docker compose, with all that it mounts",
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return &run.Usage{Err: errors.New("compose: --out is missing: the folder to write")}
			}
			profile, err := secure.ByName(name)
			if err != nil {
				return &run.Usage{Err: err}
			}
			o := images.Options{Say: func(line string) { fmt.Fprintln(os.Stderr, line) }}
			e, err := leased(c.Context())
			if err != nil {
				return err
			}
			defer e.Close() //nolint:errcheck // nothing is to be written
			choice, err := images.Resolve(c.Context(), e.Engine, want, o)
			if err != nil {
				return &run.Usage{Err: err}
			}
			img, err := images.Ensure(c.Context(), e, choice, o)
			if err != nil {
				return err
			}
			if err := writeBundle(out, img, profile); err != nil {
				return err
			}
			fmt.Printf("%s: compose.yaml for %s, and all that it mounts; go on with %s\n", out, img.Release, filepath.Join(out, "README.md"))
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder to write; it must be empty or not there yet")
	c.Flags().StringVar(&want, "release", "", "a release, a tarball's path or an image (default: the newest unmodified release found)")
	c.Flags().StringVar(&name, "profile", secure.DefaultProfile, "as for `ndbproof run`")
	return c
}

// writeBundle writes into a new folder beside out, and renames it when all is
// there: a failure leaves nothing.
func writeBundle(out string, img images.Image, profile secure.Profile) error {
	pair := [2]topology.Spec{
		topology.Standard(topology.Source, img.Release, img.Layout, profile),
		topology.Standard(topology.Replica, img.Release, img.Layout, profile),
	}
	m, err := topology.NewMaterial(pair, time.Now())
	if err != nil {
		return err
	}
	files, err := topology.ComposeBundle(pair, topology.ComposeOptions{
		Images: map[topology.Side]string{topology.Source: img.Ref, topology.Replica: img.Ref}, GID: os.Getgid(),
	}, m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(out)), 0o750); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	half, err := os.MkdirTemp(filepath.Dir(filepath.Clean(out)), ".ndbproof-compose-")
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	if err := writeFiles(half, files); err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(&run.Usage{Err: fmt.Errorf("compose: %s is not an empty folder: %w", out, err)}, os.RemoveAll(half))
	}
	if err := os.Rename(half, out); err != nil {
		return errors.Join(fmt.Errorf("write the bundle: %w", err), os.RemoveAll(half))
	}
	return nil
}

// writeFiles sets modes exactly: the folder is the owner's, what is inside is
// read by the servers.
func writeFiles(dir string, files []topology.File) error {
	for _, f := range files {
		p := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil { //nolint:gosec // mounted into containers, below a folder of 0700
			return fmt.Errorf("write the bundle: %w", err)
		}
		if err := os.WriteFile(p, f.Content, 0o600); err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		if err := os.Chmod(p, os.FileMode(f.Mode)); err != nil { //nolint:gosec // permission bits
			return fmt.Errorf("write the bundle: %w", err)
		}
	}
	return nil
}
