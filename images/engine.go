package images

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"ndbproof/harness/lock"
	"ndbproof/harness/poll"
)

// maker makes images on one engine.
type maker struct {
	client.APIClient
	o       Options
	looking bool // what would have to be made is an error instead
}

func engine(o Options) (maker, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return maker{}, fmt.Errorf("find the docker engine: %w", err)
	}
	return maker{APIClient: api, o: o}, nil
}

// arch is the engine's architecture, in the words of uname.
func (m maker) arch(ctx context.Context) (string, error) {
	info, err := m.Info(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the engine for its architecture: %w", err)
	}
	return info.Architecture, nil
}

// labelled gives the newest image with all of these labels; "" when there is
// none.
func (m maker) labelled(ctx context.Context, labels ...string) (ref string, err error) {
	f := filters.NewArgs()
	for _, l := range labels {
		f.Add("label", l)
	}
	all, err := m.ImageList(ctx, image.ListOptions{Filters: f})
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
func (m maker) present(ctx context.Context, ref string) (bool, error) {
	_, err := m.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for image %s: %w", ref, err)
	}
	return true, nil
}

// create makes a container from an image, without the image's entrypoint and
// healthcheck. It is not cut short by the end of ctx: a container whose id
// nobody was told could not be removed.
func (m maker) create(ctx context.Context, from, user string, network container.NetworkMode, argv ...string) (id string, err error) {
	return m.box(ctx, container.Config{Image: from, Entrypoint: argv[:1], Cmd: argv[1:], User: user}, container.HostConfig{NetworkMode: network})
}

// box is create for a container that needs more: variables, volumes, limits.
func (m maker) box(ctx context.Context, c container.Config, h container.HostConfig) (id string, err error) {
	if ctx.Err() != nil {
		return "", fmt.Errorf("create a container of %s: %w", c.Image, context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	c.Labels = map[string]string{labelOurs: "1"}
	maps.Copy(c.Labels, m.o.Labels)
	c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	made, err := m.ContainerCreate(ctx, &c, &h, nil, nil, "")
	if err != nil {
		return "", fmt.Errorf("create a container of %s: %w", c.Image, err)
	}
	return made.ID, nil
}

// discard removes a container, also when ctx has ended.
func (m maker) discard(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_ = m.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true}) // its labels let `ndbproof down` find it
}

// runToEnd starts a container, waits for it to end well, and gives what it
// wrote.
func (m maker) runToEnd(ctx context.Context, id string) (output string, err error) {
	if err := m.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return "", fmt.Errorf("start: %w", err)
	}
	done, errs := m.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case err := <-errs:
		return "", fmt.Errorf("wait for the end: %w", err)
	case end := <-done:
		output, err := m.logs(ctx, id)
		if err == nil && end.StatusCode != 0 {
			err = fmt.Errorf("exit %d: %s", end.StatusCode, lastLines(output, 3))
		}
		return output, err
	}
}

func (m maker) logs(ctx context.Context, id string) (string, error) {
	r, err := m.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", fmt.Errorf("read the container's output: %w", err)
	}
	defer r.Close() //nolint:errcheck // read only
	var b bytes.Buffer
	if _, err := stdcopy.StdCopy(&b, &b, r); err != nil {
		return "", fmt.Errorf("read the container's output: %w", err)
	}
	return b.String(), nil
}

// stream copies what fill writes into the root of a container, without a file
// in between.
func (m maker) stream(ctx context.Context, id string, fill func(*tar.Writer) error) error {
	err := piping(fill, func(r io.Reader) error {
		return m.CopyToContainer(ctx, id, "/", r, container.CopyToContainerOptions{})
	})
	if ctx.Err() != nil {
		return fmt.Errorf("copy files into a container: %w", context.Cause(ctx))
	}
	return err
}

// importTar makes an image of one layer from a tar stream. Changes are
// instructions of a Dockerfile.
func (m maker) importTar(ctx context.Context, r io.Reader, ref string, labels map[string]string, changes ...string) error {
	changes = append(changes, fmt.Sprintf("LABEL %s=1", labelOurs))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		changes = append(changes, fmt.Sprintf("LABEL %s=%s", k, quoted(labels[k])))
	}
	out, err := m.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("import image %s: %w", ref, err)
	}
	defer out.Close() //nolint:errcheck // read only
	var said strings.Builder
	if _, err := io.Copy(&said, out); err != nil {
		return fmt.Errorf("import image %s: %w", ref, err)
	}
	have, err := m.present(ctx, ref)
	if err == nil && !have {
		err = fmt.Errorf("import image %s: the engine says %s", ref, lastLines(said.String(), 1))
	}
	return err
}

// quoted makes a value fit for an instruction of a Dockerfile, where a dollar
// begins a variable.
func quoted(s string) string { return strings.ReplaceAll(strconv.Quote(s), "$", `\$`) }

// piping runs both ends of a tar stream. When both fail, the error is that of
// the end that failed first.
func piping(fill func(*tar.Writer) error, send func(io.Reader) error) error {
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
	err := send(r)
	_ = r.Close() // ends fill, should nobody read on; cannot fail
	<-filled
	if bad != nil && !errors.Is(bad, io.ErrClosedPipe) {
		return bad
	}
	return err
}

// lock serialises the making of one image on this machine.
func lockBuild(ctx context.Context, name string) (unlock func(), err error) {
	var held *lock.Lock
	err = poll.Every(ctx, 200*time.Millisecond, "another build of the same image", func(context.Context) (err error) {
		if held, err = lock.File("image-" + name + ".lock"); err != nil && !errors.Is(err, lock.ErrTaken) {
			return poll.Stop(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = held.Release() }, nil // the next one makes it anew
}

// readFile reads a file of a container.
func (m maker) readFile(ctx context.Context, id, name string) ([]byte, error) {
	r, _, err := m.CopyFromContainer(ctx, id, name)
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("it has no %s", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer r.Close() //nolint:errcheck // read only
	t := tar.NewReader(r)
	if _, err := t.Next(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return io.ReadAll(t)
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " / ")
}
