package images

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ndbproof/harness/engine"
	"ndbproof/harness/release"
)

// Options say where to look and whom to tell.
type Options struct {
	Say        func(line string)   // one line before something slow or decisive; may be nil
	Tell       func(line string)   // a line before what takes an hour, which must not be missed; nil: Say
	BundleDirs []string            // where tarballs lie; nil: NDB_BUNDLE_DIR, images/bundles, ../shared/ndb beside the checkout
	Getenv     func(string) string // nil: os.Getenv

	// FromSource allows to build NDB from Debian's source when neither a tarball nor an
	// image is available. BuiltDir is where such a tarball goes; "": images/bundles of
	// the checkout. The build calls Count for each of ninja's counts; nil: it calls Say
	// at each percent.
	FromSource bool
	BuiltDir   string
	Count      func(done, all int)

	// Repository is what names of images begin with; "": ndbproof. With one of its
	// own a test neither finds nor replaces the images in use.
	Repository string
}

// ref names an image that the project builds.
func (o Options) ref(name, tag string) string {
	return cmp.Or(o.Repository, "ndbproof") + "/" + name + ":" + tag
}

// recipe tells how images are made, and for whom.
func (o Options) recipe() string { return strings.TrimPrefix(o.Repository+"-"+recipe, "-") }

func (o Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(fmt.Sprintf(format, args...))
	}
}

func (o Options) tell(line string) {
	if o.Tell != nil {
		o.Tell(line)
		return
	}
	o.say("%s", line)
}

func (o Options) getenv(name string) string {
	if o.Getenv != nil {
		return o.Getenv(name)
	}
	return os.Getenv(name)
}

// Source is where an image comes from.
type Source string

// Sources, in the order in which they are taken.
const (
	FromEnv      Source = "NDB_IMAGE"
	FromFlag     Source = "image given"
	FromBuilt    Source = "image already built"
	FromTarball  Source = "tarball"
	FromOfficial Source = "official image"
)

// Choice is what was decided on, before anything is done.
type Choice struct {
	Release release.Release // zero for an image whose release is not known yet
	Source  Source
	Line    string // the decision in one line
	Tarball Tarball
	SHA256  string // of the tarball
	Ref     string // the image: to be used, or to be pulled
	Listed  bool   // releases.json knows this build
	Want    string // what was asked for; "" where anything will do
}

// Name is what people call the choice: its release, or the image's name until the
// harness has read the release inside.
func (c Choice) Name() string {
	if c.Release.IsZero() {
		return c.Ref
	}
	return c.Release.String()
}

// Resolve decides which image stands for what was wanted: a release, a
// tarball's path, an image's name, or "" for the newest unmodified release that
// is available. It changes nothing. The order: NDB_IMAGE when set; an image
// already built from the tarball found; that tarball; the official image.
func Resolve(ctx context.Context, e *engine.Engine, want string, o Options) (Choice, error) {
	if env := o.getenv("NDB_IMAGE"); env != "" {
		line := "using the image of NDB_IMAGE: " + env
		if want != "" && want != env {
			line += ", which goes before " + want
		}
		return Choice{Source: FromEnv, Ref: env, Line: line}, nil
	}
	known, err := Listed()
	if err != nil {
		return Choice{}, err
	}
	if isTarball(want) {
		t, err := ParseTarball(want)
		if err != nil {
			return Choice{}, err
		}
		return o.tarball(ctx, e, t, known)
	}
	if _, err := release.Parse(want); err != nil && strings.ContainsAny(want, "/:") {
		return Choice{Source: FromFlag, Ref: want, Line: "using the image " + want}, nil
	}
	found, err := Bundles(o)
	if err != nil {
		return Choice{}, err
	}
	r, err := pick(want, found, known)
	if err != nil {
		return Choice{}, fmt.Errorf("%w; %s", err, o.ways(found, known))
	}
	if i := slices.IndexFunc(found, func(t Tarball) bool { return t.Release == r }); i >= 0 {
		return o.tarball(ctx, e, found[i], known)
	}
	c, err := o.official(ctx, e, listed(known, r))
	c.Want = want
	return c, err
}

// isTarball tells a tarball's path from an image's name: an image is no file.
func isTarball(want string) bool {
	info, err := os.Stat(want)
	return strings.HasSuffix(want, ".tar.xz") || strings.HasSuffix(want, ".tar.gz") || (err == nil && info.Mode().IsRegular())
}

// pick gives the release that was wanted: one that a tarball is found for, or
// that releases.json lists an image of.
func pick(want string, found []Tarball, known []Known) (release.Release, error) {
	if want != "" {
		r, err := release.Parse(want)
		if err != nil {
			return r, err
		}
		if !slices.ContainsFunc(found, func(t Tarball) bool { return t.Release == r }) && listed(known, r).Image == "" {
			return r, fmt.Errorf("find release %s: there is no tarball of it, and releases.json lists no image", r)
		}
		return r, nil
	}
	var newest release.Release
	for _, t := range found {
		if t.Release.Unmodified() && t.Release.Compare(newest) > 0 {
			newest = t.Release
		}
	}
	if !newest.IsZero() {
		return newest, nil
	}
	for _, k := range known {
		if k.Version.Unmodified() && k.Image != "" && k.Version.Compare(newest) > 0 {
			newest = k.Version
		}
	}
	if newest.IsZero() {
		return newest, errors.New("find a release: there is none")
	}
	return newest, nil
}

// ways names every way to get a release.
func (o Options) ways(found []Tarball, known []Known) string {
	var tarballs, official []string
	for _, t := range found {
		tarballs = append(tarballs, t.Release.String())
	}
	for _, k := range known {
		if k.Image != "" {
			official = append(official, k.Version.String())
		}
	}
	return fmt.Sprintf("tarballs are found of: %s; official images are listed of: %s; else put mysql-cluster-<version>-linux-*.tar.xz or .tar.gz into NDB_BUNDLE_DIR or one of %s, give a tarball's path or an image's name instead of a release, set NDB_IMAGE, or build it here, as `ndbproof image --from-source` does",
		orNone(tarballs), orNone(official), orNone(o.dirs()))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// tarball chooses a tarball, or the image that was built from it.
func (o Options) tarball(ctx context.Context, e *engine.Engine, t Tarball, known []Known) (Choice, error) {
	sum, err := sha256Of(t.Path)
	if err != nil {
		return Choice{}, err
	}
	ref, err := o.built(ctx, e, sum)
	if err != nil {
		return Choice{}, err
	}
	c := Choice{
		Release: t.Release, Source: FromTarball, Tarball: t, SHA256: sum, Listed: listed(known, t.Release).SHA256 == sum,
		Line: fmt.Sprintf("building the image of %s from %s", t.Release, filepath.Base(t.Path)),
	}
	if ref != "" {
		c.Source, c.Ref, c.Line = FromBuilt, ref, "using the image built from "+filepath.Base(t.Path)+": "+ref
	}
	return c, nil
}

// official chooses the official image.
func (o Options) official(ctx context.Context, e *engine.Engine, k Known) (Choice, error) {
	have, err := e.HasImage(ctx, k.Image)
	if err != nil {
		return Choice{}, err
	}
	c := Choice{Release: k.Version, Source: FromOfficial, Ref: k.Image, Listed: true, Line: "pulling the official image " + k.Image}
	if have {
		c.Line = "using the official image " + k.Image
	}
	return c, nil
}
