package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/cobra"

	"ndbproof/harness/evidence"
	"ndbproof/harness/parity"
	"ndbproof/harness/run"
)

func parityCommand() *cobra.Command {
	var source, replica string
	var o parity.Options
	asJSON := false
	c := &cobra.Command{
		Use:   "parity",
		Short: "compare the rows and schema of any two servers, read-only",
		Long: `parity reads every user table of both servers once and compares rows and schema.
Nothing is written, and nothing is waited for: stop the writers and let the
replica catch up first.

Exit: 0 the same; 1 different; 2 usage; 3 could not look.`,
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := compare(c.Context(), source, replica, o)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				err = enc.Encode(report)
			} else {
				printReport(report)
			}
			if err == nil && !report.Equal() {
				return &exit{evidence.ExitViolated}
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&source, "source", "", "DSN of one server, as go-sql-driver/mysql writes it")
	f.StringVar(&replica, "replica", "", "DSN of the other")
	f.StringSliceVar(&o.Databases, "databases", nil, "databases to compare (default: all but the server's own)")
	f.BoolVar(&asJSON, "json", false, "print the whole report as JSON")
	return c
}

func compare(ctx context.Context, source, replica string, o parity.Options) (parity.Report, error) {
	var pools [2]*sql.DB
	for i, dsn := range []string{source, replica} {
		name := [...]string{"--source", "--replica"}[i]
		if dsn == "" {
			return parity.Report{}, &run.Usage{Err: fmt.Errorf("parity: %s is missing", name)}
		}
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			return parity.Report{}, &run.Usage{Err: fmt.Errorf("parity: %s: %w", name, err)}
		}
		cfg.Logger = &mysql.NopLogger{}
		conn, err := mysql.NewConnector(cfg)
		if err != nil {
			return parity.Report{}, &run.Usage{Err: fmt.Errorf("parity: %s: %w", name, err)}
		}
		pools[i] = sql.OpenDB(conn)
		defer pools[i].Close() //nolint:errcheck // read only
	}
	p := newProgress(os.Stderr)
	p.Phase("comparing")
	o.Progress = func(at parity.Progress) {
		p.Note(fmt.Sprintf("table %d of %d, %s.%s: %d rows", at.Index, at.Tables, at.Database, at.Table, at.Rows))
	}
	report, err := parity.Compare(ctx, pools[0], pools[1], o)
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	p.End(err)
	return report, err
}

func printReport(r parity.Report) {
	s, d := r.Rows()
	word := "the same"
	if !r.Equal() {
		word = "different"
	}
	fmt.Printf("%s: %d tables, %d and %d rows, %.1f s\n", word, len(r.Tables), s, d, r.Seconds)
	for _, diff := range r.Schema {
		fmt.Printf("  %s: %s | %s\n", diff.What, diff.Source, diff.Replica)
	}
	for _, t := range r.Tables {
		if t.Equal() {
			continue
		}
		fmt.Printf("  %s.%s: %d and %d rows, %d differ, %d only on the source, %d only on the replica, %d surplus copies\n",
			t.Database, t.Name, t.RowsSource, t.RowsReplica, t.Mismatched, t.OnlySource, t.OnlyReplica, t.Duplicates)
		for _, diff := range t.Schema {
			fmt.Printf("    %s: %s | %s\n", diff.What, diff.Source, diff.Replica)
		}
		for _, m := range t.First {
			fmt.Printf("    %s %s: %s | %s %s\n", m.Key, m.Column, m.Source, m.Replica, m.Note)
		}
	}
}
