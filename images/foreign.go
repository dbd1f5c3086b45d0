package images

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/engine"
	"ndbproof/harness/release"
)

// fit finds a foreign image's release and layout, and replaces it by an adapted
// one unless it has all that a node needs: an initialised data directory, a
// folder for NDB's data, and no volumes declared, which would hide them.
func (m maker) fit(ctx context.Context, img *Image, in engine.Image) error {
	unlock, err := lockBuild(ctx, short(in.ID))
	if err != nil {
		return err
	}
	defer unlock()
	if l := in.Labels; l[labelAdapted] != "" && l[labelRecipe] == m.o.recipe() {
		return img.remembered(l)
	}
	ref, err := m.LabelledImage(ctx, labelAdapted+"="+in.ID, labelRecipe+"="+m.o.recipe())
	if err != nil {
		return err
	}
	if ref == "" {
		ndbDir, err := m.peek(ctx, img)
		if err != nil {
			return fmt.Errorf("look into image %s: %w", img.Ref, err)
		}
		if ndbDir && img.Layout.DataDir != "" && len(in.Volumes) == 0 {
			return nil
		}
		if ref, err = m.adapt(ctx, *img, in.Env); err != nil {
			return fmt.Errorf("adapt image %s: %w", img.Ref, err)
		}
	}
	if in, err = m.InspectImage(ctx, ref); err != nil {
		return fmt.Errorf("look into image %s: %w", ref, err)
	}
	img.Ref, img.ID, img.Size = ref, in.ID, in.Size
	return img.remembered(in.Labels)
}

// short is as much of an image's id as people read.
func short(id string) string { return strings.TrimPrefix(id, "sha256:")[:12] }

// adapt makes an image of a foreign one's files and an initialised data
// directory, without entrypoint, healthcheck and volumes. It is imported, not
// committed: a commit leaves out what lies in declared volumes, and declares
// them again, so that every container, data nodes too, would copy the data
// directory into a volume of its own. Also who only looks may adapt: nothing is
// pulled and no tarball unpacked for it.
func (m maker) adapt(ctx context.Context, img Image, env []string) (ref string, err error) {
	l := img.Layout
	user := fmt.Sprintf("%d:%d", l.UID, l.GID)
	id, err := m.create(ctx, engine.Container{Image: img.Ref, User: user, Argv: initialising(l)})
	if err != nil {
		return "", err
	}
	defer m.discard(ctx, id)
	if l.DataDir == "" {
		m.o.say("initialising a data directory for %s, which has none", img.Ref)
		if err := m.CopyIn(ctx, id, func(w *tar.Writer) error { return folders(w, l) }); err != nil {
			return "", err
		}
		if _, err := m.runToEnd(ctx, id); err != nil {
			return "", fmt.Errorf("initialise its data directory: %w", err)
		}
	}
	l.DataDir = dataDir
	written, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("write its layout down: %w", err)
	}
	ref = m.o.ref("adapted", short(img.ID)+"-"+recipe)
	labels := map[string]string{labelAdapted: img.ID, labelRecipe: m.o.recipe(), labelRelease: img.Release.String(), labelLayout: string(written)}
	changes := []string{"USER " + user, "WORKDIR " + path.Dir(dataDir), fmt.Sprintf("CMD [%q]", path.Join(l.Sbin, "mysqld"))}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		changes = append(changes, "ENV "+name+"="+quoted(value))
	}
	return ref, engine.Pipe(
		func(w *tar.Writer) error { return m.flatten(ctx, w, id, l) },
		func(r io.Reader) error { return m.importTar(ctx, r, ref, labels, changes...) })
}

// initialising is the command that makes a data directory in an unusual layout.
func initialising(l release.Layout) []string {
	return append([]string{
		path.Join(l.Sbin, "mysqld"), "--no-defaults", "--initialize-insecure", "--datadir=" + dataDir,
		"--lc-messages-dir=" + l.Share, "--character-sets-dir=" + path.Join(l.Share, "charsets"), "--plugin-dir=" + l.Plugin,
	}, small...)
}

