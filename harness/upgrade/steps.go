package upgrade

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/load"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
	"ndbproof/harness/upgrade/step"
)

// limitChecks is that of the checks after a step.
const limitChecks = 90 * time.Second

// carryOut goes through the plan, and checks the pair after every step. The first
// step that fails, or after which something is not as it must be, ends it.
func (u *upgrading) carryOut(ctx context.Context) error {
	for i, s := range u.course.steps {
		if i > 0 && !u.twist().quick() && turns(u.course.steps[i-1], s) {
			// No cluster is of mixed releases now.
			if err := u.judgeAll(ctx, round{name: "between"}); err != nil {
				return err
			}
		}
		if i > 0 && s.Back && !u.course.steps[i-1].Back {
			u.starts = map[topology.Role][]float64{} // those so far are the other release's
		}
		u.Journal.Begin("step "+s.ID, fmt.Sprintf("%s: %s", s.ID, stepTitle(s)))
		u.mark(s.ID, plan.AtIt, 0)
		r, err := u.step(ctx, s)
		u.report.Steps = append(u.report.Steps, r)
		u.report.Seconds["steps"] += r.Seconds
		state := plan.Done
		if err != nil {
			state = plan.Failed
		}
		u.mark(s.ID, state, r.Seconds)
		if err != nil {
			return err
		}
	}
	return nil
}

// turns tells that one cluster is done with: the next step is the other's, or turns
// back after the last of the first one's.
func turns(last, next plan.Step) bool {
	return last.Side != next.Side || next.Back && !last.Back && last.Role == lastRole(last)
}

// lastRole is the role that a step's cluster ends with: a downgrade goes backwards.
func lastRole(s plan.Step) topology.Role {
	if s.To.CompareNumber(s.From) < 0 {
		return topology.Mgmd
	}
	return topology.Mysqld
}

// mark keeps how far the plan is, beside it.
func (u *upgrading) mark(id string, state plan.State, seconds float64) {
	u.course.marks[id] = plan.Mark{State: state, Seconds: seconds}
	if err := u.Dir.Write("plan.txt", []byte(u.course.plan.Text(u.course.marks))); err != nil {
		u.Journal.Say("plan", "", "", brief.Error(err))
	}
}

// step carries one step out and checks the pair after it.
func (u *upgrading) step(ctx context.Context, s plan.Step) (compare.StepResult, error) {
	r := compare.StepResult{ID: s.ID, Title: stepTitle(s), Status: evidence.StepDone}
	begun, from := time.Now(), u.ages()
	load := u.loads()
	err := u.act(ctx, s, &r)
	r.Seconds = seconds(begun)
	u.outages(&r, from)
	if err != nil {
		r.Error, r.Cause = failure.Reason(ctx, err), u.cause(ctx, s, err)
	} else {
		begun = time.Now()
		err = u.check(ctx, s, load, &r)
		u.report.Seconds["checks"] += seconds(begun)
		u.Journal.Note(fmt.Sprintf("%s done in %.1f s, %d checks in %.1f s; without writes for %d ms, without replication for %d ms",
			s.ID, r.Seconds, len(r.Checks), seconds(begun), r.WriteOutageMS, r.ReplicationOutageMS))
	}
	if err != nil {
		r.Status = evidence.StepFailed
	}
	return r, err
}

// act carries out the actions of a step, and takes over what came of them.
func (u *upgrading) act(ctx context.Context, s plan.Step, r *compare.StepResult) error {
	begun, err := u.crew.Run(ctx, s)
	for _, a := range begun {
		if x, ok := a.(step.Reporter); ok {
			x.Report(r)
		}
		if x, ok := a.(step.Starter); ok && x.Started() > 0 {
			u.starts[s.Role] = append(u.starts[s.Role], x.Started())
		}
		if x, ok := a.(step.Replacer); ok && s.To == s.From {
			for name, log := range x.Logs() {
				u.earlier[string(s.Side)+" "+name] = log
			}
		}
	}
	return err
}

// ages is how old each writer is: where a step begins in its series.
func (u *upgrading) ages() []time.Duration {
	var all []time.Duration
	for _, w := range u.team.Writers() {
		all = append(all, w.Age())
	}
	return all
}

// outages reads from the writers' own series what a step cost.
func (u *upgrading) outages(r *compare.StepResult, from []time.Duration) {
	for i, w := range u.team.Writers() {
		c, now := w.Counts(), w.Age()
		r.WriteOutageMS = max(r.WriteOutageMS, load.Longest(c.Outages, from[i], now).Milliseconds())
		r.ReplicationOutageMS = max(r.ReplicationOutageMS, load.Longest(c.Unapplied, from[i], now).Milliseconds())
	}
}

// stepTitle says what a step does.
func stepTitle(s plan.Step) string {
	return fmt.Sprintf("%s %s from %s to %s", s.Side, strings.Join(s.Nodes, " and "), s.From, s.To)
}
