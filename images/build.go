package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"ndbproof/harness/engine"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
)

// recipe changes whenever images are built in another way, so that old ones are
// not taken for new.
const recipe = "4"

// Labels on images that are made here.
const (
	labelOurs    = "ndbproof.images"  // on all of them, and on containers that making them takes
	labelBase    = "ndbproof.base"    // the base image's recipe
	labelTarball = "ndbproof.tarball" // sha256
	labelRecipe  = "ndbproof.recipe"
	labelRelease = "ndbproof.release"
	labelBuild   = "ndbproof.build"   // of a tarball that was built from source, as JSON
	labelAdapted = "ndbproof.adapted" // id of the foreign image
	labelLayout  = "ndbproof.layout"  // of an adapted image, as JSON
	labelProbe   = "ndbproof.probe"   // sha256 of its source
)

// Image is an image that is there, and what was found inside.
type Image struct {
	Ref, ID       string
	Release       release.Release
	Layout        release.Layout
	Source        Source
	TarballSHA256 string                // "" for an image that was not built from a tarball here
	Listed        bool                  // releases.json lists this very build
	Build         *evidence.SourceBuild // of a tarball that was built from source here; nil for a vendor's
	ToolsRef      string                // the image that lends what Layout.Missing names; "" when nothing is missing
	Size          int64                 // bytes
}

// Ensure makes the chosen image if it is not there yet, and looks inside. A
// foreign image that does not fit is adapted: Ref is then another image.
func Ensure(ctx context.Context, e *engine.Run, c Choice, o Options) (Image, error) {
	return maker{Run: e, o: o}.image(ctx, c)
}

// Existing is Ensure for those who must not build or pull.
func Existing(ctx context.Context, e *engine.Run, c Choice, o Options) (Image, error) {
	return maker{Run: e, o: o, looking: true}.image(ctx, c)
}

func (m maker) image(ctx context.Context, c Choice) (Image, error) {
	var err error
	switch c.Source {
	case FromTarball:
		c.Ref, err = m.build(ctx, c)
	case FromOfficial:
		err = m.pulled(ctx, c.Ref)
		var gone *notToBeHad
		if m.o.FromSource && errors.As(err, &gone) {
			return m.instead(ctx, c, gone)
		}
	case FromEnv, FromFlag:
		err = m.pulled(ctx, c.Ref)
	case FromBuilt:
	}
	if err != nil {
		return Image{}, err
	}
	return m.look(ctx, c)
}

// notMade is the error for a caller that may look for an image, and not make one.
func notMade(what string) error {
	return fmt.Errorf("there is no %s yet: run `make image`", what)
}

// pulled makes sure that an image is there.
func (m maker) pulled(ctx context.Context, ref string) error {
	have, err := m.HasImage(ctx, ref)
	if err != nil || have {
		return err
	}
	if m.looking {
		return notMade("image " + ref)
	}
	m.o.say("pulling %s", ref)
	err = m.Pull(ctx, ref)
	if err == nil {
		return nil
	}
	found, e := Bundles(m.o)
	known, e2 := Listed()
	if err := errors.Join(e, e2); err != nil {
		return err
	}
	return &notToBeHad{err, m.o.ways(found, known)}
}

// notToBeHad says that an image can neither be found nor pulled, and what can be
// done instead.
type notToBeHad struct {
	why  error
	ways string
}

func (n *notToBeHad) Error() string { return n.why.Error() + "; " + n.ways }
func (n *notToBeHad) Unwrap() error { return n.why }

// instead makes the image of a release that is built from source, because neither
// a tarball nor an image of it is available. Where no release was asked for, the newest that the
// archive has does as well.
func (m maker) instead(ctx context.Context, c Choice, gone *notToBeHad) (Image, error) {
	t, err := m.fromSource(ctx, SourceBuild{Want: c.Want}, gone.why.Error())
	if err != nil {
		return Image{}, fmt.Errorf("%w; it was begun because of this: %w", err, gone.why)
	}
	known, err := Listed()
	if err != nil {
		return Image{}, err
	}
	if c, err = m.o.tarball(ctx, m.Engine, t, known); err != nil {
		return Image{}, err
	}
	m.o.say("%s", c.Line)
	return m.image(ctx, c)
}

