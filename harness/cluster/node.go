package cluster

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"ndbproof/harness/engine"
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
	id        string                 // of the container
	door      atomic.Pointer[string] // host:port of a mysqld on this machine, once it is found; another one after a restart
	way       atomic.Pointer[string] // host:port by which we reach it: the door, or straight
	leaving   atomic.Bool            // we stop it: its end is no death
	companion companion
}

func (n *Node) String() string { return string(n.Side) + " " + n.Name }

// Labels of nodes and of the helpers beside them, besides those of the lease.
const (
	labelSide = "ndbproof.side"
	labelNode = "ndbproof.node"
)

// create makes the node's volume and container, puts its files in and leaves
// it unstarted.
func (n *Node) create(ctx context.Context, nets []engine.Attachment) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e, labels := n.cluster.engine, map[string]string{labelSide: string(n.Side), labelNode: n.Name}
	if err := e.MakeVolume(ctx, n.volume(), labels); err != nil {
		return fmt.Errorf("make the volume of %s: %w", n, err)
	}
	c := engine.Container{
		Image: n.Image, Name: n.containerName(), Labels: labels, Argv: n.config.Argv, User: n.user(), Dir: n.config.Volume,
		Env: n.config.Env, Networks: nets, Volumes: []engine.Volume{{Name: n.volume(), Path: n.config.Volume}},
		Files: n.files(n.config.Files, n.config.Folders...),
	}
	if n.Role == topology.Mysqld {
		c.Port = mysqlPort
	}
	if n.id, err = e.Create(ctx, c); err != nil {
		return fmt.Errorf("create the container of %s: %w", n, err)
	}
	return nil
}

const mysqlPort = 3306

// containerName differs from the node's HostName: the engine makes it an alias
// on every network, and NDB binds to what its HostName resolves to.
func (n *Node) containerName() string {
	return strings.Join([]string{"ndbproof", n.cluster.engine.Lease.Run, string(n.Side), n.Name}, "-")
}

func (n *Node) volume() string { return n.containerName() }

func (n *Node) start(ctx context.Context) error {
	if err := n.cluster.engine.Start(ctx, n.id); err != nil {
		return fmt.Errorf("start %s: %w", n, err)
	}
	return nil
}

// put writes files into the container's file system, running or not, with all
// of the project's folders that lead to them.
func (n *Node) put(ctx context.Context, files []topology.File) error {
	if err := n.cluster.engine.Put(ctx, n.id, n.files(files)); err != nil {
		return fmt.Errorf("put files into %s: %w", n, err)
	}
	return nil
}

// files are files of the node as the engine puts them in: after all of the
// project's folders that lead to them, and after folders of the servers' user.
func (n *Node) files(files []topology.File, own ...string) []engine.File {
	uid, gid := n.spec.Layout.UID, n.spec.Layout.GID
	var all []engine.File
	for _, d := range folders(files) {
		all = append(all, engine.File{Path: d, Folder: true, Mode: 0o755})
	}
	for _, d := range own {
		all = append(all, engine.File{Path: d, Folder: true, Mode: 0o700, UID: uid, GID: gid})
	}
	for _, f := range files {
		to := engine.File{Path: f.Path, Mode: f.Mode, Content: f.Content}
		if f.Own {
			to.UID, to.GID = uid, gid
		}
		all = append(all, to)
	}
	return all
}

// folders gives those of the project's own folders that files need, parents
// first. Folders of the image are left as they are.
func folders(files []topology.File) []string {
	set := map[string]bool{}
	for _, f := range files {
		for d := path.Dir(f.Path); strings.HasPrefix(d, topology.EtcDir); d = path.Dir(d) {
			set[d] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// read gives a file's first limit bytes; limit <= 0: all of them.
func (n *Node) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	b, err := n.cluster.engine.ReadFile(ctx, n.id, name, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, n, err)
	}
	return b, nil
}

// exec runs a command in the container. A command that cannot be found is an
// exit of 126 or 127, as the engine has it.
func (n *Node) exec(ctx context.Context, c node.Command) (node.Output, error) {
	return n.cluster.engine.Exec(ctx, n.id, c)
}

// logs gives the last lines that the node has written to its standard output and
// error; tail "all": everything.
func (n *Node) logs(ctx context.Context, tail string) (string, error) {
	return n.logsOf(ctx, engine.LogRange{Tail: tail})
}

func (n *Node) logsOf(ctx context.Context, part engine.LogRange) (string, error) {
	log, err := n.cluster.engine.Logs(ctx, n.id, part)
	if err != nil {
		return "", fmt.Errorf("read the log of %s: %w", n, err)
	}
	return log, nil
}
