package images

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"ndbproof/harness/release"
)

// Options say where to look and whom to tell.
type Options struct {
	Say        func(line string)   // one line before something slow or decisive; may be nil
	BundleDirs []string            // where tarballs lie; nil: NDB_BUNDLE_DIR, images/bundles, ../shared/ndb beside the checkout
	Getenv     func(string) string // nil: os.Getenv
	Labels     map[string]string   // for containers that building needs
}

func (o Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(fmt.Sprintf(format, args...))
	}
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
	Line    string // says what would happen
	Tarball Tarball
	SHA256  string // of the tarball
	Ref     string // of the image: to be used, or to be pulled
	Listed  bool   // releases.json knows this build
}

// Labels on images that are built here.
const (
	labelTarball = "ndbproof.tarball"
	labelRecipe  = "ndbproof.recipe"
	labelRelease = "ndbproof.release"
)

// Resolve decides which image stands for what was wanted: a release, a
// tarball's path, an image's name, or "" for the newest unmodified release that
// can be had. It changes nothing. The order: NDB_IMAGE when set; an image
// already built from the tarball found; that tarball; the official image.
func Resolve(ctx context.Context, want string, o Options) (Choice, error) {
	known, err := Listed()
	if err != nil {
		return Choice{}, err
	}
	if env := o.getenv("NDB_IMAGE"); env != "" {
		return Choice{Source: FromEnv, Ref: env, Line: "using the image of NDB_IMAGE: " + env}, nil
	}
	if isTarball(want) {
		t, err := ParseTarball(want)
		if err != nil {
			return Choice{}, err
		}
		return fromTarball(ctx, t, known)
	}
	if want != "" {
		if _, err := release.Parse(want); err != nil && strings.ContainsAny(want, "/:") {
			return Choice{Source: FromFlag, Ref: want, Line: "using the image " + want}, nil
		}
	}
	found, err := Bundles(o)
	if err != nil {
		return Choice{}, err
	}
	r, err := pick(want, found, known)
	if err != nil {
		return Choice{}, fmt.Errorf("%w; %s", err, o.ways(found))
	}
	if i := slices.IndexFunc(found, func(t Tarball) bool { return t.Release == r }); i >= 0 {
		return fromTarball(ctx, found[i], known)
	}
	k := listed(known, r)
	if k.Image == "" {
		return Choice{}, fmt.Errorf("find release %s: no tarball, and no official image is listed; %s", r, o.ways(found))
	}
	return Choice{Release: r, Source: FromOfficial, Ref: k.Image, Listed: true, Line: "pulling the official image " + k.Image}, nil
}

func isTarball(want string) bool {
	return strings.HasSuffix(want, ".tar.xz") || strings.HasSuffix(want, ".tar.gz")
}

// pick gives the release that was wanted.
func pick(want string, found []Tarball, known []Known) (release.Release, error) {
	if want != "" {
		r, err := release.Parse(want)
		if err != nil {
			return r, err
		}
		if slices.ContainsFunc(found, func(t Tarball) bool { return t.Release == r }) || !listed(known, r).Version.IsZero() {
			return r, nil
		}
		return r, fmt.Errorf("find release %s: no tarball of it, and releases.json does not list it", r)
	}
	var newest release.Release
	for _, t := range found {
		if t.Release.Unmodified() && t.Release.Compare(newest) > 0 {
			newest = t.Release
		}
	}
	if newest.IsZero() {
		for _, k := range known {
			if k.Version.Unmodified() && k.Image != "" && k.Version.Compare(newest) > 0 {
				newest = k.Version
			}
		}
	}
	if newest.IsZero() {
		return newest, errors.New("find a release: there is none")
	}
	return newest, nil
}

// ways names every way to get a release.
func (o Options) ways(found []Tarball) string {
	have := "none"
	if len(found) > 0 {
		var names []string
		for _, t := range found {
			names = append(names, t.Release.String())
		}
		have = strings.Join(names, ", ")
	}
	return fmt.Sprintf("tarballs found: %s; put mysql-cluster-<version>-linux-*.tar.xz into one of %s, give the path of one or the name of an image as the release, or set NDB_IMAGE",
		have, strings.Join(o.dirs(), ", "))
}

func fromTarball(ctx context.Context, t Tarball, known []Known) (Choice, error) {
	sum, err := sha256File(t.Path)
	if err != nil {
		return Choice{}, err
	}
	c := Choice{Release: t.Release, Source: FromTarball, Tarball: t, SHA256: sum,
		Line: "building the image of " + t.Release.String() + " from " + filepath.Base(t.Path)}
	k := listed(known, t.Release)
	c.Listed = k.SHA256 == sum
	api, err := engine()
	if err != nil {
		return Choice{}, err
	}
	defer api.Close() //nolint:errcheck // read only
	ref, err := built(ctx, api, sum)
	if err != nil {
		return Choice{}, err
	}
	if ref != "" {
		c.Source, c.Ref, c.Line = FromBuilt, ref, "using the image built from "+filepath.Base(t.Path)+": "+ref
	}
	return c, nil
}

func sha256File(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the tarball: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the tarball: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func engine() (*client.Client, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("find the docker engine: %w", err)
	}
	return api, nil
}

// built gives the image that was built from a tarball by today's recipe; ""
// when there is none.
func built(ctx context.Context, api client.APIClient, sum string) (string, error) {
	return labelled(ctx, api, labelTarball+"="+sum, labelRecipe+"="+recipe)
}

// labelled gives the newest image with all of these labels.
func labelled(ctx context.Context, api client.APIClient, labels ...string) (string, error) {
	f := filters.NewArgs()
	for _, l := range labels {
		f.Add("label", l)
	}
	all, err := api.ImageList(ctx, image.ListOptions{Filters: f})
	if err != nil {
		return "", fmt.Errorf("list images: %w", err)
	}
	slices.SortFunc(all, func(a, b image.Summary) int { return cmp.Compare(b.Created, a.Created) })
	for _, i := range all {
		for _, tag := range i.RepoTags {
			if tag != "<none>:<none>" {
				return tag, nil
			}
		}
	}
	return "", nil
}

// present tells whether the engine has an image.
func present(ctx context.Context, api client.APIClient, ref string) (bool, error) {
	_, err := api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for image %s: %w", ref, err)
	}
	return true, nil
}
