// Package sabotage breaks a pair on purpose, one thing after the other, sees which
// claims fall, and heals the pair or has it replaced.
package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
)

// Limits of a row of the matrix. The claim that must fall may have to wait in
// vain for a minute before it can say so.
const (
	limitAct     = time.Minute     // to break, and to mend
	limitRestart = 4 * time.Minute // the same, with a server restarted
	limitHeal    = 3 * time.Minute
	pauseHeal    = time.Second
)

// Stage is what the matrix needs of the run that it is part of.
type Stage struct {
	CatchUp func(context.Context, claim.Bench) error                          // has the replica catch up
	Ready   func(context.Context) error                                       // called before each sabotage
	Deaths  func(context.CancelCauseFunc)                                     // has the deaths of nodes from now on end a context
	Keep    func(n int, outcomes []evidence.Outcome) (dir string)             // keeps what the claims that fell saw
	Renew   func(ctx context.Context, n int, why string) (claim.Bench, error) // gives another pair
	Group   func(effect string, rows int)                                     // a group of rows begins
	Show    func(evidence.Sabotage, *evidence.SabotageRow)                    // called after each row, or control
}

// Matrix breaks a pair again and again, and sees which claims fall.
type Matrix struct {
	Stage    Stage
	Bench    claim.Bench
	Claims   []claim.Claim // the columns
	Promised secure.Profile
	Scratch  *evidence.Dir // what claims see, until it is known whether it is to be kept

	result evidence.Sabotage
	total  int
}

// Run goes through all rows, and looks for all claims after each group of them.
// Rows of one effect are a group. The error is for what ends the run; all else
// is in the result.
func (m *Matrix) Run(ctx context.Context, rows []claim.Row) error {
	m.total = len(rows)
	for _, c := range m.Claims {
		m.result.Claims = append(m.result.Claims, c.ID)
	}
	n := 0
	for _, g := range groups(rows) {
		effect := g[0].Sabotage.Effect.String()
		m.Stage.Group(effect, len(g))
		for _, row := range g {
			n++
			if err := m.take(ctx, n, row); err != nil {
				return err
			}
		}
		if err := m.control(ctx, n, effect); err != nil {
			return err
		}
	}
	return nil
}

// groups cuts rows where their effect changes.
func groups(rows []claim.Row) [][]claim.Row {
	var out [][]claim.Row
	for i, r := range rows {
		if i == 0 || rows[i-1].Sabotage.Effect != r.Sabotage.Effect {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], r)
	}
	return out
}

// take carries one row out, and replaces a pair that does not heal. A row during
// which the run was ended says nothing, and is not kept.
func (m *Matrix) take(ctx context.Context, n int, row claim.Row) error {
	begun := time.Now()
	r := m.row(ctx, n, row)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.Seconds = time.Since(begun).Round(time.Millisecond).Seconds()
	m.result.Rows = append(m.result.Rows, r)
	m.result = m.result.Scored(m.total)
	m.Stage.Show(m.result, &r)
	if r.Healed {
		return nil
	}
	return m.replace(ctx, n, r.Trouble)
}

// row breaks, judges, mends, and waits for the pair to be as before.
func (m *Matrix) row(ctx context.Context, n int, row claim.Row) evidence.SabotageRow {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.Stage.Deaths(cancel)
	looked := judgedFor(row, m.Claims)
	r := blank(row, m.result.Claims)
	undo, done := m.do(ctx, row)
	if done == nil {
		outcomes := m.judge(ctx, looked, row.Claim.ID)
		if done = died(ctx); done == nil {
			r = verdict(row, m.result.Claims, outcomes)
		}
		r.Fell = evidence.Falls(outcomes)
		r.Evidence = m.Stage.Keep(n, outcomes)
	}
	if done != nil {
		r.Reason = "not done: " + brief.Error(done)
	}
	mended := m.mend(ctx, row, undo, looked, done == nil)
	if r.Healed = mended == nil; !r.Healed {
		r.Trouble = brief.Error(mended)
	}
	return r
}

// do breaks, and gives what undoes it. The sabotage is not done when a node died of it.
func (m *Matrix) do(ctx context.Context, row claim.Row) (undo func(context.Context) error, err error) {
	undo = func(context.Context) error { return nil }
	if err := m.Stage.Ready(ctx); err != nil {
		return undo, err
	}
	limited, done := poll.WithLimit(ctx, limitOf(row), "breaking it")
	defer done()
	undo, err = row.Sabotage.Do(limited, m.Bench)
	if dead := died(ctx); dead != nil {
		return undo, dead
	}
	return undo, err
}

// mend undoes the sabotage, with a limit of its own, and proves that the pair is as
// before: it catches up, and the claims that were judged hold. What half a sabotage
// leaves to be undone may be nothing, so that undo may fail; then the proof alone
// decides.
func (m *Matrix) mend(ctx context.Context, row claim.Row, undo func(context.Context) error, looked []claim.Claim, whole bool) error {
	limited, done := poll.WithLimit(ctx, limitOf(row), "mending it")
	undone := undo(limited)
	done()
	if dead := died(ctx); dead != nil {
		return dead
	}
	if undone != nil && whole {
		return fmt.Errorf("mend: %w", undone)
	}
	if err := m.heal(ctx, looked); err != nil {
		return errors.Join(err, undone)
	}
	return died(ctx)
}

