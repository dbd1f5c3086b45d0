// Package upgrade takes a running pair from one release to another, step by step, while
// writers write, and judges it before, between and after. plan has the steps as data,
// step carries them out, compare judges what was seen.
package upgrade

import (
	"context"
	"fmt"
	"time"

	"ndbproof/harness/claim"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/journal"
	"ndbproof/harness/load"
	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
	"ndbproof/harness/upgrade/step"
)

// Options are what a run can be told of an upgrade.
type Options struct {
	PerGroup   bool   // one data node of each node group at once
	RollbackAt string // id of the step after which everything is undone
	Copies     bool   // mysqlds are undone from copies of their volumes, also where they could be in place
	SpareSQL   bool   // a second mysqld takes over while the source's only one is away
	Twist      *Twist // done otherwise than planned; nil: as planned
}

// Possible refuses what the product forbids, and what has no plan, for a profile. Of an
// image whose release is not known before it was looked into, it is asked again then.
func (o Options) Possible(from, to release.Release, p secure.Profile) error {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	source := topology.Standard(topology.Source, from, release.Layout{}, p)
	_, err := plan.New(source, topology.Standard(topology.Replica, from, release.Layout{}, p), to, o.planOptions())
	return err
}

func (o Options) planOptions() plan.Options {
	return plan.Options{PerGroup: o.PerGroup, RollbackAt: o.RollbackAt, Copies: o.Copies, SpareSQL: o.SpareSQL}
}

// Target is a release, and the image that nodes of it run.
type Target struct {
	Release release.Release
	Layout  release.Layout
	Image   string
	Build   compare.Build
}

// Job is an upgrade that is to be done: the pair that was just brought up, and what the
// run has for it.
type Job struct {
	Options
	From, To        Target
	Source, Replica topology.Spec // as they are deployed
	Pair            *cluster.Pair
	Promised        secure.Profile
	Secrets         *secret.Set
	Dir             *evidence.Dir
	Journal         *journal.Journal
	Rate            int // of the inserts, in rows a second
	// Write begins to write to the pair; Claims are those that the profile promises;
	// Gaps reads from evidence what the profile leaves open.
	Write  func(ctx context.Context, beside load.Workload) (*load.Team, error)
	Claims []claim.Claim
	Gaps   func([]evidence.Outcome, *evidence.Dir) []evidence.GapResult
	// Judge looks for one claim, with the limit of a run.
	Judge func(ctx context.Context, c claim.Claim, s claim.Subject, dir *evidence.Dir) evidence.Outcome
	// Programs gives the sha256 of each role's program in an image.
	Programs func(ctx context.Context, image string, s topology.Spec) (map[topology.Role]string, error)
	Report   compare.Report // with what is known before: run, command, profile, start
}

// Outcome is what an upgrade came to.
type Outcome struct {
	Report compare.Report
	Claims []evidence.Outcome // of the claims judged last
	Gaps   []evidence.GapResult
}

// course is the way of the pair, and how far it is.
type course struct {
	plan  plan.Plan // what is to be, and what is judged
	steps []plan.Step
	whole []plan.Step // the whole way, whatever is undone: where a node's restart is looked up
	marks map[string]plan.Mark
}

// builds are what nodes are deployed by, and must run, by release.
type builds struct {
	programs map[string]map[topology.Role]string // sha256 of each role's program
	specs    map[string]map[topology.Side]topology.Spec
}

// upgrading is an upgrade while it goes on.
type upgrading struct {
	Job
	course  course
	builds  builds
	team    *load.Team
	crew    *step.Crew
	starts  map[topology.Role][]float64
	earlier map[string]string // what nodes wrote under the old release before they were restarted there
	rounds  int               // of all claims, before the last one
	report  compare.Report
	from    compare.Snapshot
	last    []evidence.Outcome // of the claims judged last
	result  Outcome
}

// Run takes the pair to the other release. The error is for what ended it; what a step
// came to is in the report, which is concluded and not yet kept.
func Run(ctx context.Context, j Job) (Outcome, error) {
	u := &upgrading{
		Job: j, course: course{marks: map[string]plan.Mark{}}, team: load.NewTeam(load.TeamOptions{}),
		starts: map[topology.Role][]float64{}, earlier: map[string]string{}, report: j.Report,
	}
	u.report.From, u.report.To, u.report.RollbackAt, u.report.Second = j.From.Release.String(), j.To.Release.String(), j.RollbackAt, j.SpareSQL
	u.report.Seconds, u.report.Builds = map[string]float64{}, []compare.Build{j.From.Build, j.To.Build}
	err := u.run(ctx)
	u.conclude(ctx, err)
	u.result.Report = u.report
	return u.result, err
}

