package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/procedure"
	"ndbproof/harness/release"
	"ndbproof/harness/report"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// conclude makes the results of what a run found, takes the pair down, and writes them.
// failed is what ended the run before its end.
func conclude(ctx context.Context, a order, f found, l *living, j judged, failed error) (Report, error) {
	r := evidence.Results{
		Release: f.name, Profile: profileOf(a.promised), Claims: j.claims, Gaps: j.gaps,
		Sabotage: j.sabotage, Upgrade: j.upgrade, Workload: j.workload, Provenance: provenance(a, f),
	}
	r.Error = whatFailed(ctx, a, f, l, j, failed)
	if failed != nil {
		failed = errors.New(r.Error.Text) // the text that every report has
	}
	r.Steps = stepsOf(a, r.Error)
	r.Defects = defects(a, f, l, r.Error)
	kept := collect(a, f, l, &r.Provenance)
	takeDown(a, f, l)
	a.journal.End()
	r.Timings = a.journal.Timings()
	if f.dir == nil {
		a.journal.Finish(failed)
		return Report{Results: evidence.Conclude(r, a.Accept)}, errors.Join(failed, errors.New("no results were kept"))
	}
	r.Run, r.Provenance.End = f.dir.Name(), time.Now().UTC()
	err := report.Write(f.dir, evidence.Conclude(r, a.Accept)) // so that it is searched, too
	if l.pair != nil {
		o := searchSecrets(a, f, len(r.Provenance.Nodes), kept)
		r.Claims = append(slices.Clone(r.Claims), o)
		a.journal.Claim(o)
	}
	r = evidence.Conclude(r, a.Accept)
	a.journal.Say("verdict", "", "", r.Verdict.Headline)
	err = errors.Join(err, keep(a, f, r))
	a.journal.Finish(failed)
	return Report{Results: r, Dir: f.dir.Root()}, err
}

// provenance is what the run ran on, as far as it was found.
func provenance(a order, f found) evidence.Provenance {
	p := evidence.Provenance{
		Command: a.Command, Seed: a.Seed, Start: a.start, Accounts: outsiders(a.promised), HostFacts: f.host,
		TarballSHA256: f.image.TarballSHA256, ImageID: f.image.ID, Listed: f.image.Listed, Build: f.image.Build,
	}
	if f.engine != nil {
		p.EngineVersion, p.APIVersion, p.StorageDriver = f.engine.Facts.Version, f.engine.Facts.API, f.engine.Facts.Storage
	}
	return p
}

// outsiders are the accounts that are not part of the procedure.
func outsiders(p secure.Profile) []evidence.Account {
	var out []evidence.Account
	for _, a := range p.Accounts {
		if !a.Procedure && !a.Locked {
			out = append(out, evidence.Account{Name: a.Name(), Purpose: a.Purpose})
		}
	}
	return out
}

// whatFailed is what ended the run; nil where it went to its end, with every claim
// judged that it calls for.
func whatFailed(ctx context.Context, a order, f found, l *living, j judged, failed error) *evidence.Failure {
	if failed != nil {
		if f.engine != nil {
			if gone := f.engine.Answers(ctx); gone != nil {
				a.stop(gone) // why else calls fail, said better
			}
		}
		e := failure.Of(ctx, failed, a.journal.Doing(), l.marker)
		a.journal.Say("failure", topology.Side(e.Side), e.Node, e.Text)
		return e
	}
	if err := evidence.CheckSet(ids(j.claims), expected(a)); err != nil {
		return &evidence.Failure{Exit: evidence.ExitNotLooked, Where: "claims", Text: err.Error()}
	}
	return nil
}

// expected are the ids of the claims that a run judges which goes to its end: all that
// its profile promises.
func expected(a order) []string {
	var out []string
	for _, c := range all.For(a.promised) {
		out = append(out, c.ID)
	}
	return out
}

func ids(outcomes []evidence.Outcome) []string {
	var out []string
	for _, o := range outcomes {
		out = append(out, o.ID)
	}
	return out
}

