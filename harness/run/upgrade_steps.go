package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// Limits of a step. A data node starts in well under a minute; writers and channel
// have as long as a restart may take.
const (
	limitStep   = 6 * time.Minute
	limitChecks = 90 * time.Second
)

// carryOut goes through the plan, and checks the pair after every step. The first
// step that fails, or after which something is not as it must be, ends it.
func (u *upgrading) carryOut(ctx context.Context) error {
	for i, s := range u.steps {
		if i > 0 && !u.twist().quick() && turns(u.steps[i-1], s) {
			if err := u.between(ctx); err != nil {
				return err
			}
		}
		if i > 0 && s.Back && !u.steps[i-1].Back {
			u.starts = map[topology.Role][]float64{} // those so far are the other release's
		}
		u.begin("step "+s.ID, fmt.Sprintf("%s: %s", s.ID, stepTitle(s)))
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

// between judges all claims while no cluster is of mixed releases.
func (u *upgrading) between(ctx context.Context) error {
	begun := time.Now()
	err := u.judgeEverything(ctx, "claims between", false)
	u.report.Seconds["claims between"] += seconds(begun)
	return err
}

// mark keeps how far the plan is, beside it.
func (u *upgrading) mark(id string, state plan.State, seconds float64) {
	u.marks[id] = plan.Mark{State: state, Seconds: seconds}
	if err := u.dir.Write("plan.txt", []byte(u.plan.Text(u.marks))); err != nil {
		u.say("plan", "", "", brief.Error(err))
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
		r.Error, r.Cause = reason(ctx, err), u.cause(ctx, s, err)
	} else {
		begun = time.Now()
		err = u.check(ctx, s, load, &r)
		u.report.Seconds["checks"] += seconds(begun)
		u.progress.Note(fmt.Sprintf("%s done in %.1f s, %d checks in %.1f s; without writes for %d ms, without replication for %d ms",
			s.ID, r.Seconds, len(r.Checks), seconds(begun), r.WriteOutageMS, r.ReplicationOutageMS))
	}
	if err != nil {
		r.Status = evidence.StepFailed
	}
	return r, err
}

// act does what the step is about.
func (u *upgrading) act(ctx context.Context, s plan.Step, r *compare.StepResult) error {
	ctx, done := poll.WithLimit(ctx, limitStep, "step "+s.ID)
	defer done()
	for _, a := range s.Actions {
		if err := u.do(ctx, s, a, r); err != nil {
			return causeFirst(ctx, &atAction{s.ID, a, err})
		}
	}
	return nil
}

// atAction is an action that failed.
type atAction struct {
	step   string
	action plan.Action
	err    error
}

func (a *atAction) Error() string { return fmt.Sprintf("%s: %s: %v", a.step, a.action, a.err) }
func (a *atAction) Unwrap() error { return a.err }

// started waits for nodes that NDB reports: every node of the cluster must be
// there again, so that the other half of a node group is never taken before.
func (u *upgrading) started(ctx context.Context, s plan.Step) error {
	c := u.clusterOf(s.Side)
	if err := c.Started(ctx); err != nil {
		return err
	}
	if _, err := c.Shown(ctx); err != nil {
		return err
	}
	u.starts[s.Role] = append(u.starts[s.Role], seconds(u.begun))
	return nil
}

// serving waits for a mysqld, and has it read the encrypted logs that it had before:
// those that the release before has written, or those that its copy was kept with.
func (u *upgrading) serving(ctx context.Context, s plan.Step, r *compare.StepResult) error {
	c := u.clusterOf(s.Side)
	if err := c.Back(ctx); err != nil {
		return err
	}
	u.starts[s.Role] = append(u.starts[s.Role], seconds(u.begun))
	r.AwayMS = time.Since(u.halted).Milliseconds()
	if err := u.twist().serves(ctx, c, s); err != nil {
		return err
	}
	begun := time.Now()
	logs, whose := u.logs, "the release before"
	if s.Does(plan.RestoreCopy) {
		logs, whose = u.copied[string(s.Side)+" "+s.Nodes[0]], "this release, before its copy was kept,"
	}
	read, err := oldLogs(ctx, c, logs)
	k := compare.Check{
		ID: "old-logs", Title: "the encrypted logs that " + whose + " has written can be read to their ends",
		Status: evidence.Held, Seen: read, Seconds: seconds(begun),
	}
	switch {
	case err != nil:
		k.Status, k.Text = evidence.Violated, brief.Error(err)
	case read == 0:
		k.Status, k.Text = evidence.NotLooked, "there is no encrypted log that "+whose+" has written"
	}
	r.Checks = append(r.Checks, k)
	return nil
}

// noteLogs notes the encrypted binary logs of a mysqld that is about to be stopped.
func (u *upgrading) noteLogs(ctx context.Context, s plan.Step) (err error) {
	if s.Role == topology.Mysqld {
		u.logs, err = encryptedLogs(ctx, u.clusterOf(s.Side))
	}
	return err
}

func encryptedLogs(ctx context.Context, c *cluster.Cluster) ([]string, error) {
	logs, err := c.Server.BinaryLogs(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range logs {
		if l.Encrypted {
			names = append(names, l.Name)
		}
	}
	return names, nil
}

// oldLogs has a server read every log that it had encrypted, to the end, and counts
// them.
func oldLogs(ctx context.Context, c *cluster.Cluster, logs []string) (int, error) {
	there, err := encryptedLogs(ctx, c)
	if err != nil {
		return 0, err
	}
	for i, name := range logs {
		if !slices.Contains(there, name) {
			return i, fmt.Errorf("look for %s of the %s, which was there before: it is not among the server's logs any more", name, c.Side)
		}
		if _, err := c.Server.DB.ExecContext(ctx, "SHOW BINLOG EVENTS IN "+secure.QuoteString(name)); err != nil {
			return i, fmt.Errorf("read %s of the %s, which was written before: %w", name, c.Side, err)
		}
	}
	return len(logs), nil
}

// ages is how old each writer is: where a step begins in its series.
func (u *upgrading) ages() []time.Duration {
	var all []time.Duration
	for _, w := range u.writer.all {
		all = append(all, w.Age())
	}
	return all
}

// outages reads from the writers' own series what a step cost.
func (u *upgrading) outages(r *compare.StepResult, from []time.Duration) {
	for i, w := range u.writer.all {
		c, now := w.Counts(), w.Age()
		r.WriteOutageMS = max(r.WriteOutageMS, load.Longest(c.Outages, from[i], now).Milliseconds())
		r.ReplicationOutageMS = max(r.ReplicationOutageMS, load.Longest(c.Unapplied, from[i], now).Milliseconds())
	}
}

// stepTitle says what a step does.
func stepTitle(s plan.Step) string {
	return fmt.Sprintf("%s %s from %s to %s", s.Side, strings.Join(s.Nodes, " and "), s.From, s.To)
}