// heal waits for claims to hold. Some things take a moment: the applier removes
// old relay logs when it comes to the next.
func (m *Matrix) heal(ctx context.Context, left []claim.Claim) error {
	ctx, done := poll.WithLimit(ctx, limitHeal, "healing")
	defer done()
	if err := m.Stage.CatchUp(ctx, m.Bench); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	return poll.Every(ctx, pauseHeal, "the claims to hold again", func(ctx context.Context) error {
		falls := evidence.Falls(m.judge(ctx, left, ""))
		if len(falls) == 0 {
			return nil
		}
		left = slices.DeleteFunc(slices.Clone(left), func(c claim.Claim) bool {
			return !slices.ContainsFunc(falls, func(f evidence.Fall) bool { return f.Claim == c.ID })
		})
		return errors.New(evidence.FallWords(falls))
	})
}

// control looks for all claims while nothing is broken.
func (m *Matrix) control(ctx context.Context, n int, effect string) error {
	begun := time.Now()
	row, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.Stage.Deaths(cancel)
	outcomes := m.judge(row, m.Claims, "")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := evidence.SabotageControl{
		After: effect, Cells: evidence.Cells(m.result.Claims, outcomes), Fell: evidence.Falls(outcomes),
		Seconds: time.Since(begun).Round(time.Millisecond).Seconds(),
	}
	m.result.Controls = append(m.result.Controls, c)
	m.result = m.result.Scored(m.total)
	m.Stage.Show(m.result, nil)
	if len(c.Fell) == 0 || n == m.total {
		return nil
	}
	return m.replace(ctx, n, "claims fell although nothing was broken: "+evidence.FallWords(c.Fell))
}

func (m *Matrix) replace(ctx context.Context, n int, why string) error {
	if n == m.total {
		return nil // it was the last
	}
	b, err := m.Stage.Renew(ctx, n, why)
	if err != nil {
		return fmt.Errorf("replace a pair that did not heal (%s): %w", why, err)
	}
	m.Bench = b
	return nil
}

// judge looks for claims on the pair at hand. named is the id of one that may have to
// wait in vain before it can say so.
func (m *Matrix) judge(ctx context.Context, claims []claim.Claim, named string) []evidence.Outcome {
	return claim.RunAll(ctx, claims, m.Bench.Subject, m.Scratch, m.Promised, func(c claim.Claim) time.Duration {
		if c.ID == named {
			return claim.LimitLong
		}
		return c.Limit()
	})
}

// death is the end of a node, as the running side reports it.
type death interface {
	error
	NodeDied() // a mark
}

// died is the death of a node that ended a row.
func died(ctx context.Context) error {
	var d death
	if errors.As(context.Cause(ctx), &d) {
		return d
	}
	return nil
}

func limitOf(row claim.Row) time.Duration {
	if row.Sabotage.Effect == claim.Restarts {
		return limitRestart
	}
	return limitAct
}

// judgedFor are the claims that are judged after a sabotage: the one that must
// fall, and the short ones.
func judgedFor(row claim.Row, all []claim.Claim) []claim.Claim {
	return slices.DeleteFunc(slices.Clone(all), func(c claim.Claim) bool {
		return c.ID != row.Claim.ID && !c.Short()
	})
}

// blank is a row before anything came of it.
func blank(row claim.Row, columns []string) evidence.SabotageRow {
	s := row.Sabotage
	return evidence.SabotageRow{
		Name: s.Name, Claim: row.Claim.ID, Effect: s.Effect.String(), Want: s.Want, Also: s.Also,
		Cells: evidence.Cells(columns, nil),
	}
}

// verdict judges a row by how its claims ended. Only the wanted violation of the
// named claim is a catch. Of the others only those may fall that the sabotage
// lists, and a claim that could not be looked at has fallen, too.
func verdict(row claim.Row, columns []string, outcomes []evidence.Outcome) evidence.SabotageRow {
	r := blank(row, columns)
	r.Done, r.Cells, r.Fell = true, evidence.Cells(columns, outcomes), evidence.Falls(outcomes)
	r.Reason = "the claim was not judged"
	for _, o := range outcomes {
		switch {
		case o.ID == row.Claim.ID:
			r.Got, r.Reason = got(o, r.Want)
			r.Caught = r.Reason == ""
		case !o.Stands() && !slices.Contains(r.Also, o.ID):
			r.FalseAlarms = append(r.FalseAlarms, o.ID)
		}
	}
	return r
}

// got gives the codes of a claim's violations, each once, and why they are no
// catch; "" when they are.
func got(o evidence.Outcome, want string) (codes []string, missed string) {
	for _, v := range o.Violations {
		if !slices.Contains(codes, v.Code) {
			codes = append(codes, v.Code)
		}
	}
	switch {
	case o.Status == evidence.Held:
		return codes, "the claim held"
	case o.Status != evidence.Violated:
		return codes, fmt.Sprintf("the claim is %s, which is no catch", o.Status)
	case !slices.Contains(codes, want):
		return codes, fmt.Sprintf("the claim is violated, but not by %s", want)
	}
	return codes, ""
}

// Result is what came of the rows so far.
func (m *Matrix) Result() evidence.Sabotage { return m.result }

// HealShort has the pair at hand catch up, and waits for its short claims to hold.
func (m *Matrix) HealShort(ctx context.Context) error {
	return m.heal(ctx, judgedFor(claim.Row{}, m.Claims))
}
