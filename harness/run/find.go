package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"ndbproof/harness/engine"
	"ndbproof/harness/evidence"
	"ndbproof/images"
)

// found is what a run works with: the engine and what it makes there, the images, and
// the folder of the results. What was not found is zero.
type found struct {
	engine  *engine.Engine
	objects *engine.Run // what this run makes on the engine; nil until it has a lease
	host    evidence.HostFacts
	dir     *evidence.Dir
	name    string       // of the release, as the results have it
	image   images.Image // of the release
	to      images.Image // of the release to upgrade to; zero: none
}

// find finds the engine and the images, and makes the run's folder. It makes nothing on
// the engine but images, and no folder for a usage error.
func find(ctx context.Context, a order) (found, error) {
	var f found
	a.journal.Begin("engine", "finding the docker engine")
	var err error
	if f.host, err = evidence.Host(ctx); err == nil {
		f.engine, err = engine.Dial(ctx)
	}
	if err != nil {
		return f, cmp.Or(f.open(a, "none"), err)
	}
	f.engine.Guard(ctx, a.stop)
	opts := images.Options{Say: a.journal.Note, Tell: a.journal.Tell, FromSource: a.FromSource}
	from, to, err := resolve(ctx, a, f.engine, opts)
	if err != nil {
		if gone := f.engine.Answers(ctx); gone != nil {
			return f, cmp.Or(f.open(a, "none"), gone)
		}
		return f, &Usage{err}
	}
	f.name = from.Name()
	folder := f.name
	if a.Upgrade.To != "" {
		folder += "-to-" + to.Name()
	}
	if err := f.open(a, folder); err != nil {
		return f, err
	}
	if err := f.lease(ctx, a); err != nil {
		return f, err
	}
	err = f.ensure(ctx, a, from, to, opts)
	return f, err
}

// resolve finds which images are meant, and refuses a way from one to the other that
// the product forbids.
func resolve(ctx context.Context, a order, e *engine.Engine, o images.Options) (from, to images.Choice, err error) {
	if from, err = images.Resolve(ctx, e, a.Release, o); err != nil || a.Upgrade.To == "" {
		return from, to, err
	}
	if to, err = images.Resolve(ctx, e, a.Upgrade.To, o); err != nil {
		return from, to, err
	}
	return from, to, a.Upgrade.Possible(from.Release, to.Release, a.promised)
}

// open makes the run's folder. What keeps it from being made is the caller's to mend,
// and nothing is left of it.
func (f *found) open(a order, release string) error {
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\: `, c) {
			return '_'
		}
		return c
	}, release)
	dir, err := evidence.Create(a.Results, a.start, name)
	if err != nil {
		return &Usage{err}
	}
	timeline, err := evidence.NewTimeline(dir)
	if err != nil {
		return &Usage{errors.Join(err, dir.Discard())}
	}
	f.dir = dir
	a.journal.Open(timeline)
	return nil
}

// lease takes a lease on the engine's memory, and removes what dead runs left.
func (f *found) lease(ctx context.Context, a order) error {
	lease, err := engine.Take(a.Keep, PairMemory)
	if err != nil {
		return err
	}
	f.objects = f.engine.With(lease)
	gone, err := f.engine.Sweep(ctx, false)
	if err != nil {
		return err
	}
	for _, h := range gone {
		a.journal.Note(fmt.Sprintf("removed what the dead run %s had left: %d objects", h.Run, h.Count()))
	}
	return checkMemory(ctx, f.objects)
}

// ensure makes the images where they are missing and may be made.
func (f *found) ensure(ctx context.Context, a order, from, to images.Choice, o images.Options) (err error) {
	a.journal.Begin("image", from.Line)
	get := images.Existing
	if a.Build {
		get = images.Ensure
	}
	if f.image, err = get(ctx, f.objects, from, o); err != nil {
		return err
	}
	if a.Upgrade.To != "" {
		a.journal.Begin("image of the new release", to.Line)
		if f.to, err = get(ctx, f.objects, to, o); err != nil {
			return err
		}
		if err := a.Upgrade.Possible(f.image.Release, f.to.Release, a.promised); err != nil {
			return err
		}
	}
	f.name = f.image.Release.String()
	return nil
}
