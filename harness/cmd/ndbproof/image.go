package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"ndbproof/harness/engine"
	"ndbproof/harness/run"
	"ndbproof/images"
)

// imageFlags are what the image command can be told.
type imageFlags struct {
	releases   []string
	fromSource bool
	patches    []string // files
	suffix     string
	dryRun     bool
	noBuild    bool
}

func imageCommand() *cobra.Command {
	var f imageFlags
	c := &cobra.Command{
		Use:   "image",
		Short: "build or pull the images of releases, and the probe's; with --from-source build NDB itself",
		Long: `image makes the images of all releases that tarballs are found for, or of those
given with --release, and the probe's. What is there already is not made again.

Where no release is found, it builds the newest one from Debian's source, and
with --from-source it always does: a tarball in images/bundles/, and its image.
--release is then a release (9.7.4), the newest of a line (9.7.x), or, when not
given, the newest that the archive has. With --patch and --suffix the source is
changed before. An interrupted build goes on with the same command.`,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := f.build()
			if err != nil {
				return &run.Usage{Err: err}
			}
			if f.dryRun {
				return b.DryRun(c.OutOrStdout())
			}
			return f.make(c.Context(), b)
		},
	}
	c.Flags().StringSliceVar(&f.releases, "release", nil, "releases, tarballs or images (default: all tarballs found)")
	c.Flags().BoolVar(&f.fromSource, "from-source", false, "build NDB from Debian's source, whatever else is found")
	c.Flags().StringArrayVar(&f.patches, "patch", nil, "with --from-source: a file with a change to the source (-p1); may be given more than once")
	c.Flags().StringVar(&f.suffix, "suffix", "", "with --patch: what the patched release is called, as fix1 in 9.7.4-fix1")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --from-source: print every command, and do nothing")
	c.Flags().BoolVar(&f.noBuild, "no-build", false, "do not build NDB from source where no release is found otherwise; end instead")
	return c
}

// build is the build from source that the flags ask for, if they do.
func (f imageFlags) build() (b images.SourceBuild, err error) {
	switch {
	case !f.fromSource && (len(f.patches) > 0 || f.suffix != "" || f.dryRun):
		return b, errors.New("--patch, --suffix and --dry-run are about a build from source: give --from-source, too")
	case !f.fromSource:
		return b, nil
	case f.noBuild:
		return b, errors.New("--from-source and --no-build contradict each other: give one of them")
	case len(f.releases) > 1:
		return b, fmt.Errorf("--from-source builds one release at a time, and --release names %d", len(f.releases))
	case len(f.releases) == 1:
		b.Want = f.releases[0]
	}
	b.Suffix = f.suffix
	for _, name := range f.patches {
		text, err := os.ReadFile(name)
		if err != nil {
			return b, fmt.Errorf("read the patch: %w", err)
		}
		b.Patches = append(b.Patches, images.Patch{Name: filepath.Base(name), Text: text})
	}
	return b, b.Check()
}

// make makes the images, and before, with --from-source, the tarball.
func (f imageFlags) make(ctx context.Context, b images.SourceBuild) error {
	e, err := leased(ctx)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // nothing is to be written
	if _, err := e.Sweep(ctx, false); err != nil {
		return err
	}
	o := images.Options{Say: func(line string) { fmt.Println(line) }, FromSource: !f.noBuild}
	var c counter
	defer c.stop()
	o.Count = c.count(os.Stderr)
	releases := f.releases
	if f.fromSource {
		t, err := images.FromSourcePackage(ctx, e, b, o)
		if err != nil {
			return err
		}
		releases = []string{t.Path}
	}
	if len(releases) == 0 {
		if releases, err = found(o); err != nil {
			return err
		}
	}
	for _, r := range releases {
		if err := makeImage(ctx, e, r, o); err != nil {
			return err
		}
	}
	_, err = images.EnsureProbe(ctx, e, o)
	return err
}

// leased gives an engine with a lease that plans no memory. Its Close releases
// both.
func leased(ctx context.Context) (*engine.Run, error) {
	e, err := engine.Dial(ctx)
	if err != nil {
		return nil, err
	}
	lease, err := engine.Take(false, 0)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e.With(lease), nil
}

// found gives the releases of all tarballs; where there is none, whichever can
// be had.
func found(o images.Options) (releases []string, err error) {
	all, err := images.Bundles(o)
	for _, b := range all {
		releases = append(releases, b.Release.String())
	}
	if len(releases) == 0 {
		releases = []string{""}
	}
	return releases, err
}

func makeImage(ctx context.Context, e *engine.Run, want string, o images.Options) error {
	choice, err := images.Resolve(ctx, e.Engine, want, o)
	if err != nil {
		return &run.Usage{Err: err}
	}
	fmt.Println(choice.Line)
	begin := time.Now()
	img, err := images.Ensure(ctx, e, choice, o)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, %s, %.1f s\n", img.Release, img.Ref, units.HumanSize(float64(img.Size)), time.Since(begin).Seconds())
	return nil
}