// stepsOf are all steps of the procedure, also those that a run which failed has not
// reached.
func stepsOf(a order, failed *evidence.Failure) []evidence.Step {
	end := evidence.StepDone
	if failed != nil {
		end = evidence.StepFailed
	}
	last := a.journal.Leave(end)
	steps := slices.Clone(a.journal.Steps())
	if failed == nil || last == 0 && len(steps) == len(procedure.Steps) {
		return steps
	}
	for _, s := range procedure.Steps {
		if s.Number > last && !slices.ContainsFunc(steps, func(x evidence.Step) bool { return x.Step == s.Number }) {
			steps = append(steps, evidence.Step{Step: s.Number, Title: s.Title, Status: evidence.StepNotReached})
		}
	}
	return steps
}

// defects tells of each known defect what this run saw.
func defects(a order, f found, l *living, failed *evidence.Failure) []evidence.DefectResult {
	if f.image.Release.IsZero() {
		return nil
	}
	var all []evidence.DefectResult
	for _, d := range release.Defects() {
		res := evidence.DefectResult{ID: d.ID, Title: d.Title, Status: evidence.DefectAbsent}
		switch {
		case failed != nil && strings.Contains(failed.Text, "known defect "+d.ID):
			res.Status = evidence.DefectSeen
		case !a.promised.BinlogEncryption:
			res.Status, res.Text = evidence.DefectNotTried, "the profile does not encrypt logs"
		case a.worksAround(d, f):
			res.Status, res.WorkedAround = evidence.DefectNotTried, true
			res.Text = "encryption was switched on at run time, after the binlog injector had handled its first epoch"
		case !l.marker:
			res.Status = evidence.DefectNotTried
		}
		all = append(all, res)
	}
	return all
}

// collect keeps what there is of every node. The error has what must be searched for
// secrets besides the folder.
func collect(a order, f found, l *living, p *evidence.Provenance) error {
	if l.pair == nil || f.dir == nil {
		return nil
	}
	a.journal.Begin("evidence", "keeping logs and configuration")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:forbidigo // bounded, after the run's own context has ended
	defer cancel()
	var errs []error
	for _, c := range l.pair.Clusters() {
		kept, err := c.Collect(ctx, f.dir, a.secrets)
		if err != nil {
			errs = append(errs, err)
		}
		for _, k := range kept {
			p.PeakMemoryBytes += k.Program.PeakKB << 10
			p.Nodes = append(p.Nodes, evidence.NodeProvenance{
				Side: string(k.Side), Name: k.Name, Role: string(k.Role), Image: k.Image, ProgramSHA256: k.Program.SHA256, Config: k.Files,
			})
		}
	}
	return errors.Join(errs...)
}

// takeDown removes the pair, unless it is to be kept.
func takeDown(a order, f found, l *living) {
	if f.engine == nil {
		return
	}
	if f.objects == nil {
		_ = f.engine.Close() // nothing is to be written
		return
	}
	defer f.objects.Close() //nolint:errcheck // nothing is to be written
	if a.Keep && l.pair != nil {
		a.journal.Note("kept: " + l.pair.Where())
		return
	}
	a.journal.Begin("teardown", "removing the pair")
	var clusters []*cluster.Cluster
	if l.pair != nil {
		clusters = l.pair.Clusters()
	}
	if err := cluster.TearDown(f.objects, clusters...); err != nil {
		a.journal.Note(brief.Error(err))
		a.journal.Say("teardown", "", "", brief.Error(err))
	}
}

// keep writes the results in all their forms and seals the folder.
func keep(a order, f found, r evidence.Results) error {
	err := a.journal.Close()
	if err != nil && r.Error != nil && strings.Contains(r.Error.Text, brief.Error(err)) {
		err = nil // what the run ended with
	}
	err = errors.Join(err, report.Write(f.dir, r))
	if err := errors.Join(err, f.dir.Seal()); err != nil {
		return fmt.Errorf("keep the results in %s: %w", filepath.Clean(f.dir.Root()), err)
	}
	return nil
}
