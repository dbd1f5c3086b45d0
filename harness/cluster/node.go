package cluster

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"
	"github.com/testcontainers/testcontainers-go"

	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// Node is a node in its container.
type Node struct {
	topology.Node
	Side   topology.Side
	Image  string
	spec   topology.Spec // what it is deployed by: while a cluster is upgraded not the same for all
	config topology.Config

	cluster   *Cluster
	box       testcontainers.Container
	id        string                 // of the container
	door      atomic.Pointer[string] // host:port of a mysqld on this machine, once it is found; another one after a restart
	way       atomic.Pointer[string] // host:port by which we reach it: the door, or straight
	leaving   atomic.Bool            // we stop it: its end is no death
	companion companion
}

func (n *Node) String() string { return string(n.Side) + " " + n.Name }

// attachment is one network that a node is on.
type attachment struct {
	network string
	aliases []string
}

// create makes the node's volume and container, puts its files in and leaves
// it unstarted.
func (n *Node) create(ctx context.Context, nets []attachment) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := whole(ctx)
	defer cancel()
	e := n.cluster.engine
	labels := e.Lease.Labels()
	labels[labelSide], labels[labelNode] = string(n.Side), n.Name
	if _, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: n.volume(), Labels: labels}); err != nil {
		return fmt.Errorf("make the volume of %s: %w", n, err)
	}
	req := testcontainers.ContainerRequest{
		Image: n.Image, Name: n.containerName(), Labels: labels,
		Entrypoint: n.config.Argv[:1], Cmd: n.config.Argv[1:],
		NetworkAliases: map[string][]string{},
		ConfigModifier: func(c *container.Config) {
			c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
			c.User = n.user()
			c.WorkingDir = n.config.Volume
			c.Env = append(c.Env, n.config.Env...)
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.Binds = []string{n.volume() + ":" + n.config.Volume}
			h.LogConfig = container.LogConfig{Type: "json-file"}
			if n.Role == topology.Mysqld {
				h.PortBindings = nat.PortMap{mysqlPort: {{HostIP: "127.0.0.1"}}}
			}
		},
		LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
			PostCreates: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				n.id = c.GetContainerID()
				return n.put(ctx, n.config.Files, n.config.Folders...)
			}},
		}},
	}
	if n.Role == topology.Mysqld {
		req.ExposedPorts = []string{string(mysqlPort)}
	}
	for _, a := range nets {
		req.Networks = append(req.Networks, a.network)
		req.NetworkAliases[a.network] = a.aliases
	}
	box, err := e.provider.CreateContainer(ctx, req)
	if err != nil {
		return fmt.Errorf("create the container of %s: %w", n, err)
	}
	n.box = box
	return nil
}

const mysqlPort = nat.Port("3306/tcp")

// containerName differs from the node's HostName: the engine makes it an alias
// on every network, and NDB binds to what its HostName resolves to.
func (n *Node) containerName() string {
	return strings.Join([]string{"ndbproof", n.cluster.engine.Lease.Run, string(n.Side), n.Name}, "-")
}

func (n *Node) volume() string { return n.containerName() }

func (n *Node) start(ctx context.Context) error {
	if err := n.box.Start(ctx); err != nil {
		return fmt.Errorf("start %s: %w", n, err)
	}
	return nil
}

