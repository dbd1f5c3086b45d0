package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/cobra"

	"ndbproof/harness/evidence"
	"ndbproof/harness/parity"
	"ndbproof/harness/run"
)

// asked is what the parity command was told to do.
type asked struct {
	source, replica string // DSNs
	options         parity.Options
	live            bool
	settle          time.Duration
	resume          string // file
}

func parityCommand() *cobra.Command {
	var a asked
	asJSON := false
	c := &cobra.Command{
		Use:   "parity",
		Short: "compare the rows and schema of any two servers, read-only",
		Long: `parity reads every user table of both servers once and compares rows and schema.
Nothing is written, and nothing is waited for: stop the writers and let the
replica catch up first, or give --live. Then a row that differs is read again on
both sides until they agree or --settle has passed.

With --resume FILE the tables that have been compared are noted there, and a
later call with the same file and the same servers leaves them out.

Exit: 0 the same; 1 different; 2 usage; 3 could not look.`,
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := compare(c.Context(), a)
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
	f.StringVar(&a.source, "source", "", "DSN of one server, as go-sql-driver/mysql writes it")
	f.StringVar(&a.replica, "replica", "", "DSN of the other")
	f.StringSliceVar(&a.options.Databases, "databases", nil, "databases to compare (default: all but the server's own)")
	f.BoolVar(&a.live, "live", false, "writers go on: read rows that differ again before they count")
	f.DurationVar(&a.settle, "settle", 10*time.Second, "how long --live reads rows again")
	f.StringVar(&a.resume, "resume", "", "file that notes which tables are done, so that a later call goes on there")
	f.BoolVar(&asJSON, "json", false, "print the whole report as JSON")
	return c
}

func compare(ctx context.Context, a asked) (parity.Report, error) {
	source, err := open("--source", a.source)
	if err != nil {
		return parity.Report{}, err
	}
	defer source.Close() //nolint:errcheck // read only
	replica, err := open("--replica", a.replica)
	if err != nil {
		return parity.Report{}, err
	}
	defer replica.Close() //nolint:errcheck // read only
	if a.settle <= 0 {
		return parity.Report{}, &run.Usage{Err: fmt.Errorf("parity: --settle %s: want more than nothing", a.settle)}
	}
	if a.live {
		a.options.Live = &parity.Live{Settle: a.settle}
	}
	if err := a.goOn(ctx, source, replica); err != nil {
		return parity.Report{}, err
	}
	p := newProgress(os.Stderr)
	p.Phase("comparing")
	var told time.Time
	a.options.Progress = func(at parity.Progress) {
		if time.Since(told) >= refresh {
			told = time.Now()
			p.Note(bar(at))
		}
	}
	report, err := parity.Compare(ctx, source, replica, a.options)
	switch {
	case errors.Is(err, parity.ErrOneServer):
		err = &run.Usage{Err: fmt.Errorf("parity: %w", err)}
	case errors.Is(err, context.Canceled):
		err = context.Cause(ctx)
	}
	p.End(err)
	return report, err
}

// open gives a pool for a flag's DSN. Nothing is dialled.
func open(flag, dsn string) (*sql.DB, error) {
	if dsn == "" {
		return nil, &run.Usage{Err: fmt.Errorf("parity: %s is missing", flag)}
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, &run.Usage{Err: fmt.Errorf("parity: %s: %w", flag, err)}
	}
	cfg.Logger = &mysql.NopLogger{}
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, &run.Usage{Err: fmt.Errorf("parity: %s: %w", flag, err)}
	}
	return sql.OpenDB(conn), nil
}

// refresh is how often the bar moves, at most.
const refresh = 500 * time.Millisecond

// bar shows how far a comparison has come. The total is the servers' estimate.
func bar(at parity.Progress) string {
	const width = 20
	done := width
	if at.Total > 0 {
		done = int(min(at.Rows*width/at.Total, width))
	}
	return fmt.Sprintf("[%s%s] table %d of %d, %s.%s: %d rows", strings.Repeat("#", done), strings.Repeat("-", width-done),
		at.Index, at.Tables, at.Database, at.Table, at.Rows)
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
