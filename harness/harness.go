// Package harness is what scenarios are written with: the only package that
// knows testing.TB. Everything under it takes a context and returns errors.
package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/engine"
	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/images"
)

// Flags of the scenarios, given after -args.
var (
	suite   = flag.String("suite", "core", "core, or nightly for the long scenarios too")
	release = flag.String("release", "", "a release, a tarball's path or an image (default: the newest unmodified release found)")
	profile = flag.String("profile", secure.DefaultProfile, "what a deployment promises: a profile's name, or a YAML file")
	from    = flag.String("from", "9.7.2", "release that the scenarios of an upgrade begin with")
	to      = flag.String("to", "9.7.4", "release that they go to")
	grouped = flag.Bool("per-group", false, "they take one data node of each node group at once")
	broken  = flag.String("sabotage", "", "of the matrix of sabotages: one of each claim, or all (default: all in the nightly suite, else none)")
)

// Release is the one under test, as it was asked for.
func Release() string { return *release }

// promised is the profile of the pairs and clusters that scenarios start.
func promised(t testing.TB) secure.Profile {
	t.Helper()
	p, err := secure.ByName(*profile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Sabotage is how much of the matrix of sabotages is to run: "" for nothing of
// it, run.SabotageOne or run.SabotageAll.
func Sabotage() string {
	if *broken == "" && *suite == "nightly" {
		return run.SabotageAll
	}
	return *broken
}

// UpgradePath is from which release to which the scenarios of an upgrade go.
func UpgradePath() (before, after string) { return *from, *to }

// PerGroup tells whether they take one data node of each node group at once.
func PerGroup() bool { return *grouped }

// Main runs the scenarios: it refuses to begin without an engine, and removes
// what dead runs left behind. A pass is never cached. Scenarios whose suite is
// not selected (In) are left out, and so neither pass nor are skipped.
func Main(m *testing.M) int {
	flag.Parse()
	if *suite != "core" && *suite != "nightly" {
		fmt.Fprintf(os.Stderr, "-suite=%s: want core or nightly\n", *suite)
		return int(evidence.ExitUsage)
	}
	all, err := readSuites(os.DirFS("."))
	if err == nil {
		err = leaveOut(all)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenarios:", err)
		return int(evidence.ExitUsage)
	}
	ctx, stop := interruptible()
	defer stop()
	e, err := engine.Dial(ctx)
	if err == nil {
		_, err = e.Sweep(ctx, false)
		err = errors.Join(err, e.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenarios:", err)
		return int(evidence.ExitNotStarted)
	}
	defer uncached()
	return m.Run()
}

// uncached makes go test forget this result: it reuses one only when no file
// that the test looked at is newer than two seconds. Tarballs and images lie
// outside of what it watches.
func uncached() {
	mark := filepath.Join(Root(), "results", ".scenarios")
	if err := os.WriteFile(mark, []byte(time.Now().String()), 0o600); err == nil {
		_, _ = os.Stat(mark)
	}
}

// Root is the checkout's folder: scenarios run in one below it.
func Root() string { return ".." }

// Procedure carries the procedure out on a new pair and gives the report. The
// folder with its evidence is named in the test's log.
func Procedure(t testing.TB, o run.Options) run.Report {
	t.Helper()
	o = defaults(t, o)
	rep, err := run.Run(Context(t), o, progress{t})
	if err != nil {
		t.Fatalf("run the procedure: %v", err)
	}
	t.Logf("%s (exit %d): %s", rep.Results.Verdict.Headline, rep.Results.Exit, rep.Dir)
	return rep
}

func defaults(t testing.TB, o run.Options) run.Options {
	t.Helper()
	if o.Release == "" {
		o.Release = Release()
	}
	if o.Profile == "" {
		o.Profile = *profile
	}
	if o.Rows == 0 {
		o.Rows = run.DefaultRows
	}
	if o.Rate == 0 {
		o.Rate = run.DefaultRate
	}
	if o.Results == "" {
		o.Results = filepath.Join(Root(), "results")
	}
	o.Command = "go test -run " + t.Name()
	return o
}

// RequireHeld fails the test unless every claim held and the exit is want.
func RequireHeld(t testing.TB, rep run.Report, want evidence.Exit) {
	t.Helper()
	for _, c := range rep.Results.Claims {
		if c.Status != evidence.Held && c.Status != evidence.NotApplicable {
			t.Errorf("%s: %s: %v", c.ID, c.Status, c.Details())
		}
	}
	if f := rep.Results.Error; f != nil {
		t.Errorf("ended at %s: %s", f.Where, f.Text)
	}
	if rep.Results.Exit != want {
		t.Errorf("exit %d (%s), want %d (%s)", rep.Results.Exit, rep.Results.Exit, want, want)
	}
}

// RequireCaught fails the test unless every sabotage of a run was caught, and no other
// claim fell.
func RequireCaught(t testing.TB, rep run.Report) {
	t.Helper()
	s := rep.Results.Sabotage
	if s == nil {
		t.Errorf("nothing was sabotaged")
		return
	}
	t.Log(s.Score())
	for _, r := range s.Bad() {
		t.Logf("%s: %s: %s: %q", r.Word(), r.Claim, r.Name, r.Details())
	}
	if s.Caught != s.Total || s.FalseAlarms != 0 {
		t.Errorf("%s; want all caught and no false alarm", s.Score())
	}
}

// RequireUpgraded fails the test unless the upgrade of a run is taken, and lost nothing.
func RequireUpgraded(t testing.TB, rep run.Report) {
	t.Helper()
	u := rep.Results.Upgrade
	switch {
	case u == nil:
		t.Errorf("nothing was upgraded: %v", rep.Results.Error)
	case !u.Taken:
		t.Errorf("not taken: %s", u.Headline)
	}
	RequireHeld(t, rep, evidence.ExitHeld)
}

// StepOf is what came of a step of a run's upgrade, as its report has it.
func StepOf(t testing.TB, rep run.Report, id string) compare.StepResult {
	t.Helper()
	for _, s := range UpgradeOf(t, rep).Steps {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("the upgrade has no step %s", id)
	return compare.StepResult{}
}

// BlamedChecks is what a run's upgrade was not taken for: the ids of the checks that were
// violated, and of the known defects that were seen.
func BlamedChecks(t testing.TB, rep run.Report) []string {
	t.Helper()
	var ids []string
	r := UpgradeOf(t, rep)
	for _, s := range r.Steps {
		for _, c := range s.Checks {
			if c.Status == evidence.Violated {
				ids = append(ids, c.ID)
			}
		}
	}
	for _, d := range r.Defects {
		if d.Status == evidence.DefectSeen {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// UpgradeOf is the report of a run's upgrade.
func UpgradeOf(t testing.TB, rep run.Report) compare.Report {
	t.Helper()
	r, err := compare.Read(filepath.Join(rep.Dir, compare.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Alone starts one cluster of the procedure, without a replica, on a release.
// as changes its Spec before it is rendered; nil leaves it. The nodes are up
// when it returns, and nothing is waited for.
func Alone(t testing.TB, want string, as func(*topology.Spec)) *cluster.Cluster {
	t.Helper()
	ctx := Context(t)
	e := leased(ctx, t, run.PairMemory/2)
	img, probe := found(ctx, t, e, want)
	spec := topology.Standard(topology.Source, img.Release, img.Layout, promised(t))
	if as != nil {
		as(&spec)
	}
	secrets := &secret.Set{}
	keys, err := cluster.NewKeys(secrets, spec)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Launch(ctx, topology.Source, spec, cluster.Options{
		Engine: e, Image: img.Ref, Tools: img.ToolsRef, Probe: probe, Keys: keys, Secrets: secrets,
		Say: func(kind string, side topology.Side, node, text string) {
			t.Logf("%s %s %s: %s", kind, side, node, text)
		},
	})
	t.Cleanup(func() {
		if err := errors.Join(cluster.TearDown(e, c), e.Close()); err != nil {
			t.Errorf("take the cluster down: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Engine gives an engine with a lease of the test's own, which ends with the test.
func Engine(t testing.TB) *engine.Run {
	t.Helper()
	e := leased(Context(t), t, 0)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("release the lease: %v", err)
		}
	})
	return e
}

// leased gives an engine with a lease on memory, in bytes, which the caller
// closes.
func leased(ctx context.Context, t testing.TB, memory int64) *engine.Run {
	t.Helper()
	e, err := engine.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lease, err := engine.Take(false, memory)
	if err != nil {
		t.Fatal(err)
	}
	return e.With(lease)
}

// found gives an image that is there already, and that of the probe.
func found(ctx context.Context, t testing.TB, e *engine.Run, want string) (img images.Image, probe string) {
	t.Helper()
	o := images.Options{Say: func(s string) { t.Log(s) }}
	choice, err := images.Resolve(ctx, e.Engine, want, o)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = images.Existing(ctx, e, choice, o); err != nil {
		t.Fatal(err)
	}
	if probe, err = images.EnsureProbe(ctx, e, o); err != nil {
		t.Fatal(err)
	}
	return img, probe
}
