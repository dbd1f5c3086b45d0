package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"ndbproof/harness/release"
)

// initialise gives a foreign image an initialised data directory, in an image
// derived from it, and takes that one.
func (img *Image) initialise(ctx context.Context, api client.APIClient, o Options) error {
	id := strings.TrimPrefix(img.ID, "sha256:")[:12]
	unlock, err := lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	ref := "ndbproof/adapted:" + id + "-" + recipe
	have, err := present(ctx, api, ref)
	if err != nil {
		return err
	}
	if !have {
		o.say("initialising a data directory for %s, which has none", img.Ref)
		if err := img.derived(ctx, api, o, ref); err != nil {
			return fmt.Errorf("initialise a data directory for %s: %w", img.Ref, err)
		}
	}
	img.Ref, img.Layout.DataDir = ref, "/var/lib/mysql/data"
	return nil
}

// derived initialises in one container, and copies the result without what is
// that server's own (auto.cnf, keys) into another one, which is committed: the
// image may have no shell to remove them with.
func (img *Image) derived(ctx context.Context, api client.APIClient, o Options, ref string) error {
	user := fmt.Sprintf("%d:%d", img.Layout.UID, img.Layout.GID)
	argv := append([]string{path.Join(img.Layout.Sbin, "mysqld"), "--no-defaults", "--initialize-insecure", "--datadir=/var/lib/mysql/data",
		"--loose-innodb-redo-log-capacity=8M"}, img.places()...)
	work, err := api.ContainerCreate(ctx, &container.Config{Image: img.Ref, Entrypoint: argv[:1], Cmd: argv[1:], User: user, Labels: o.Labels,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}, nil, nil, nil, "")
	if err != nil {
		return err
	}
	defer discard(api, work.ID)
	if err := stream(ctx, api, work.ID, img.folders); err != nil {
		return err
	}
	if err := runToEnd(ctx, api, work.ID); err != nil {
		return err
	}
	made, err := api.ContainerCreate(ctx, &container.Config{Image: img.Ref, Entrypoint: argv[:1], User: user, Labels: o.Labels,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}, nil, nil, nil, "")
	if err != nil {
		return err
	}
	defer discard(api, made.ID)
	data, _, err := api.CopyFromContainer(ctx, work.ID, "/var/lib/mysql/data")
	if err != nil {
		return err
	}
	defer data.Close() //nolint:errcheck // read only
	err = stream(ctx, api, made.ID, func(w *tar.Writer) error {
		if err := img.folders(w); err != nil {
			return err
		}
		return img.withoutOwn(w, data)
	})
	if err != nil {
		return err
	}
	return commit(ctx, api, o, made.ID, step{Tag: ref, Labels: map[string]string{labelRelease: img.Release.String()}})
}

// places tells a mysqld in an unusual layout where its files are.
func (img *Image) places() []string {
	if img.Layout.Share == "" || img.Layout.Sbin == ours.Sbin {
		return nil
	}
	return []string{"--lc-messages-dir=" + img.Layout.Share, "--character-sets-dir=" + path.Join(img.Layout.Share, "charsets"), "--plugin-dir=" + img.Layout.Plugin}
}

// folders writes the servers' folders.
func (img *Image) folders(w *tar.Writer) error {
	for name, mode := range map[string]int64{"var/lib/mysql/": 0o750, "var/lib/mysql/keyring/": 0o700, "var/lib/ndb/": 0o750} {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: img.Layout.UID, Gid: img.Layout.GID}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
	}
	return nil
}

// withoutOwn copies a data directory without what is one server's own.
func (img *Image) withoutOwn(w *tar.Writer, data io.Reader) error {
	r := tar.NewReader(data)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if base := path.Base(h.Name); base == "auto.cnf" || strings.HasSuffix(base, ".pem") {
			continue
		}
		h.Name = "var/lib/mysql/" + h.Name
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
	}
}

// lend finds an image with the tools that this one lacks: that of the nearest
// release that a tarball is found for.
func (img *Image) lend(ctx context.Context, o Options) error {
	if len(img.Layout.Missing) == 0 {
		return nil
	}
	found, err := Bundles(o)
	if err != nil {
		return err
	}
	missing := strings.Join(img.Layout.Missing, ", ")
	if len(found) == 0 {
		return fmt.Errorf("image %s lacks %s, and there is no tarball whose image could lend them; %s", img.Ref, missing, o.ways(nil))
	}
	known, err := Listed()
	if err != nil {
		return err
	}
	c, err := fromTarball(ctx, nearest(found, img.Release), known)
	if err != nil {
		return err
	}
	o.say("%s lacks %s: the image of %s lends them", img.Ref, missing, c.Release)
	lender, err := Ensure(ctx, c, o)
	img.ToolsRef = lender.Ref
	return err
}

// nearest gives the tarball whose release is closest in number: the same, else
// one of the same line, else the newest. found is newest first, and not empty.
func nearest(found []Tarball, r release.Release) Tarball {
	for _, near := range []func(Tarball) bool{
		func(t Tarball) bool { return t.Release == r },
		func(t Tarball) bool { return t.Release.CompareNumber(r) == 0 },
		func(t Tarball) bool { return t.Release.Line() == r.Line() },
	} {
		if i := slices.IndexFunc(found, near); i >= 0 {
			return found[i]
		}
	}
	return found[0]
}
