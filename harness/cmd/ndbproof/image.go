package main

import (
	"fmt"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"ndbproof/harness/cluster"
	"ndbproof/harness/run"
	"ndbproof/images"
)

func imageCommand() *cobra.Command {
	releases := []string{}
	c := &cobra.Command{
		Use:   "image",
		Short: "build or pull the images of releases, and the probe's",
		Long:  "image makes the images of all releases that tarballs are found for, or of those given with --release, and the probe's. What is there already is not made again.",
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := cluster.Dial(c.Context())
			if err != nil {
				return err
			}
			defer e.Close() //nolint:errcheck // nothing is to be written
			if e.Lease, err = cluster.Take(false, 0); err != nil {
				return err
			}
			if _, err := e.Sweep(c.Context(), false); err != nil {
				return err
			}
			o := images.Options{Say: func(line string) { fmt.Println(line) }, Labels: e.Lease.Labels()}
			if len(releases) == 0 {
				found, err := images.Bundles(o)
				if err != nil {
					return err
				}
				for _, b := range found {
					releases = append(releases, b.Release.String())
				}
			}
			if len(releases) == 0 {
				releases = []string{""}
			}
			for _, r := range releases {
				if err := makeImage(c, r, o); err != nil {
					return err
				}
			}
			_, err = images.EnsureProbe(c.Context(), o)
			return err
		},
	}
	c.Flags().StringSliceVar(&releases, "release", nil, "releases, tarballs or images (default: all tarballs found)")
	return c
}

func makeImage(c *cobra.Command, want string, o images.Options) error {
	choice, err := images.Resolve(c.Context(), want, o)
	if err != nil {
		return &run.Usage{Err: err}
	}
	fmt.Println(choice.Line)
	begin := time.Now()
	img, err := images.Ensure(c.Context(), choice, o)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, %s, %.1f s\n", img.Release, img.Ref, units.HumanSize(float64(img.Size)), time.Since(begin).Seconds())
	return nil
}