// put writes files into the container's file system, running or not, with all
// folders of ours that lead to them, and makes folders for the servers' user.
func (n *Node) put(ctx context.Context, files []topology.File, own ...string) error {
	if len(files)+len(own) == 0 {
		return nil
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	uid, gid := n.spec.Layout.UID, n.spec.Layout.GID
	for _, d := range folders(files) {
		if err := w.WriteHeader(&tar.Header{Name: d + "/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return fmt.Errorf("pack files for %s: %w", n, err)
		}
	}
	for _, d := range own {
		if err := w.WriteHeader(&tar.Header{Name: d[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: uid, Gid: gid}); err != nil {
			return fmt.Errorf("pack files for %s: %w", n, err)
		}
	}
	for _, f := range files {
		h := &tar.Header{Name: f.Path[1:], Typeflag: tar.TypeReg, Mode: f.Mode, Size: int64(len(f.Content))}
		if f.Own {
			h.Uid, h.Gid = uid, gid
		}
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("pack %s for %s: %w", f.Path, n, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return fmt.Errorf("pack %s for %s: %w", f.Path, n, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack files for %s: %w", n, err)
	}
	opt := container.CopyToContainerOptions{CopyUIDGID: false}
	if err := n.cluster.engine.api.CopyToContainer(ctx, n.id, "/", &buf, opt); err != nil {
		return fmt.Errorf("put files into %s: %w", n, err)
	}
	return nil
}

// folders gives those of the project's own folders that files need, parents
// first. Folders of the image are left as they are.
func folders(files []topology.File) []string {
	set := map[string]bool{}
	for _, f := range files {
		for d := path.Dir(f.Path); strings.HasPrefix(d, topology.EtcDir); d = path.Dir(d) {
			set[d[1:]] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// read gives a file's first limit bytes; limit <= 0: all of them.
func (n *Node) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	rc, _, err := n.cluster.engine.api.CopyFromContainer(ctx, n.id, name)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, n, err)
	}
	defer rc.Close() //nolint:errcheck // the rest is not wanted
	t := tar.NewReader(rc)
	h, err := t.Next()
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, n, err)
	}
	if h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("read %s of %s: not a regular file", name, n)
	}
	var r io.Reader = t
	if limit > 0 {
		r = io.LimitReader(t, limit)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, n, err)
	}
	return b, nil
}

// exec runs a command in the container. A command that cannot be found is an
// exit of 126 or 127, as the engine has it.
func (n *Node) exec(ctx context.Context, c node.Command) (node.Output, error) {
	return n.cluster.engine.exec(ctx, n.id, c)
}

func (e *Engine) exec(ctx context.Context, id string, c node.Command) (node.Output, error) {
	fail := func(err error) (node.Output, error) {
		return node.Output{}, fmt.Errorf("run %s in container %.12s: %w", path.Base(c.Argv[0]), id, err)
	}
	var env []string
	for k, v := range c.Env {
		env = append(env, k+"="+v)
	}
	ex, err := e.api.ContainerExecCreate(ctx, id, container.ExecOptions{
		Cmd: c.Argv, Env: env, User: c.User, AttachStdin: c.Stdin != "", AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return fail(err)
	}
	io3, err := e.api.ContainerExecAttach(ctx, ex.ID, container.ExecAttachOptions{})
	if err != nil {
		return fail(err)
	}
	defer io3.Close()
	// The hijacked connection knows nothing of ctx.
	defer context.AfterFunc(ctx, io3.Close)()
	var fed sync.WaitGroup
	var feedErr error
	if c.Stdin != "" {
		fed.Go(func() {
			if _, feedErr = io.WriteString(io3.Conn, c.Stdin); feedErr == nil {
				feedErr = io3.CloseWrite()
			}
		})
	}
	var out, errs bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errs, io3.Reader); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fail(err)
	}
	fed.Wait()
	in, err := e.api.ContainerExecInspect(ctx, ex.ID)
	if err != nil {
		return fail(err)
	}
	if in.ExitCode == 0 && feedErr != nil {
		return fail(fmt.Errorf("feed its standard input: %w", feedErr))
	}
	return node.Output{Stdout: out.String(), Stderr: errs.String(), Exit: in.ExitCode}, nil
}

// logs gives everything the node has written to its standard output and error.
func (n *Node) logs(ctx context.Context, tail string) (string, error) {
	return n.logsOf(ctx, container.LogsOptions{Tail: tail})
}

func (n *Node) logsOf(ctx context.Context, o container.LogsOptions) (string, error) {
	o.ShowStdout, o.ShowStderr = true, true
	rc, err := n.cluster.engine.api.ContainerLogs(ctx, n.id, o)
	if err != nil {
		return "", fmt.Errorf("read the log of %s: %w", n, err)
	}
	defer rc.Close() //nolint:errcheck // read only
	var b bytes.Buffer
	if _, err := stdcopy.StdCopy(&b, &b, rc); err != nil {
		return "", fmt.Errorf("read the log of %s: %w", n, err)
	}
	return b.String(), nil
}
