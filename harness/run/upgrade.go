package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade"
	"ndbproof/harness/upgrade/plan"
	"ndbproof/images"
)

// Upgrade is what Options say of a rolling upgrade. With To set a run brings a
// pair up on the release that Options.Release names, and takes it to another one
// under load.
type Upgrade struct {
	To         string // a release, a tarball's path, an image
	PerGroup   bool   // one data node of each node group at once
	RollbackAt string // id of the step after which everything is undone
	Copies     bool   // mysqlds are undone from copies of their volumes, also where they could be in place
	SpareSQL   bool   // a second mysqld takes over while the source's only one is away
	Twist      *Twist // done otherwise than planned; nil: as planned
}

// upgrading is an upgrade while it goes on.
type upgrading struct {
	*runner
	to       images.Image
	programs map[string]map[topology.Role]string // sha256 of each role's program, by release
	specs    map[string]map[topology.Side]topology.Spec
	plan     plan.Plan // what is to be, and what is judged
	steps    []plan.Step
	forth    []plan.Step // the whole way, whatever is undone: where a node's restart is looked up
	marks    map[string]plan.Mark
	rounds   int      // of all claims, before the last one
	letIn    []func() // of writers that stand
	fence    replication.Position
	starts   map[topology.Role][]float64
	logs     []string            // encrypted binary logs that the mysqld had at its stop
	copied   map[string][]string // those that are in the copy of a mysqld, by side and node
	earlier  map[string]string   // what nodes wrote under the old release before they were restarted there
	begun    time.Time           // of a node's start
	halted   time.Time           // when its stop began
	stood    time.Time           // since when writers stand
	report   upgrade.Report
	from     upgrade.Snapshot
	all      []evidence.Outcome // of the claims judged last
}

// resolveTarget finds the image of the release that is to be, and refuses a path
// that the product forbids. It starts nothing.
func (r *runner) resolveTarget(ctx context.Context, from images.Choice, o images.Options) error {
	to, err := images.Resolve(ctx, r.engine, r.Upgrade.To, o)
	if err != nil {
		return err
	}
	r.target = to
	return r.Upgrade.possible(from.Release, to.Release)
}

// possible refuses what the product forbids, and what has no plan; of an image whose
// release nobody knows yet it is asked again when somebody has looked inside.
func (u Upgrade) possible(from, to release.Release) error {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	p := secure.Published2021()
	source := topology.Standard(topology.Source, from, release.Layout{}, p)
	_, err := plan.New(source, topology.Standard(topology.Replica, from, release.Layout{}, p), to, u.planOptions())
	return err
}

func (u Upgrade) planOptions() plan.Options {
	return plan.Options{PerGroup: u.PerGroup, RollbackAt: u.RollbackAt, Copies: u.Copies, SpareSQL: u.SpareSQL}
}

// upgradePair takes the pair that was just brought up to another release, step by
// step, while writers write, and judges it before, between and after.
func (r *runner) upgradePair(ctx context.Context) error {
	u := &upgrading{
		runner: r, marks: map[string]plan.Mark{},
		starts: map[topology.Role][]float64{}, earlier: map[string]string{}, copied: map[string][]string{},
		report: upgrade.Report{
			Run: r.results.Run, From: r.image.Release.String(), To: r.to.Release.String(), RollbackAt: r.Upgrade.RollbackAt, Second: r.Upgrade.SpareSQL,
			Profile: r.promised.Name, Command: r.Command, Start: r.results.Provenance.Start, Seconds: map[string]float64{},
			Builds: []upgrade.Build{built(r.image), built(r.to)},
		},
		to: r.to,
	}
	err := u.run(ctx)
	u.conclude(ctx, err)
	return err
}

func built(i images.Image) upgrade.Build {
	return upgrade.Build{Release: i.Release.String(), TarballSHA256: i.TarballSHA256, ImageID: i.ID, Listed: i.Listed}
}

