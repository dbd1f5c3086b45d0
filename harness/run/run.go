package run

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/cluster"
	"ndbproof/harness/engine"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

// Report is what a run leaves: its results, as in results.json, and where they
// lie. Dir is "" when the run left nothing (exit 2).
type Report struct {
	Results evidence.Results
	Dir     string
}

// ProcedureSteps are the eight steps of the published procedure, by number.
var ProcedureSteps = [...]string{
	1: "both clusters up", 2: "TLS on both servers, client files at the replica",
	3: "log encryption with a keyring", 4: "mysqlds serving", 5: "user1 with REPLICATION SLAVE only",
	6: "channel over verified TLS", 7: "checks", 8: "continuous inserts, same rows on both sides",
}

// Run carries the procedure out on a new pair and judges it. What goes wrong is
// in the results; the error is for what left none: a *Usage, or results that
// could not be written.
func Run(ctx context.Context, o Options, p Progress) (Report, error) {
	if err := o.check(); err != nil {
		return Report{Results: usage(err)}, err
	}
	if o.Seed == 0 {
		o.Seed = drawSeed()
	}
	r := &runner{Options: o, progress: p, promised: secure.Published2021(), secrets: &secret.Set{}, writer: &writers{rows: o.Rows, first: 1}}
	r.results = evidence.Results{Profile: profileOf(r.promised)}
	r.results.Provenance = evidence.Provenance{Command: o.Command, Seed: o.Seed, Start: time.Now().UTC(), Accounts: outsiders(r.promised)}
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	err := r.prepare(ctx)
	var u *Usage
	if errors.As(err, &u) {
		p.End(err)
		return Report{Results: usage(err)}, err
	}
	if err == nil {
		err = r.carryOut(ctx)
	}
	return r.finish(ctx, err)
}

func usage(err error) evidence.Results {
	return evidence.Conclude(evidence.Results{Error: &evidence.Failure{Exit: evidence.ExitUsage, Where: "command line", Text: err.Error()}}, nil)
}

func drawSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return binary.BigEndian.Uint64(b[:])
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

// runner is one run while it goes on.
type runner struct {
	Options
	progress Progress
	promised secure.Profile
	secrets  *secret.Set
	results  evidence.Results

	dir      *evidence.Dir
	timeline *evidence.Timeline
	engine   *engine.Engine
	objects  *engine.Run // what this run makes on the engine; nil until it has a lease
	image    images.Image
	target   images.Choice // of the release to upgrade to
	to       images.Image
	pair     *cluster.Pair
	writer   *writers
	deaths   deaths
	stop     context.CancelCauseFunc // ends the run, and says why

	phase   string // what is being done, for a failure's "where"
	step    int    // the step of the procedure that goes on
	begun   time.Time
	stepped time.Time
	marker  bool // the marker row was seen: what fails from here on is no failure to start
}

// dial finds the engine, and keeps what it and this machine are.
func (r *runner) dial(ctx context.Context) error {
	r.begin("engine", "finding the docker engine")
	host, err := evidence.Host(ctx)
	if err != nil {
		return err
	}
	p := &r.results.Provenance
	p.HostFacts = host
	if r.engine, err = engine.Dial(ctx); err != nil {
		return err
	}
	r.engine.Guard(ctx, r.stop)
	f := r.engine.Facts
	p.EngineVersion, p.APIVersion, p.StorageDriver = f.Version, f.API, f.Storage
	return nil
}

// prepare finds the engine and the image. It makes nothing on the engine but
// the image, and no results for a usage error.
func (r *runner) prepare(ctx context.Context) error {
	if err := r.dial(ctx); err != nil {
		return r.noRelease(err)
	}
	opts := images.Options{Say: r.progress.Note, Tell: r.progress.Tell, FromSource: r.FromSource}
	choice, err := images.Resolve(ctx, r.engine, r.Release, opts)
	if err == nil && r.Upgrade.To != "" {
		err = r.resolveTarget(ctx, choice, opts)
	}
	if err != nil {
		if gone := r.engine.Answers(ctx); gone != nil {
			return r.noRelease(gone)
		}
		return &Usage{err}
	}
	name := choice.Name()
	if r.Upgrade.To != "" {
		name += "-to-" + r.target.Name()
	}
	if err := r.open(name); err != nil {
		return err
	}
	r.results.Release = choice.Name()
	if err := r.clear(ctx); err != nil {
		return err
	}
	return r.ensure(ctx, choice, opts)
}

// clear takes a lease on the engine's memory, and removes what dead runs left.
func (r *runner) clear(ctx context.Context) error {
	lease, err := engine.Take(r.Keep, PairMemory)
	if err != nil {
		return err
	}
	r.objects = r.engine.With(lease)
	gone, err := r.engine.Sweep(ctx, false)
	if err != nil {
		return err
	}
	for _, h := range gone {
		r.progress.Note(fmt.Sprintf("removed what the dead run %s had left: %d objects", h.Run, h.Count()))
	}
	return checkMemory(ctx, r.objects)
}

