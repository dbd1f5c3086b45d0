package images

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"ndbproof/harness/evidence"
)

// builtDir is the folder for built tarballs: BuiltDir or images/bundles of the
// checkout, never a folder that another project owns.
func (o Options) builtDir() (string, error) {
	if o.BuiltDir != "" {
		return o.BuiltDir, nil
	}
	root, err := checkout()
	if err != nil {
		return "", fmt.Errorf("build from source: %w; the tarball goes into images/bundles/ there", err)
	}
	return filepath.Join(root, "images", "bundles"), nil
}

// untried begins the name of a tarball that has not been tried yet.
const untried = ".untried-"

// takeOut copies the packed tarball out of the volume, under a temporary name:
// nothing of it has run yet.
func (s *sourcing) takeOut(ctx context.Context, id string) error {
	err := s.CopyOut(ctx, id, "/build/out", func(t *tar.Reader) error {
		for {
			h, err := t.Next()
			if err != nil {
				return err
			}
			if h.Typeflag == tar.TypeReg {
				s.name = path.Base(h.Name)
				return s.keep(t)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("read the packed tarball: %w", err)
	}
	return nil
}

// keep writes the packed tarball, whose name is known, into the folder.
func (s *sourcing) keep(from io.Reader) error {
	if _, err := ParseTarball(s.name); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, untried+"*-"+s.name)
	if err != nil {
		return fmt.Errorf("keep it: %w", err)
	}
	s.packed = f.Name()
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("keep it: %w", err)
	}
	return nil
}

// smoke starts the packed servers in an image that has nothing of the build,
// and gives the tarball its final name when they are what was wanted.
func (s *sourcing) smoke(ctx context.Context, j Job) error {
	t := Tarball{Path: s.packed}
	said, err := s.work(ctx, j, around{before: func(w *tar.Writer) error { return t.repack(ctx, w, s.Facts.Arch, standard) }})
	if err != nil {
		return err
	}
	r, err := parseVersion(said)
	if err != nil {
		return err
	}
	if want := s.found.named(s.Suffix); r.String() != want {
		return fmt.Errorf("what was built says that it is %s, and %s was wanted", r, want)
	}
	return s.conclude()
}

// conclude writes down how the tarball was built, and renames it.
func (s *sourcing) conclude() error {
	sum, err := sha256Of(s.packed)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(sidecar{sum, s.provenance(s.found)}, "", "  ")
	if err != nil {
		return fmt.Errorf("write down how it was built: %w", err)
	}
	final := filepath.Join(s.dir, s.name)
	if err := os.WriteFile(final+sidecarExt, append(b, '\n'), 0o644); err != nil { //nolint:gosec // to be read by people
		return fmt.Errorf("write down how it was built: %w", err)
	}
	if err := os.Rename(s.packed, final); err != nil {
		return fmt.Errorf("give the tarball its name: %w", err)
	}
	s.packed = ""
	s.o.say("built %s, sha256 %s", final, sum)
	return nil
}

// sidecar is the file beside a tarball that was built here.
type sidecar struct {
	SHA256 string               `json:"sha256"` // of the tarball
	Build  evidence.SourceBuild `json:"build"`
}

const sidecarExt = ".json"

// builtHere tells how a tarball was built, when it was built here; nil for a
// vendor's. What is written down of another file of that name does not count.
func (t Tarball) builtHere(sum string) (*evidence.SourceBuild, error) {
	b, err := os.ReadFile(t.Path + sidecarExt)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a vendor's tarball has none
	}
	if err != nil {
		return nil, fmt.Errorf("read how the tarball was built: %w", err)
	}
	var s sidecar
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read how the tarball was built: %s: %w", t.Path+sidecarExt, err)
	}
	if s.SHA256 != sum || s.Build.How != evidence.BuiltFromSource {
		return nil, nil //nolint:nilnil // it speaks of another file
	}
	return &s.Build, nil
}

// there gives the tarball when this very build has been done before; a zero one
// when it has not. Another tarball of that release in the folder is in the way.
func (s *sourcing) there() (Tarball, error) {
	found, err := Bundles(Options{BundleDirs: []string{s.dir}})
	if err != nil {
		return Tarball{}, err
	}
	want := s.provenance(s.found)
	for _, t := range found {
		if t.Release.String() != s.found.named(s.Suffix) {
			continue
		}
		sum, err := sha256Of(t.Path)
		if err != nil {
			return Tarball{}, err
		}
		have, err := t.builtHere(sum)
		switch {
		case err != nil:
			return Tarball{}, err
		case have == nil:
			return Tarball{}, fmt.Errorf("%s is there already, and was not built here: use it, without --from-source, or move it away", t.Path)
		case have.Package == want.Package && have.Version == want.Version && slices.Equal(have.Patches, want.Patches):
			s.o.say("it is built already: %s", t.Path)
			return t, nil
		}
	}
	return Tarball{}, nil
}

// labelled adds to an image's labels how its tarball was built.
func (t Tarball) labelled(labels map[string]string, sum string) error {
	build, err := t.builtHere(sum)
	if err != nil || build == nil {
		return err
	}
	b, err := json.Marshal(build)
	if err != nil {
		return fmt.Errorf("write the label %s: %w", labelBuild, err)
	}
	labels[labelBuild] = string(b)
	return nil
}

// builtAs reads how an image's tarball was built; nil for a vendor's.
func builtAs(labels map[string]string) (*evidence.SourceBuild, error) {
	if labels[labelBuild] == "" {
		return nil, nil //nolint:nilnil // a vendor's has none
	}
	var b evidence.SourceBuild
	if err := json.Unmarshal([]byte(labels[labelBuild]), &b); err != nil {
		return nil, fmt.Errorf("read the label %s: %w", labelBuild, err)
	}
	return &b, nil
}
