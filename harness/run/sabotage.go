package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
)

// What Options.Sabotage may be.
const (
	SabotageOne = "one" // one sabotage of each claim
	SabotageAll = "all"
)

// Limits of a row of the matrix. The claim that must fall may have to wait in
// vain for a minute before it can say so.
const (
	limitAct     = time.Minute     // to break, and to mend
	limitRestart = 4 * time.Minute // the same, with a server restarted
	limitLong    = 3 * time.Minute
	limitOther   = 30 * time.Second
	limitHeal    = 3 * time.Minute
	pauseHeal    = time.Second
)

// matrix breaks a pair again and again, and sees which claims fall.
type matrix struct {
	bench    claim.Bench
	claims   []claim.Claim // the columns
	promised secure.Profile
	scratch  *evidence.Dir // what claims see, until it is known whether it is to be kept

	catchUp func(context.Context, claim.Bench) error                          // has the replica catch up
	before  func(context.Context) error                                       // each sabotage
	deaths  *deaths                                                           // of nodes
	keep    func(n int, outcomes []evidence.Outcome) (dir string)             // what those that fell saw
	renew   func(ctx context.Context, n int, why string) (claim.Bench, error) // another pair
	group   func(effect string, rows int)                                     // begins
	told    func(evidence.Sabotage, *evidence.SabotageRow)                    // after each row, or control

	result evidence.Sabotage
	total  int
}

// run goes through all rows, and looks for all claims after each group of them.
// Rows of one effect are a group. The error is for what ends the run; all else
// stands in the result.
func (m *matrix) run(ctx context.Context, rows []claim.Row) error {
	m.total = len(rows)
	for _, c := range m.claims {
		m.result.Claims = append(m.result.Claims, c.ID)
	}
	n := 0
	for _, g := range groups(rows) {
		effect := g[0].Sabotage.Effect.String()
		m.group(effect, len(g))
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
func (m *matrix) take(ctx context.Context, n int, row claim.Row) error {
	begun := time.Now()
	r := m.row(ctx, n, row)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.Seconds = time.Since(begun).Round(time.Millisecond).Seconds()
	m.result.Rows = append(m.result.Rows, r)
	m.result = m.result.Scored(m.total)
	m.told(m.result, &r)
	if r.Healed {
		return nil
	}
	return m.replace(ctx, n, r.Trouble)
}

// row breaks, judges, mends, and waits for the pair to be as before.
func (m *matrix) row(ctx context.Context, n int, row claim.Row) evidence.SabotageRow {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.deaths.tell(cancel)
	looked := judgedFor(row, m.claims)
	r := blank(row, m.result.Claims)
	undo, done := m.do(ctx, row)
	if done == nil {
		outcomes := m.judge(ctx, looked, row.Claim.ID)
		if done = died(ctx); done == nil {
			r = verdict(row, m.result.Claims, outcomes)
		}
		r.Fell = evidence.Falls(outcomes)
		r.Evidence = m.keep(n, outcomes)
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
func (m *matrix) do(ctx context.Context, row claim.Row) (undo func(context.Context) error, err error) {
	undo = func(context.Context) error { return nil }
	if err := m.before(ctx); err != nil {
		return undo, err
	}
	limited, done := poll.WithLimit(ctx, limitOf(row), "breaking it")
	defer done()
	undo, err = row.Sabotage.Do(limited, m.bench)
	if dead := died(ctx); dead != nil {
		return undo, dead
	}
	return undo, err
}

// mend undoes the sabotage, with a limit of its own, and proves that the pair is as
// before: it catches up, and the claims that were judged hold. What half a sabotage
// leaves to be undone may be nothing, so that undo may fail; then the proof alone
// decides.
func (m *matrix) mend(ctx context.Context, row claim.Row, undo func(context.Context) error, looked []claim.Claim, whole bool) error {
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
func (m *matrix) heal(ctx context.Context, left []claim.Claim) error {
	ctx, done := poll.WithLimit(ctx, limitHeal, "healing")
	defer done()
	if err := m.catchUp(ctx, m.bench); err != nil {
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
		return errors.New(fallen(falls))
	})
}

// control looks for all claims while nothing is broken.
func (m *matrix) control(ctx context.Context, n int, effect string) error {
	begun := time.Now()
	row, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.deaths.tell(cancel)
	outcomes := m.judge(row, m.claims, "")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := evidence.SabotageControl{
		After: effect, Cells: evidence.Cells(m.result.Claims, outcomes), Fell: evidence.Falls(outcomes),
		Seconds: time.Since(begun).Round(time.Millisecond).Seconds(),
	}
	m.result.Controls = append(m.result.Controls, c)
	m.result = m.result.Scored(m.total)
	m.told(m.result, nil)
	if len(c.Fell) == 0 || n == m.total {
		return nil
	}
	return m.replace(ctx, n, "claims fell although nothing was broken: "+fallen(c.Fell))
}

func (m *matrix) replace(ctx context.Context, n int, why string) error {
	if n == m.total {
		return nil // it was the last
	}
	b, err := m.renew(ctx, n, why)
	if err != nil {
		return fmt.Errorf("replace a pair that did not heal (%s): %w", why, err)
	}
	m.bench = b
	return nil
}

// judge looks for claims on the pair at hand.
func (m *matrix) judge(ctx context.Context, claims []claim.Claim, named string) []evidence.Outcome {
	return judgeAll(ctx, claims, m.bench.Subject, m.scratch, m.promised, named)
}

// judgeAll looks for claims: for those that only read all at once, and then for
// the others in turn, because they write rows, log in, or stop threads. The
// outcomes are in the order of the claims. named is the id of one that may have to
// wait in vain before it can say so.
func judgeAll(ctx context.Context, claims []claim.Claim, s claim.Subject, dir *evidence.Dir, promised secure.Profile, named string) []evidence.Outcome {
	outcomes := make([]evidence.Outcome, len(claims))
	look := func(i int) {
		limit := limitOther
		if c := claims[i]; c.ID == named || !short(c) {
			limit = limitLong
		}
		limited, done := poll.WithLimit(ctx, limit, "looking for "+claims[i].ID)
		defer done()
		outcomes[i] = claim.Run(limited, claims[i], s, dir, promised)
	}
	var g errgroup.Group
	for i, c := range claims {
		if c.Effect == claim.Reads {
			g.Go(func() error { look(i); return nil })
		}
	}
	_ = g.Wait() // outcomes hold what went wrong
	for i, c := range claims {
		if c.Effect != claim.Reads {
			look(i)
		}
	}
	return outcomes
}

// died is the death of a node that ended a row.
func died(ctx context.Context) error {
	var d *cluster.Death
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
		return c.ID != row.Claim.ID && !short(c)
	})
}

// short claims disturb nothing and do not take long.
func short(c claim.Claim) bool { return c.Effect <= claim.Connects && !c.Long }

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

// fallen tells of claims that fell, in one line.
func fallen(falls []evidence.Fall) string {
	var words []string
	for _, f := range falls {
		words = append(words, f.String())
	}
	return strings.Join(words, "; ")
}
