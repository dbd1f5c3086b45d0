package upgrade

import (
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// knownDefects tells of each known defect what the upgrade saw of it under the new
// release. Absent it is only where a mysqld of that release has been tried: started
// as a release without the defect is, and judged afterwards.
func (u *upgrading) knownDefects(failed error) []compare.Defect {
	all := compare.Defects(u.From.Release, u.To.Release)
	var dead *cluster.Death
	errors.As(failed, &dead)
	for i := range all {
		d := &all[i]
		d.WorkedAround = d.ExpectedTo && u.planned(plan.EncryptLogs)
		switch {
		case dead != nil && dead.Defect == d.ID && u.lastOn(dead.Side, dead.Node) == u.To.Release:
			d.Status, d.Text = evidence.DefectSeen, dead.Error()
		case dead != nil && dead.Defect == d.ID:
			d.Text = fmt.Sprintf("under %s: %s", u.lastOn(dead.Side, dead.Node), dead)
		case failed == nil && d.WorkedAround:
			d.Text = fmt.Sprintf("ndbproof run --release %s --as-written tells whether it still has it", u.report.To)
		case failed == nil && u.tried():
			d.Status = evidence.DefectAbsent
		}
	}
	return all
}

func (u *upgrading) planned(a plan.Action) bool {
	return slices.ContainsFunc(u.course.steps, func(s plan.Step) bool { return s.Does(a) && !s.Back })
}

// tried tells whether a mysqld has run under the new release, its logs encrypted
// from its start on.
func (u *upgrading) tried() bool {
	return slices.ContainsFunc(u.course.steps, func(s plan.Step) bool {
		return s.Role == topology.Mysqld && !s.Back && u.course.marks[s.ID].State == plan.Done && u.builds.specs[s.To.String()][s.Side].EncryptAtStart
	})
}

// lastOn is the release that a node was on last: that of the last step that began on it.
func (u *upgrading) lastOn(side topology.Side, node string) release.Release {
	on := u.From.Release
	for _, s := range u.course.steps {
		if s.Side == side && slices.Contains(s.Nodes, node) && u.course.marks[s.ID].State != "" {
			on = s.To
		}
	}
	return on
}