// flatten writes a container's file system, with the servers' folders as they
// must be, and its data directory.
func (m maker) flatten(ctx context.Context, w *tar.Writer, id string, l release.Layout) error {
	err := m.Export(ctx, id, func(root *tar.Reader) error {
		return copyTar(w, root, func(h *tar.Header) bool {
			name := path.Clean("/" + h.Name)
			return !under(name, path.Dir(dataDir)) && !under(name, ndbDataDir)
		})
	})
	if err != nil {
		return err
	}
	if err := folders(w, l); err != nil {
		return err
	}
	err = m.CopyOut(ctx, id, dataDir, func(data *tar.Reader) error {
		return copyTar(w, data, func(h *tar.Header) bool {
			file := path.Base(h.Name)
			h.Name = strings.TrimPrefix(path.Dir(dataDir), "/") + "/" + h.Name
			return file != "auto.cnf" && path.Ext(file) != ".pem"
		})
	})
	if err != nil {
		return fmt.Errorf("read its data directory: %w", err)
	}
	return nil
}

func under(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// folders writes the servers' folders.
func folders(w *tar.Writer, l release.Layout) error {
	dirs := map[string]int64{"var/lib/mysql/": 0o750, "var/lib/mysql/keys/": 0o700, "var/lib/ndb/": 0o750}
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: dirs[name], Uid: l.UID, Gid: l.GID}
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("write folder %s: %w", name, err)
		}
	}
	return nil
}

// copyTar copies the entries of a tar stream that keep keeps, and may rename.
func copyTar(w *tar.Writer, r *tar.Reader, keep func(*tar.Header) bool) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("copy a tar stream: %w", err)
		}
		if !keep(h) {
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("copy %s: %w", h.Name, err)
		}
		if _, err := io.Copy(w, r); err != nil {
			return fmt.Errorf("copy %s: %w", h.Name, err)
		}
	}
}

// lend finds an image with the tools that a foreign one lacks: that of the
// nearest release that a tarball is found for.
func (m maker) lend(ctx context.Context, img *Image, known []Known) error {
	if len(img.Layout.Missing) == 0 {
		return nil
	}
	found, err := Bundles(m.o)
	if err != nil {
		return err
	}
	missing := strings.Join(img.Layout.Missing, ", ")
	if len(found) == 0 {
		if !slices.ContainsFunc(neededTools, func(t string) bool { return slices.Contains(img.Layout.Missing, t) }) {
			return nil
		}
		return fmt.Errorf("image %s lacks %s, and there is no tarball whose image could lend them; %s", img.Ref, missing, m.o.ways(nil, known))
	}
	c, err := m.o.tarball(ctx, m.Engine, nearest(found, img.Release), known)
	if err != nil {
		return err
	}
	m.o.say("%s lacks %s: the image of %s lends them", img.Ref, missing, c.Release)
	if c.Source == FromTarball {
		m.o.say("%s", c.Line)
	}
	lender, err := m.image(ctx, c)
	img.ToolsRef = lender.Ref
	return err
}

// nearest gives the tarball whose release is closest in number; of several the
// one of the same suffix, then the newest. found is newest first, not empty.
func nearest(found []Tarball, r release.Release) Tarball {
	apart := func(a, b int) int { return max(a-b, b-a) }
	return slices.MinFunc(found, func(s, t Tarball) int {
		a, b := s.Release, t.Release
		return cmp.Or(
			cmp.Compare(apart(a.Major, r.Major), apart(b.Major, r.Major)),
			cmp.Compare(apart(a.Minor, r.Minor), apart(b.Minor, r.Minor)),
			cmp.Compare(apart(a.Patch, r.Patch), apart(b.Patch, r.Patch)),
			cmp.Compare(differs(a.Suffix, r.Suffix), differs(b.Suffix, r.Suffix)),
		)
	})
}

func differs(a, b string) int {
	if a == b {
		return 0
	}
	return 1
}
