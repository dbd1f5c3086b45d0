package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"ndbproof/harness/poll"
	"ndbproof/harness/release"
)

// recipe changes whenever images are built in another way, so that old ones are
// not taken for new.
const recipe = "1"

// Image is an image that is there, and what was found inside.
type Image struct {
	Ref, ID       string
	Release       release.Release
	Layout        release.Layout
	Source        Source
	TarballSHA256 string // "" for an image that was not built from a tarball here
	Listed        bool
	ToolsRef      string // the image that lends what Layout.Missing names; "" when nothing is missing
	Size          int64  // bytes
}

// Ensure makes the chosen image if it is not there yet, and looks inside.
func Ensure(ctx context.Context, c Choice, o Options) (Image, error) {
	api, err := engine()
	if err != nil {
		return Image{}, err
	}
	defer api.Close() //nolint:errcheck // nothing is to be written
	switch c.Source {
	case FromTarball:
		if c.Ref, err = fromNothing(ctx, api, c, o); err != nil {
			return Image{}, err
		}
	case FromEnv, FromFlag, FromOfficial:
		if err := pulled(ctx, api, c.Ref, o); err != nil {
			return Image{}, err
		}
	}
	return look(ctx, api, c, o)
}

// Existing is Ensure for those who must not build or pull.
func Existing(ctx context.Context, c Choice, o Options) (Image, error) {
	api, err := engine()
	if err != nil {
		return Image{}, err
	}
	defer api.Close() //nolint:errcheck // nothing is to be written
	have := c.Source == FromBuilt
	if !have && c.Source != FromTarball {
		if have, err = present(ctx, api, c.Ref); err != nil {
			return Image{}, err
		}
	}
	if !have {
		return Image{}, fmt.Errorf("there is no image of %s yet (%s): run `make image`", c.Release, c.Line)
	}
	return look(ctx, api, c, o)
}

// pulled makes sure that a foreign image is there.
func pulled(ctx context.Context, api client.APIClient, ref string, o Options) error {
	have, err := present(ctx, api, ref)
	if err != nil || have {
		return err
	}
	o.say("pulling %s", ref)
	r, err := api.ImagePull(ctx, ref, image.PullOptions{})
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		err = errors.Join(err, r.Close())
	}
	if err == nil {
		have, err = present(ctx, api, ref)
	}
	if err != nil || !have {
		return fmt.Errorf("pull image %s: %w; %s", ref, errors.Join(err, errors.New("it is not here")), o.ways(nil))
	}
	return nil
}

// fromNothing builds the image of a tarball. Two builds of the same one wait
// for each other.
func fromNothing(ctx context.Context, api client.APIClient, c Choice, o Options) (string, error) {
	unlock, err := lock(ctx, c.SHA256[:12])
	if err != nil {
		return "", err
	}
	defer unlock()
	if ref, err := built(ctx, api, c.SHA256); err != nil || ref != "" {
		return ref, err
	}
	info, err := api.Info(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the engine for its architecture: %w", err)
	}
	if a := c.Tarball.Arch; a != "" && a != info.Architecture {
		return "", fmt.Errorf("unpack %s: its name says %s, and the engine runs on %s; take the tarball for that", filepath.Base(c.Tarball.Path), a, info.Architecture)
	}
	if err := base(ctx, api, o); err != nil {
		return "", err
	}
	ref := "ndbproof/ndb:" + tag(c.Release) + "-" + c.SHA256[:12]
	const initialise = `mysqld --no-defaults --initialize-insecure --datadir=/var/lib/mysql/data --innodb-redo-log-capacity=8M && ` +
		`cd /var/lib/mysql/data && rm -f auto.cnf *.pem *.err ib_buffer_pool && exec true`
	return ref, derive(ctx, api, o, step{
		From: baseRef, Argv: []string{"sh", "-ec", "PATH=/usr/local/mysql/bin:$PATH; " + initialise}, User: mysqlUser, Tag: ref,
		Fill: func(ctx context.Context, box *container.CreateResponse) error {
			return stream(ctx, api, box.ID, func(w *tar.Writer) error { return c.Tarball.repack(ctx, w, info.Architecture, standard) })
		},
		Labels: map[string]string{labelTarball: c.SHA256, labelRecipe: recipe, labelRelease: c.Release.String()},
		Config: &container.Config{
			User: mysqlUser, Cmd: []string{"mysqld"}, Entrypoint: []string{}, WorkingDir: "/var/lib/mysql",
			Env: []string{"PATH=/usr/local/mysql/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
	})
}

// tag makes a release fit for an image's tag.
func tag(r release.Release) string { return strings.ReplaceAll(r.String(), "+", "_") }

// stream copies what fill writes into the root of a container, without a file
// in between.
func stream(ctx context.Context, api client.APIClient, id string, fill func(*tar.Writer) error) error {
	r, pw := io.Pipe()
	var bad error
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		w := tar.NewWriter(pw)
		if bad = fill(w); bad == nil {
			bad = w.Close()
		}
		pw.CloseWithError(bad)
	}()
	err := api.CopyToContainer(ctx, id, "/", r, container.CopyToContainerOptions{})
	_ = r.Close()
	<-filled
	if bad != nil && !errors.Is(bad, io.ErrClosedPipe) {
		return bad // why the engine's copy ended
	}
	return err
}

// lock serialises builds of one image on this machine.
func lock(ctx context.Context, name string) (unlock func(), err error) {
	dir := filepath.Join(os.TempDir(), "ndbproof-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for lock files: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "image-"+name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the build of an image: %w", err)
	}
	err = poll.Every(ctx, 200*time.Millisecond, "another build of the same image", func(context.Context) error {
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// output is what a container has written.
func output(ctx context.Context, api client.APIClient, id string) string {
	r, err := api.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return err.Error()
	}
	defer r.Close() //nolint:errcheck // read only
	var b bytes.Buffer
	if _, err := stdcopy.StdCopy(&b, &b, r); err != nil {
		return err.Error()
	}
	return b.String()
}
