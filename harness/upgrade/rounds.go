package upgrade

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/release"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// round is a look for all claims.
type round struct {
	name    string // "before", "between", "after"
	settled bool   // the writers stop, and the claim about their rows is judged
}

// phase is the round's in the report and the timeline.
func (r round) phase() string { return "claims " + r.name }

// before judges the pair under the old release, and restarts a node of each kind there:
// the first start of an empty cluster is no measure for those that follow.
func (u *upgrading) before(ctx context.Context) error {
	err := u.judgeAll(ctx, round{name: "before"})
	u.from.Claims, u.from.Gaps = u.last, u.Gaps(u.last, u.Dir)
	if err != nil {
		return err
	}
	begun := time.Now()
	u.Journal.Begin("restarts before", "restarting one node of each kind under the old release, to compare with")
	if err := u.reference(ctx, "before", u.From.Release, topology.Mgmd, topology.Ndbmtd, topology.Mysqld); err != nil {
		return err
	}
	u.report.Seconds["restarts before"] = seconds(begun)
	from, err := u.snapshot(ctx, u.report.From, u.starts)
	if err != nil {
		return err
	}
	u.from, u.starts, u.earlier = from, map[topology.Role][]float64{}, nil
	return compare.Keep(u.Dir, compare.FromFile, u.from)
}

// after stops the writers and judges the pair under the new release, or under the old
// one again. A mysqld is restarted there first: its first start under another release
// goes over its own tables, and is no measure for those that follow. So is a node of
// each kind that a plan which was undone early has not restarted.
func (u *upgrading) after(ctx context.Context) error {
	begun := time.Now()
	u.Journal.Begin("restart after", "restarting under "+u.runs().String()+" what is still to be compared")
	u.starts[topology.Mysqld], u.earlier = nil, map[string]string{}
	if err := u.reference(ctx, "after", u.runs(), u.unmeasured()...); err != nil {
		return err
	}
	u.report.Seconds["restart after"] = seconds(begun)
	to, err := u.snapshot(ctx, u.runs().String(), u.starts)
	if err != nil {
		return err
	}
	if err := u.judgeAll(ctx, round{name: "after", settled: true}); err != nil {
		return err
	}
	to.Claims, to.Gaps = u.last, u.result.Gaps
	u.report = u.report.Between(u.from, to, compare.Reviewed())
	return compare.Keep(u.Dir, compare.ToFile, to)
}

// unmeasured are the roles of which no start has been timed.
func (u *upgrading) unmeasured() []topology.Role {
	return slices.DeleteFunc([]topology.Role{topology.Mgmd, topology.Ndbmtd, topology.Mysqld}, func(r topology.Role) bool { return len(u.starts[r]) > 0 })
}

// runs is the release that the pair runs at the end.
func (u *upgrading) runs() release.Release {
	if u.RollbackAt != "" {
		return u.From.Release
	}
	return u.To.Release
}

// judgeAll judges all claims, but that about rows only when the writers settle. What
// they saw in earlier rounds is kept apart.
func (u *upgrading) judgeAll(ctx context.Context, r round) error {
	begun := time.Now()
	defer func() { u.report.Seconds[r.phase()] += seconds(begun) }()
	u.Journal.Begin(r.phase(), "all claims, "+r.name)
	folder := ""
	if !r.settled {
		u.rounds++
		folder = fmt.Sprintf("rounds/%d-%s/", u.rounds, r.name)
	}
	noTables := restoresAhead(u.course.steps, u.course.marks)
	if noTables {
		u.Journal.Note(claim.RestMarkersID + " is left out: it makes tables, and a mysqld that goes back to a copy cannot install those of a newer one (error 3611)")
	}
	claims := slices.DeleteFunc(slices.Clone(u.Claims), func(c claim.Claim) bool {
		return c.ID == claim.RowsParityID && !r.settled || c.ID == claim.RestMarkersID && noTables
	})
	u.last = nil
	for _, c := range claims {
		o := u.Judge(ctx, c, u.subject(), u.Dir.Sub(folder))
		if o.Evidence != "" {
			o.Evidence = folder + o.Evidence
		}
		u.last = append(u.last, o)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u.Journal.Claim(o)
	}
	falls := evidence.Falls(u.last)
	if r.settled || len(falls) > 0 {
		u.result.Claims = u.last
	}
	if r.settled {
		u.result.Gaps = u.Gaps(u.last, u.Dir)
		return nil
	}
	if len(falls) > 0 {
		return failure.Unheld{Phase: r.phase(), Falls: falls}
	}
	return nil
}

// restoresAhead tells whether a copy is kept that is still to be restored. Tables
// that a mysqld makes before that are described in NDB's dictionary with its release,
// and an older mysqld refuses that description (docs/findings.md).
func restoresAhead(steps []plan.Step, marks map[string]plan.Mark) bool {
	kept := false
	for _, s := range steps {
		done := marks[s.ID].State == plan.Done
		kept = kept || done && s.Does(plan.KeepCopy)
		if kept && !done && s.Does(plan.RestoreCopy) {
			return true
		}
	}
	return false
}