// ensure makes the images where they are missing and may be made.
func (r *runner) ensure(ctx context.Context, choice images.Choice, o images.Options) (err error) {
	r.begin("image", choice.Line)
	get := images.Existing
	if r.Build {
		get = images.Ensure
	}
	if r.image, err = get(ctx, r.objects, choice, o); err != nil {
		return err
	}
	if r.Upgrade.To != "" {
		r.begin("image of the new release", r.target.Line)
		if r.to, err = get(ctx, r.objects, r.target, o); err != nil {
			return err
		}
		if err := r.Upgrade.possible(r.image.Release, r.to.Release); err != nil {
			return err
		}
	}
	r.results.Release = r.image.Release.String()
	p := &r.results.Provenance
	p.TarballSHA256, p.ImageID, p.Listed, p.Build = r.image.TarballSHA256, r.image.ID, r.image.Listed, r.image.Build
	return nil
}

// noRelease keeps results of a run that ended before its release was known.
func (r *runner) noRelease(why error) error { return cmp.Or(r.open("none"), why) }

// open makes the run's folder. What keeps it from being made is the caller's to
// mend, and nothing is left of it.
func (r *runner) open(release string) error {
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\: `, c) {
			return '_'
		}
		return c
	}, release)
	dir, err := evidence.Create(r.Results, r.results.Provenance.Start, name)
	if err != nil {
		return &Usage{err}
	}
	if r.timeline, err = evidence.NewTimeline(dir); err != nil {
		return &Usage{errors.Join(err, dir.Discard())}
	}
	r.dir, r.results.Run = dir, dir.Name()
	return nil
}

// begin ends the phase before and starts the next one.
func (r *runner) begin(phase, title string) {
	r.end()
	r.phase, r.begun = phase, time.Now()
	r.progress.Phase(title)
	r.say("phase", "", "", title)
}

func (r *runner) end() {
	if r.phase != "" {
		r.time(r.phase, time.Since(r.begun))
	}
	r.phase = ""
}

func (r *runner) time(phase string, d time.Duration) {
	r.results.Timings = append(r.results.Timings, evidence.Timing{Phase: phase, Seconds: d.Round(time.Millisecond).Seconds()})
}

func (r *runner) say(kind string, side topology.Side, node, text string) {
	if r.timeline == nil {
		return
	}
	r.timeline.Add(evidence.Event{Kind: kind, Side: string(side), Node: node, Text: text})
	if err := r.timeline.Err(); err != nil {
		r.stop(err) // without room for evidence there is no use in going on
	}
}

// enter begins a step of the procedure.
func (r *runner) enter(step int) {
	r.leave(evidence.StepDone)
	r.step, r.stepped = step, time.Now()
	r.begin(fmt.Sprintf("step %d", step), fmt.Sprintf("step %d: %s", step, ProcedureSteps[step]))
}

func (r *runner) leave(s evidence.StepStatus) {
	if r.step == 0 {
		return
	}
	r.results.Steps = append(r.results.Steps, evidence.Step{
		Step: r.step, Title: ProcedureSteps[r.step], Status: s, Seconds: time.Since(r.stepped).Round(time.Millisecond).Seconds(),
	})
	r.step = 0
}

// finish takes down, writes the results and concludes.
func (r *runner) finish(ctx context.Context, failed error) (Report, error) {
	if r.fail(ctx, failed); failed != nil {
		failed = errors.New(r.results.Error.Text) // as it is told everywhere
	}
	r.leave(evidence.StepDone)
	r.defects()
	kept := r.collect()
	r.takeDown()
	r.end()
	if r.dir == nil {
		res := evidence.Conclude(r.results, r.Accept)
		r.progress.End(failed)
		return Report{Results: res}, errors.Join(failed, errors.New("no results were kept"))
	}
	r.results.Provenance.End = time.Now().UTC()
	err := evidence.Report(r.dir, evidence.Conclude(r.results, r.Accept)) // so that it is searched, too
	r.searchSecrets(kept)
	res := evidence.Conclude(r.results, r.Accept)
	r.say("verdict", "", "", res.Verdict.Headline)
	err = errors.Join(err, r.write(res))
	r.progress.End(failed)
	return Report{Results: res, Dir: r.dir.Root()}, err
}

// defects tells of each known defect what this run saw.
func (r *runner) defects() {
	if r.image.Release.IsZero() {
		return
	}
	for _, d := range release.Defects() {
		res := evidence.DefectResult{ID: d.ID, Title: d.Title, Status: evidence.DefectAbsent}
		switch {
		case r.seen(d):
			res.Status = evidence.DefectSeen
		case r.workedAround(d):
			res.Status, res.WorkedAround = evidence.DefectNotTried, true
			res.Text = "encryption was switched on at run time, after the binlog injector had handled its first epoch"
		case !r.marker:
			res.Status = evidence.DefectNotTried
		}
		r.results.Defects = append(r.results.Defects, res)
	}
}

func (r *runner) seen(d release.Defect) bool {
	return r.results.Error != nil && strings.Contains(r.results.Error.Text, "known defect "+d.ID)
}

func (r *runner) workedAround(d release.Defect) bool {
	return !r.AsWritten && (d.Has(r.image.Release) || !r.to.Release.IsZero() && d.Has(r.to.Release))
}

// write keeps the results in all their forms and seals the folder.
func (r *runner) write(res evidence.Results) error {
	err := r.timeline.Close()
	if err != nil && res.Error != nil && strings.Contains(res.Error.Text, brief.Error(err)) {
		err = nil // what the run ended with
	}
	err = errors.Join(err, evidence.Report(r.dir, res))
	if err := errors.Join(err, r.dir.Seal()); err != nil {
		return fmt.Errorf("keep the results in %s: %w", filepath.Clean(r.dir.Root()), err)
	}
	return nil
}
