package upgrade

import (
	"context"
	"fmt"
	"slices"

	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/release"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// reference restarts the last node of each of the roles at the replica under the
// release that it runs, by the same actions as the plan's. when is a word for its
// files.
func (u *upgrading) reference(ctx context.Context, when string, at release.Release, roles ...topology.Role) error {
	for _, role := range roles {
		s, err := u.restart(when, at, role)
		if err != nil {
			return err
		}
		var r compare.StepResult
		if err := u.act(ctx, s, &r); err != nil {
			return err
		}
		for _, k := range r.Checks {
			if k.Status != evidence.Held {
				return failure.Unheld{Phase: s.ID, Falls: []evidence.Fall{{Claim: k.ID, Status: k.Status, Details: []string{k.Text}}}}
			}
		}
		starts := u.starts[role]
		u.Journal.Note(fmt.Sprintf("%s: up again after %.1f s", s.Nodes[0], starts[len(starts)-1]))
	}
	return nil
}

// restart is the step that restarts the last node of a role at the replica.
func (u *upgrading) restart(when string, at release.Release, role topology.Role) (plan.Step, error) {
	nodes := u.builds.specs[at.String()][topology.Replica].Of(role)
	last := nodes[len(nodes)-1].Name
	i := slices.IndexFunc(u.course.whole, func(s plan.Step) bool { return s.Side == topology.Replica && slices.Contains(s.Nodes, last) })
	if i < 0 {
		return plan.Step{}, fmt.Errorf("restart %s of the replica cluster: the plan has no step for it", last)
	}
	s := u.course.whole[i]
	s.ID, s.From, s.To, s.Nodes = when+"."+s.ID, at, at, []string{last}
	if role == topology.Mysqld {
		s.Actions = u.restartActions(s)
	}
	return s, nil
}

// restartActions are those of a replica's mysqld as the release that it stays on
// needs them: a plan's are for the release that it goes to.
func (u *upgrading) restartActions(s plan.Step) []plan.Action {
	all := []plan.Action{plan.StopReplica, plan.StopNode, plan.ReplaceNode, plan.StartNode, plan.AwaitServing}
	if spec := u.builds.specs[s.To.String()][s.Side]; spec.Profile.BinlogEncryption && !spec.EncryptAtStart {
		all = append(all, plan.LogRow, plan.EncryptLogs, plan.PurgeClear)
	}
	return append(all, plan.StartReplica, plan.CatchUp)
}
