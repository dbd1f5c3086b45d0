package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ndbproof/harness/evidence"
	"ndbproof/harness/report"
	"ndbproof/harness/run"
	"ndbproof/harness/secure"
)

func runCommand() *cobra.Command {
	o := run.Options{Build: true, Command: strings.Join(os.Args, " "), Rate: run.DefaultRate}
	asJSON, noBuild := false, false
	c := &cobra.Command{
		Use:   "run",
		Short: "start a pair, carry the procedure out, judge it, keep the evidence",
		Long: `run starts two NDB Clusters in containers, applies the secure configuration,
opens the channel, writes continuously, judges every claim, keeps the evidence
and takes everything down.

With --sabotage it then breaks what each claim is about, one thing after the
other, and sees the claim fall and no other.

With --to it takes the pair to another release instead, step by step and under
load, and says whether that release is to be taken: upgrade.md in the results.

Exit: 0 held; 1 violated; 2 usage; 3 could not look; 4 could not start;
5 held, but a known defect was worked around (--accept F1 makes it 0).
Of several the first of 2, 4, 1, 3, 5, 0 counts.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := upgradeFlags(c, &o); err != nil {
				return err
			}
			o.FromSource = !noBuild
			rep, err := run.Run(c.Context(), o, newProgress(os.Stderr))
			return conclude(rep, err, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Release, "release", "", "a release, a tarball's path or an image (default: the newest unmodified release found)")
	f.StringVar(&o.Profile, "profile", secure.DefaultProfile, "what the deployment promises: a profile's name, or a YAML file (a path with a slash, or one that ends in .yaml)")
	f.DurationVar(&o.Duration, "duration", run.DefaultDuration, "insert for at least this long")
	f.Int64Var(&o.Rows, "rows", run.DefaultRows, "insert at least this many rows")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of the workload (default: drawn, and printed in the results)")
	f.BoolVar(&o.Keep, "keep", false, "leave the pair running; `ndbproof down --kept` removes it")
	f.StringVar(&o.Results, "results", run.DefaultResults, "folder for results")
	f.BoolVar(&asJSON, "json", false, "print results.json instead of the table")
	f.StringVar(&o.Sabotage, "sabotage", "", "break the deployment on purpose and see each claim fall: all sabotages, or with --sabotage=one one of each claim")
	f.Lookup("sabotage").NoOptDefVal = run.SabotageAll
	f.String("from", "", "upgrade from this release: a release, a tarball's path or an image (with --to; another name of --release)")
	f.StringVar(&o.Upgrade.To, "to", "", "upgrade the pair to this release, under load, and judge it: a release, a tarball's path or an image")
	f.BoolVar(&o.Upgrade.PerGroup, "per-group", false, "with --to: one data node of each node group at once")
	f.StringVar(&o.Upgrade.RollbackAt, "rollback-at", "", "with --to: undo everything after this step of the plan, in reverse order (for example replica.sql)")
	f.BoolVar(&o.Upgrade.Copies, "copies", false, "with --rollback-at: mysqlds go back from copies of their volumes, also where they could in place")
	f.BoolVar(&o.Upgrade.SpareSQL, "spare-sql", false, "with --to: a second mysqld takes over writing and logging while the source's only one is away")
	f.StringSliceVar(&o.Accept, "accept", nil, "accept the workaround of a known defect (F1)")
	f.BoolVar(&o.AsWritten, "as-written", false, "do not work around known defects: tells whether a release still has them")
	f.BoolVar(&noBuild, "no-build", false, "do not build NDB from source where no release is found otherwise; end instead")
	return c
}

// upgradeFlags refuses flags of an upgrade that say nothing by themselves.
func upgradeFlags(c *cobra.Command, o *run.Options) error {
	from, err := c.Flags().GetString("from")
	if err != nil {
		return err
	}
	for _, name := range []string{"from", "per-group", "rollback-at", "copies", "spare-sql"} {
		if c.Flags().Changed(name) && o.Upgrade.To == "" {
			return &run.Usage{Err: fmt.Errorf("--%s is about an upgrade: give --to, too", name)}
		}
	}
	if o.Upgrade.Copies && o.Upgrade.RollbackAt == "" {
		return &run.Usage{Err: errors.New("--copies is about a roll-back: give --rollback-at, too")}
	}
	if from == "" {
		return nil
	}
	if o.Release != "" && o.Release != from {
		return &run.Usage{Err: fmt.Errorf("--from %s and --release %s are the same thing: give one", from, o.Release)}
	}
	o.Release = from
	return nil
}

// conclude prints the verdict first, then the table, and gives the exit code.
func conclude(rep run.Report, err error, asJSON bool) error {
	if rep.Results.Exit == evidence.ExitUsage {
		return err
	}
	switch {
	case asJSON:
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(rep.Results); err != nil {
			return fmt.Errorf("print the results: %w", err)
		}
	default:
		fmt.Println(rep.Results.Verdict.Headline)
		if len(rep.Results.Claims) > 0 {
			fmt.Println()
			if err := report.Table(os.Stdout, rep.Results, width()); err != nil {
				return fmt.Errorf("print the results: %w", err)
			}
		}
		if rep.Dir != "" && err == nil {
			fmt.Println("evidence:", filepath.Clean(rep.Dir))
		}
	}
	if err != nil {
		complain(err)
		return &exit{evidence.Worst(rep.Results.Exit, evidence.ExitNotLooked)}
	}
	if rep.Results.Exit != evidence.ExitHeld {
		return &exit{rep.Results.Exit}
	}
	return nil
}

// width of the terminal; 0 when standard output is none.
func width() int {
	w, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return w
}
