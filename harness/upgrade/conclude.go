package upgrade

import (
	"context"
	"slices"
	"time"

	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
)

// conclude gives the report its verdict.
func (u *upgrading) conclude(ctx context.Context, failed error) {
	for i := range u.course.plan.Steps {
		s := u.course.plan.Steps[i]
		if !slices.ContainsFunc(u.report.Steps, func(r compare.StepResult) bool { return r.ID == s.ID }) {
			u.report.Steps = append(u.report.Steps, compare.StepResult{ID: s.ID, Title: stepTitle(s), Status: evidence.StepNotReached})
		}
	}
	u.rows()
	u.report.Defects = u.knownDefects(failed)
	if failed != nil && (!u.stepFailed() || failure.Interrupted(ctx)) {
		u.report.Error = failure.Of(ctx, failed, u.Journal.Doing(), true)
	}
	u.report.End = time.Now().UTC()
	u.report = compare.Conclude(u.report)
}

func (u *upgrading) stepFailed() bool {
	return slices.ContainsFunc(u.report.Steps, func(s compare.StepResult) bool { return s.Status == evidence.StepFailed })
}

// rows counts the rows that were looked for at the end, and those that were lost.
func (u *upgrading) rows() {
	for _, side := range topology.Sides {
		for _, f := range u.team.Checked(side) {
			u.report.Rows += f.Expected
			u.report.RowsLost += f.Missing + f.Torn
		}
	}
	u.report.Rows /= int64(len(topology.Sides))
}