// built gives the image that was built from a tarball by today's recipe; ""
// when there is none.
func (o Options) built(ctx context.Context, e *engine.Engine, sum string) (ref string, err error) {
	return e.LabelledImage(ctx, labelTarball+"="+sum, labelRecipe+"="+o.recipe())
}

// small keeps the data directory small, because every new mysqld copies it into
// its volume: 79 MiB instead of 187. The doublewrite files are made at the first
// start. Only 8.0.30 and later know the redo log's capacity.
var small = []string{"--loose-innodb-redo-log-capacity=8M", "--innodb-doublewrite=OFF"}

// initialise makes the data directory, without what is one server's own:
// auto.cnf, keys and certificates.
var initialise = `mysqld --no-defaults --initialize-insecure --datadir=` + dataDir + ` ` + strings.Join(small, " ") + `
cd ` + dataDir + ` && rm -f auto.cnf ./*.pem`

// build makes the image of a tarball. Two builds of the same one wait for each
// other.
func (m maker) build(ctx context.Context, c Choice) (ref string, err error) {
	if m.looking {
		return "", notMade("image of " + filepath.Base(c.Tarball.Path))
	}
	unlock, err := lockBuild(ctx, c.SHA256[:12])
	if err != nil {
		return "", err
	}
	defer unlock()
	if have, err := m.o.built(ctx, m.Engine, c.SHA256); err != nil || have != "" {
		return have, err
	}
	arch := m.Facts.Arch
	if a := c.Tarball.Arch; a != "" && a != arch {
		return "", fmt.Errorf("unpack %s: its name says %s, and the engine runs on %s; take the tarball for that", filepath.Base(c.Tarball.Path), a, arch)
	}
	if err := m.base(ctx); err != nil {
		return "", err
	}
	labels := map[string]string{labelTarball: c.SHA256, labelRecipe: m.o.recipe(), labelRelease: c.Release.String()}
	if err := c.Tarball.labelled(labels, c.SHA256); err != nil {
		return "", err
	}
	ref = m.o.ref("ndb", tag(c.Release)+"-"+c.SHA256[:12])
	return ref, m.derive(ctx, step{
		From: m.baseRef(), User: mysqlUser, Tag: ref,
		Fill:   func(w *tar.Writer) error { return c.Tarball.repack(ctx, w, arch, standard) },
		Argv:   []string{"sh", "-ec", "export PATH=" + ours.Bin + ":$PATH\n" + initialise},
		Labels: labels,
		Config: engine.ImageConfig{
			User: mysqlUser, Cmd: []string{"mysqld"}, Entrypoint: []string{}, Dir: path.Dir(dataDir),
			Env: []string{"PATH=" + ours.Bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
	})
}

// tag makes a release fit for an image's tag.
func tag(r release.Release) string { return strings.ReplaceAll(r.String(), "+", "_") }

// step is one derived image: a container from an image, files put in, a program
// run to its end, and a commit.
type step struct {
	From    string
	User    string
	Outside bool                    // it reaches the internet
	Fill    func(*tar.Writer) error // files for the container, before it runs; may be nil
	Argv    []string                // what it runs
	Tag     string
	Labels  map[string]string
	Config  engine.ImageConfig // what the image says of itself; what is not set is taken from the container
}

// derive carries a step out and leaves no container behind.
func (m maker) derive(ctx context.Context, s step) error {
	id, err := m.create(ctx, engine.Container{Image: s.From, User: s.User, Outside: s.Outside, Argv: s.Argv})
	if err != nil {
		return fmt.Errorf("make image %s: %w", s.Tag, err)
	}
	defer m.discard(ctx, id)
	if s.Fill != nil {
		if err := m.CopyIn(ctx, id, s.Fill); err != nil {
			return fmt.Errorf("make image %s: %w", s.Tag, err)
		}
	}
	if _, err := m.runToEnd(ctx, id); err != nil {
		return fmt.Errorf("make image %s: %s: %w", s.Tag, s.Argv[0], err)
	}
	s.Config.Labels = s.Labels
	return m.Commit(ctx, id, s.Tag, s.Config)
}