// run is the whole of it. The error is for what ended it; what a step came to
// stands in the report.
func (u *upgrading) run(ctx context.Context) error {
	if err := u.intend(ctx); err != nil {
		return err
	}
	defer u.stopWriters()
	defer u.letAll()
	if err := u.startWriters(ctx, load.Inserts(), load.Churn()); err != nil {
		return err
	}
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

// intend makes the plan, prints it, and reads what each node's program must be.
func (u *upgrading) intend(ctx context.Context) error {
	u.begin("plan", fmt.Sprintf("upgrade: %s to %s", u.report.From, u.report.To))
	source, replica := u.runner.specs()
	u.specs = map[string]map[topology.Side]topology.Spec{}
	for _, i := range []images.Image{u.image, u.to} { // on the volumes that there are, the way back among them
		u.specs[i.Release.String()] = map[topology.Side]topology.Spec{
			topology.Source: source.To(i.Release, i.Layout), topology.Replica: replica.To(i.Release, i.Layout),
		}
	}
	var err error
	if u.plan, err = plan.New(source, replica, u.to.Release, u.Upgrade.planOptions()); err != nil {
		return err
	}
	whole, err := plan.New(source, replica, u.to.Release, plan.Options{PerGroup: u.Upgrade.PerGroup})
	if err != nil {
		return err
	}
	u.forth = whole.Steps
	if t := u.twist(); t.Only != "" {
		u.plan = u.plan.Only(t.Only)
	}
	u.steps = u.twist().steps(u.plan)
	for _, line := range lines(u.plan.Text(u.marks)) {
		u.progress.Note(line)
	}
	if err := u.dir.Write("plan.txt", []byte(u.plan.Text(u.marks))); err != nil {
		return err
	}
	if err := u.dir.JSON("plan.json", u.plan); err != nil {
		return err
	}
	u.programs = map[string]map[topology.Role]string{}
	for name, image := range map[string]string{u.report.From: u.image.Ref, u.report.To: u.to.Ref} {
		if u.programs[name], err = cluster.ProgramsOf(ctx, u.objects, image, u.specs[name][topology.Source]); err != nil {
			return err
		}
	}
	return nil
}

// before judges the pair under the old release, and restarts a node of each kind
// there: the first start of an empty cluster is no measure for those that follow.
func (u *upgrading) before(ctx context.Context) error {
	begun := time.Now()
	if err := u.judgeEverything(ctx, "claims before", false); err != nil {
		return err
	}
	u.report.Seconds["claims before"] = seconds(begun)
	begun = time.Now()
	u.begin("restarts before", "restarting one node of each kind under the old release, to compare with")
	if err := u.reference(ctx, "before", u.image.Release, topology.Mgmd, topology.Ndbmtd, topology.Mysqld); err != nil {
		return err
	}
	u.report.Seconds["restarts before"] = seconds(begun)
	from, err := u.snapshot(ctx, u.report.From, u.starts)
	if err != nil {
		return err
	}
	u.from, u.starts, u.earlier = from, map[topology.Role][]float64{}, nil
	return upgrade.Keep(u.dir, upgrade.FromFile, u.from)
}

// after stops the writers and judges the pair under the new release, or under the
// old one again. A mysqld is restarted there first: its first start under another
// release goes over its own tables, and is no measure for those that follow. So is
// a node of each kind that a plan which was undone early has not restarted.
func (u *upgrading) after(ctx context.Context) error {
	begun := time.Now()
	u.begin("restart after", "restarting under "+u.runs().String()+" what is still to be compared")
	u.starts[topology.Mysqld], u.earlier = nil, map[string]string{}
	if err := u.reference(ctx, "after", u.runs(), u.unmeasured()...); err != nil {
		return err
	}
	u.report.Seconds["restart after"] = seconds(begun)
	begun = time.Now()
	to, err := u.snapshot(ctx, u.runs().String(), u.starts)
	if err != nil {
		return err
	}
	if err := u.judgeEverything(ctx, "claims after", true); err != nil {
		return err
	}
	u.report.Seconds["claims after"] = seconds(begun)
	to.Claims, to.Gaps = u.all, all.Gaps(u.all, u.dir)
	u.report = u.report.Between(u.from, to, upgrade.Reviewed())
	return upgrade.Keep(u.dir, upgrade.ToFile, to)
}

// unmeasured are the roles of which no start has been timed.
func (u *upgrading) unmeasured() []topology.Role {
	return slices.DeleteFunc([]topology.Role{topology.Mgmd, topology.Ndbmtd, topology.Mysqld}, func(r topology.Role) bool { return len(u.starts[r]) > 0 })
}

// runs is the release that the pair runs at the end.
func (u *upgrading) runs() release.Release {
	if u.Upgrade.RollbackAt != "" {
		return u.image.Release
	}
	return u.to.Release
}

// judgeEverything judges all claims, but that about rows only at the end: it needs
// the writers to have stopped. What they saw earlier is kept apart.
func (u *upgrading) judgeEverything(ctx context.Context, phase string, settled bool) error {
	u.begin(phase, "all claims, "+phase[len("claims "):])
	round := ""
	if !settled {
		u.rounds++
		round = fmt.Sprintf("rounds/%d-%s/", u.rounds, phase[len("claims "):])
	}
	noTables := restoresAhead(u.steps, u.marks)
	if noTables {
		u.progress.Note(claim.RestMarkersID + " is left out: it makes tables, and a mysqld that goes back to a copy cannot install those of a newer one (error 3611)")
	}
	claims := slices.DeleteFunc(all.For(u.promised), func(c claim.Claim) bool {
		return c.ID == claim.RowsParityID && !settled || c.ID == claim.RestMarkersID && noTables
	})
	u.all = nil
	for _, c := range claims {
		o := u.judge(ctx, c, u.bench().Subject, u.dir.Sub(round))
		if o.Evidence != "" {
			o.Evidence = round + o.Evidence
		}
		u.all = append(u.all, o)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u.progress.Claim(o)
	}
	switch {
	case phase == "claims before":
		u.from.Claims, u.from.Gaps = u.all, all.Gaps(u.all, u.dir)
	case settled:
		u.results.Claims = u.all
		u.results.Gaps = all.Gaps(u.all, u.dir)
	}
	if falls := evidence.Falls(u.all); len(falls) > 0 && !settled {
		u.results.Claims = u.all
		return unheld{phase, falls}
	}
	return nil
}

// restoresAhead tells whether a copy is kept that is still to be restored. Tables
// that a mysqld makes meanwhile are described in NDB's dictionary with its release,
// and an older one refuses that description (docs/findings.md).
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

// conclude gives the report its verdict and keeps it.
func (u *upgrading) conclude(ctx context.Context, failed error) {
	if u.dir == nil {
		return
	}
	for i := range u.plan.Steps {
		s := u.plan.Steps[i]
		if !slices.ContainsFunc(u.report.Steps, func(r upgrade.StepResult) bool { return r.ID == s.ID }) {
			u.report.Steps = append(u.report.Steps, upgrade.StepResult{ID: s.ID, Title: stepTitle(s), Status: evidence.StepNotReached})
		}
	}
	u.rows()
	u.report.Defects = u.knownDefects(failed)
	if failed != nil && (!u.stepFailed() || interrupted(ctx)) {
		u.report.Error = u.failure(ctx, failed)
	}
	u.report.End = time.Now().UTC()
	u.report = upgrade.Conclude(u.report)
	u.results.Upgrade = &evidence.Upgrade{
		From: u.report.From, To: u.report.To, Headline: u.report.Verdict.Headline, Taken: u.report.Verdict.Taken, Exit: u.report.Exit,
	}
	if err := upgrade.Write(u.dir, u.report); err != nil {
		u.say("upgrade", "", "", brief.Error(err))
	}
}

func (u *upgrading) stepFailed() bool {
	return slices.ContainsFunc(u.report.Steps, func(s upgrade.StepResult) bool { return s.Status == evidence.StepFailed })
}

// rows counts the rows that were looked for at the end, and those that were lost.
func (u *upgrading) rows() {
	for _, side := range topology.Sides {
		for _, f := range u.writer.seen[side] {
			u.report.Rows += f.Expected
			u.report.RowsLost += f.Missing + f.Torn
		}
	}
	u.report.Rows /= int64(len(topology.Sides))
}

func seconds(since time.Time) float64 { return time.Since(since).Round(time.Millisecond).Seconds() }
