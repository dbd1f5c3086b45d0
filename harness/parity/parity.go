// Package parity compares the user tables of two servers, row by row. Rows are
// read once, in parallel on both sides, brought to canonical bytes by column
// type, digested here and joined by primary key: neither SQL functions nor the
// servers' collations have a say in what counts as equal, so two releases can be
// compared. What is compared must not change during that: stop the writers and
// wait for the fence first, or say how to compare Live.
package parity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/topology"
)

// Options say what to compare and how. The zero value compares everything.
type Options struct {
	Databases   []string       // nil: all but systemDatabases
	Tables      []string       // "database.table"; nil: all of the databases
	Chunk       int            // rows that one statement is to read where the key allows it, four times as many at most; 0: 50,000
	Connections int            // for each side; 0: 1. The pools must allow as many
	First       int            // mismatching rows of each table that are read again and shown; 0: 100
	Progress    func(Progress) // called after every chunk, never by two goroutines at once
	Live        *Live          // nil: no writer runs

	// Finished are tables that an earlier comparison of the same servers has come
	// to the end of: they are reported as they were. Compare calls Finish with the
	// report of every other table; an error ends the comparison.
	Finished []TableReport
	Finish   func(TableReport) error

	held int64 // entries a side holds at once, of rows that differ and come in no order
}

// Progress is how far a comparison has come.
type Progress struct {
	Database, Table string
	Index, Tables   int   // the table at hand, from 1, and how many there are
	Rows, Total     int64 // rows of both sides read so far, and the servers' estimate of all
}

// systemDatabases are left out unless they are asked for by name.
var systemDatabases = []string{"mysql", "sys", "information_schema", "performance_schema", "ndbinfo"}

// errNothing says that neither side has a table to compare. It is an error and
// not an empty report, because two empty servers prove nothing.
var errNothing = errors.New("nothing to compare")

// ErrOneServer says that source and replica are the same server, which is equal to
// itself whatever the other one has.
var ErrOneServer = errors.New("both are the same server")

// Compare compares all user tables of both servers. An error means that it could
// not look; differences are in the report. The sessions it uses are closed and
// not given back to the pools, because their settings are changed.
func Compare(ctx context.Context, source, replica *sql.DB, o Options) (Report, error) {
	begin := time.Now()
	if o.Chunk <= 0 {
		o.Chunk = 50_000
	}
	if o.First <= 0 {
		o.First = 100
	}
	o.Connections = max(o.Connections, 1)
	o.held = held

	var sides [2]*side
	g, gctx := errgroup.WithContext(ctx)
	for i, db := range []*sql.DB{source, replica} {
		sides[i] = &side{name: topology.Sides[i], db: db}
		g.Go(func() error { return sides[i].open(gctx, o) })
	}
	defer func() { sides[0].close(); sides[1].close() }()
	if err := g.Wait(); err != nil {
		return Report{}, err
	}
	if sides[0].uuid == sides[1].uuid {
		return Report{}, fmt.Errorf("compare servers: %w (%s)", ErrOneServer, sides[0].uuid)
	}
	c := &comparison{Options: o, sides: sides}
	r, err := c.run(ctx)
	r.Seconds = time.Since(begin).Seconds()
	return r, err
}

// comparison is one run of Compare.
type comparison struct {
	Options
	sides    [2]*side
	progress Progress
	lasting  []Difference // of the schema, that did not go away while there may be DDL
}

// pairing is one table on both sides; nil where a side lacks it.
type pairing struct {
	name tableName
	on   [2]*table
}

func (c *comparison) run(ctx context.Context) (Report, error) {
	r := Report{Schema: differences(c.sides[0].databases, c.sides[1].databases)}
	if c.Live != nil && len(r.Schema) > 0 {
		if err := c.databases(ctx, &r); err != nil {
			return r, err
		}
	}
	pairings := pair(c.sides[0].tables, c.sides[1].tables)
	if err := c.complete(pairings); err != nil {
		return r, err
	}
	c.progress.Tables = len(pairings)
	for _, p := range pairings {
		for _, t := range p.on {
			if t != nil && c.finished(p) < 0 {
				c.progress.Total += t.estimate
			}
		}
	}
	var there []pairing
	for i, p := range pairings {
		c.progress.Index, c.progress.Database, c.progress.Table = i+1, p.name.database, p.name.table
		t, err := c.orFinished(ctx, p)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return r, err
		}
		r.Tables, there = append(r.Tables, t), append(there, p)
	}
	return r, c.complete(there)
}

// orFinished compares a table, unless that has been done before.
func (c *comparison) orFinished(ctx context.Context, p pairing) (TableReport, error) {
	if i := c.finished(p); i >= 0 {
		return c.Finished[i], nil
	}
	compare := c.table
	if c.Live != nil {
		compare = c.changing
	}
	t, err := compare(ctx, p)
	if err == nil && c.Finish != nil {
		err = c.Finish(t)
	}
	return t, err
}

func (c *comparison) finished(p pairing) int {
	return slices.IndexFunc(c.Finished, func(t TableReport) bool { return t.Database == p.name.database && t.Name == p.name.table })
}

// complete refuses a comparison that would leave out what was asked for.
func (c *comparison) complete(pairings []pairing) error {
	has := func(match func(tableName) bool) bool {
		return slices.ContainsFunc(pairings, func(p pairing) bool { return match(p.name) })
	}
	for _, want := range c.Tables {
		if !has(func(n tableName) bool { return n.String() == want }) {
			return fmt.Errorf("compare table %s: neither side has it: %w", want, errNothing)
		}
	}
	for _, want := range c.Databases {
		if len(c.Tables) == 0 && !has(func(n tableName) bool { return n.database == want }) {
			return fmt.Errorf("compare database %s: neither side has a table in it: %w", want, errNothing)
		}
	}
	if len(pairings) == 0 {
		return fmt.Errorf("compare servers: neither side has a user table: %w", errNothing)
	}
	return nil
}

// pair matches the tables of both sides by name, in order.
func pair(source, replica map[tableName]*table) []pairing {
	var out []pairing
	for n, t := range source {
		out = append(out, pairing{n, [2]*table{t, replica[n]}})
	}
	for n, t := range replica {
		if source[n] == nil {
			out = append(out, pairing{n, [2]*table{nil, t}})
		}
	}
	slices.SortFunc(out, func(a, b pairing) int { return a.name.compare(b.name) })
	return out
}
