package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "say what a run needs and does not find, and how to get it",
		RunE: func(c *cobra.Command, _ []string) error {
			missing := 0
			for _, f := range run.Doctor(c.Context()) {
				mark := "ok     "
				if !f.Fine {
					mark = "missing"
					missing++
				}
				fmt.Printf("%s  %-28s %s\n", mark, f.Need, f.Seen)
				if f.Do != "" {
					fmt.Printf("         -> %s\n", f.Do)
				}
			}
			if missing > 0 {
				return &exit{evidence.ExitNotStarted}
			}
			return nil
		},
	}
}
