package main

import (
	"fmt"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"ndbproof/harness/engine"
)

func downCommand() *cobra.Command {
	kept := false
	c := &cobra.Command{
		Use:   "down",
		Short: "remove what dead runs left behind; with --kept also what was kept",
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := engine.Dial(c.Context())
			if err != nil {
				return err
			}
			defer e.Close() //nolint:errcheck // read only
			gone, err := e.Sweep(c.Context(), kept)
			for _, h := range gone {
				fmt.Printf("removed run %s: %d containers, %d networks, %d volumes\n", h.Run, len(h.Containers), len(h.Networks), len(h.Volumes))
			}
			if err != nil {
				return err
			}
			rest, err := e.Holdings(c.Context(), "")
			if err != nil {
				return err
			}
			for _, h := range rest {
				why := "kept; --kept removes it"
				if h.Alive {
					why = "alive, or of another machine"
				}
				fmt.Printf("left run %s: %d containers, %s planned (%s)\n", h.Run, len(h.Containers), units.BytesSize(float64(h.Memory)), why)
			}
			if len(gone)+len(rest) == 0 {
				fmt.Println("nothing to remove")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&kept, "kept", false, "also remove pairs that were kept")
	return c
}
