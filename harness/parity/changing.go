package parity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/poll"
)

// errGone is a table that was there when the schema was read, and is on no side any
// more: there is nothing to compare.
var errGone = errors.New("the table is gone")

// changing compares a table while there may be DDL: one that is on one side only, or
// not the same on both, may only not have come to the replica yet, and DDL may have
// altered one that cannot be read. Then its schema is read again until both
// sides agree, as long as differing rows are, and the table is compared once more.
func (c *comparison) changing(ctx context.Context, p pairing) (TableReport, error) {
	rows := c.progress.Rows
	t, err := c.table(ctx, p)
	if !c.unsettled(t, err) {
		return t, err
	}
	limited, cancel := context.WithTimeout(ctx, cmp.Or(c.Live.Settle, settle))
	defer cancel()
	for {
		again, gone := c.agreed(ctx, limited, p.name, err != nil)
		if gone != nil {
			return TableReport{}, gone
		}
		c.progress.Rows = rows
		t, err = c.table(ctx, again)
		if !c.unsettled(t, err) || limited.Err() != nil {
			c.lasting = append(c.lasting, t.Schema...)
			return t, err
		}
	}
}

// unsettled tells that a table, or what could be read of it, may be another one in a
// moment. A difference that has lasted elsewhere, long enough, is none of those.
func (c *comparison) unsettled(t TableReport, err error) bool {
	if err != nil {
		return altered(err)
	}
	return slices.ContainsFunc(t.Schema, func(d Difference) bool { return !slices.Contains(c.lasting, d) })
}

// agreed looks at the schema of a table, at least once, until it is the same on both
// sides or limited ends.
func (c *comparison) agreed(ctx, limited context.Context, name tableName, failed bool) (pairing, error) {
	p, broken := c.look(ctx, name, failed)
	if broken != nil || same(p) {
		return p, broken
	}
	_ = poll.Every(limited, pause, "the schema of "+name.String()+" to be the same", func(context.Context) error { // what still differs is in the report
		// Not limited: a look that was begun is ended, so that what it says is whole.
		if p, broken = c.look(ctx, name, false); broken != nil {
			return poll.Stop(broken)
		}
		if !same(p) {
			return errDiffer
		}
		return nil
	})
	return p, cmp.Or(broken, ctx.Err())
}

// same tells that both sides have a table, and the same one.
func same(p pairing) bool {
	return p.on[0] != nil && p.on[1] != nil && len(differences(p.on[0].facts, p.on[1].facts)) == 0
}

// databases compares what is known of databases again, until it is the same on both
// sides or differing rows would not be read again either.
func (c *comparison) databases(ctx context.Context, r *Report) error {
	var broken error
	limited, cancel := context.WithTimeout(ctx, cmp.Or(c.Live.Settle, settle))
	defer cancel()
	_ = poll.Every(limited, pause, "the databases to be the same", func(context.Context) error { // what still differs is in the report
		var known [2]facts
		for i, s := range c.sides {
			one := side{name: s.name, sessions: s.sessions}
			if broken = one.readSchema(ctx, c.Options); broken != nil {
				broken = fmt.Errorf("read the schema of the %s: %w", s.name, broken)
				return poll.Stop(broken)
			}
			known[i] = one.databases
		}
		if r.Schema = differences(known[0], known[1]); len(r.Schema) > 0 {
			return errDiffer
		}
		return nil
	})
	return cmp.Or(broken, ctx.Err())
}

// altered tells that a table was not what it was when its schema was read: it or its
// database is gone, a column is, or its definition has changed (manual, server error
// messages: 1146, 1049, 1054, 1412).
func altered(err error) bool {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return false
	}
	switch server.Number {
	case 1146, 1049, 1054, 1412:
		return true
	}
	return false
}

// look reads the schema of one table again on both sides, behind a fence where there
// is one. Where one side has failed the other's statement was broken off, and its
// session with it.
func (c *comparison) look(ctx context.Context, name tableName, failed bool) (pairing, error) {
	if c.Live.Fence != nil {
		if err := c.Live.Fence(ctx); err != nil {
			return pairing{}, fmt.Errorf("compare %s while it is written to: %w", name, err)
		}
	}
	p := pairing{name: name}
	for i, s := range c.sides {
		if failed {
			if err := s.connect(ctx, c.Connections); err != nil {
				return pairing{}, err
			}
		}
		var err error
		if p.on[i], err = s.lookAt(ctx, name); err != nil {
			return pairing{}, fmt.Errorf("read the schema of %s on the %s: %w", name, s.name, err)
		}
	}
	if p.on[0] == nil && p.on[1] == nil {
		return pairing{}, errGone
	}
	return p, nil
}

// lookAt reads the schema of one table; nil: it is not there.
func (s *side) lookAt(ctx context.Context, name tableName) (*table, error) {
	one := side{name: s.name, sessions: s.sessions}
	if err := one.readSchema(ctx, Options{Tables: []string{name.String()}}); err != nil {
		return nil, err
	}
	return one.tables[name], nil
}
