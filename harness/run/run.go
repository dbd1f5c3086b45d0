package run

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/journal"
	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
)

// Report is what a run leaves: its results, as in results.json, and where they
// are. Dir is "" when the run left nothing (exit 2).
type Report struct {
	Results evidence.Results
	Dir     string
}

// order is what a run was asked for, and what goes with it from its start to its end.
type order struct {
	Options
	promised secure.Profile
	secrets  *secret.Set
	journal  *journal.Journal
	stop     context.CancelCauseFunc // ends the run, and says why
	start    time.Time
}

// Run carries the procedure out on a new pair and judges it: it finds what it needs,
// launches the pair, judges it, and concludes. What goes wrong is in the results; the
// error is for what left none: a *Usage, or results that could not be written.
func Run(ctx context.Context, o Options, p journal.Progress) (Report, error) {
	if err := o.check(); err != nil {
		return Report{Results: usage(err)}, err
	}
	promised, err := findProfile(o.Profile)
	if err != nil {
		return Report{Results: usage(err)}, err
	}
	if o.Seed == 0 {
		o.Seed = drawSeed()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a := order{
		Options: o, promised: promised, secrets: &secret.Set{}, journal: journal.New(p, stop), stop: stop, start: time.Now().UTC(),
	}
	f, err := find(ctx, a)
	var u *Usage
	if errors.As(err, &u) {
		p.End(err)
		return Report{Results: usage(err)}, err
	}
	l, j := &living{}, judged{}
	if err == nil {
		err = launch(ctx, a, f, l)
	}
	if err == nil {
		j, err = judge(ctx, a, f, l)
	}
	return conclude(ctx, a, f, l, j, failure.CauseFirst(ctx, err))
}

// findProfile finds what is promised, and refuses gaps that are not known. Its error is a
// *Usage.
func findProfile(name string) (secure.Profile, error) {
	p, err := secure.ByName(name)
	if err != nil {
		return p, &Usage{err}
	}
	known := all.KnownGaps()
	for _, id := range p.Gaps {
		if !slices.ContainsFunc(known, func(g claim.Gap) bool { return g.ID == id }) {
			return p, &Usage{fmt.Errorf("profile %s leaves gap %s open: docs/threat-model.md knows no such gap", p.Name, id)}
		}
	}
	return p, nil
}

func usage(err error) evidence.Results {
	return evidence.Conclude(evidence.Results{Error: &evidence.Failure{Exit: evidence.ExitUsage, Where: "command line", Text: err.Error()}}, nil)
}

func drawSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return binary.BigEndian.Uint64(b[:])
}

// worksAround tells whether a run goes around a known defect.
func (a order) worksAround(d release.Defect, f found) bool {
	return !a.AsWritten && (d.Has(f.image.Release) || !f.to.Release.IsZero() && d.Has(f.to.Release))
}