func (u *upgrading) run(ctx context.Context) error {
	if err := u.intend(ctx); err != nil {
		return err
	}
	defer func() { u.team.Resume() }()
	var err error
	if u.team, err = u.Write(ctx, load.Churn()); err != nil {
		return err
	}
	u.crew = step.NewCrew(u.scene())
	if u.twist().Idle {
		if err := u.idle(ctx); err != nil {
			return err
		}
	}
	if u.twist().quick() {
		return u.carryOut(ctx)
	}
	if err := u.before(ctx); err != nil {
		return err
	}
	if err := u.carryOut(ctx); err != nil {
		return err
	}
	return u.after(ctx)
}

// intend makes the plan, checks and prints it, and reads what each node's program must
// be. Nothing is touched before.
func (u *upgrading) intend(ctx context.Context) error {
	u.Journal.Begin("plan", fmt.Sprintf("upgrade: %s to %s", u.report.From, u.report.To))
	u.builds = builds{programs: map[string]map[topology.Role]string{}, specs: map[string]map[topology.Side]topology.Spec{}}
	for _, t := range []Target{u.From, u.To} { // on the volumes that there are, the way back among them
		u.builds.specs[t.Release.String()] = map[topology.Side]topology.Spec{
			topology.Source: u.Source.To(t.Release, t.Layout), topology.Replica: u.Replica.To(t.Release, t.Layout),
		}
	}
	var err error
	if u.course, err = u.plot(); err != nil {
		return err
	}
	for _, line := range lines(u.course.plan.Text(u.course.marks)) {
		u.Journal.Note(line)
	}
	if err := u.Dir.Write("plan.txt", []byte(u.course.plan.Text(u.course.marks))); err != nil {
		return err
	}
	if err := u.Dir.JSON("plan.json", u.course.plan); err != nil {
		return err
	}
	for _, t := range []Target{u.From, u.To} {
		name := t.Release.String()
		if u.builds.programs[name], err = u.Programs(ctx, t.Image, u.builds.specs[name][topology.Source]); err != nil {
			return err
		}
	}
	return nil
}

// plot makes the plan, and refuses one that its own rules do.
func (u *upgrading) plot() (course, error) {
	c := course{marks: map[string]plan.Mark{}}
	var err error
	if c.plan, err = plan.New(u.Source, u.Replica, u.To.Release, u.planOptions()); err != nil {
		return c, err
	}
	if err := c.plan.Check(u.Source, u.Replica); err != nil {
		return c, err
	}
	whole, err := plan.New(u.Source, u.Replica, u.To.Release, plan.Options{PerGroup: u.PerGroup})
	if err != nil {
		return c, err
	}
	c.whole = whole.Steps
	if t := u.twist(); t.Only != "" {
		c.plan = c.plan.Only(t.Only)
	}
	c.steps = u.twist().steps(c.plan)
	return c, nil
}

// scene is what the steps act on.
func (u *upgrading) scene() step.Scene {
	return step.Scene{
		Pair: u.Pair, Writers: u.team,
		Keep: func(name string, log []byte) (string, error) {
			b := u.Secrets.Redact(log)
			return string(b), u.Dir.Write(name, b)
		},
		Image: func(s plan.Step, node string) string {
			image := u.From.Image
			if s.To == u.To.Release {
				image = u.To.Image
			}
			return u.twist().image(s.Side, node, image, u.From.Image)
		},
		Spec: func(s plan.Step) topology.Spec { return u.twist().spec(u.builds.specs[s.To.String()][s.Side], s) },
		Served: func(ctx context.Context, s plan.Step) error {
			return u.twist().serves(ctx, u.clusterOf(s.Side), s)
		},
	}
}

// subject is the pair, and what writes to it, as claims look at it.
func (u *upgrading) subject() claim.Subject {
	p := u.Pair
	return claim.Subject{Spec: p.Spec, Channel: p.Channel, Keys: p, Files: p, Host: p, Wire: p, Disks: p, Writers: u.team}
}

func (u *upgrading) clusterOf(side topology.Side) *cluster.Cluster {
	if side == topology.Replica {
		return u.Pair.Replica
	}
	return u.Pair.Source
}

func seconds(since time.Time) float64 { return time.Since(since).Round(time.Millisecond).Seconds() }
