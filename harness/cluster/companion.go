package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// companion is a container that shares a node's process and network namespaces
// and sees it from outside, with our static probe as its only program.
type companion struct {
	mu             sync.Mutex
	id, made       string // the companion, and the container of the node that it was made for
	lender, lentTo string // likewise the container that lends tools
}

// nodeRoot is the node's file system, volumes included, as its companion sees it.
const nodeRoot = "/proc/1/root"

func (n *Node) withCompanion(ctx context.Context) (string, error) {
	n.companion.mu.Lock()
	defer n.companion.mu.Unlock()
	if n.companion.id != "" && n.companion.made == n.id {
		return n.companion.id, nil
	}
	id, err := n.beside(ctx, n.cluster.options.Probe, "probe", []string{"/probe", "wait"})
	if err != nil {
		return "", err
	}
	n.companion.id, n.companion.made = id, n.id
	return id, nil
}

// beside starts a container that shares the node's namespaces.
func (n *Node) beside(ctx context.Context, image, name string, argv []string) (string, error) {
	id, err := n.cluster.engine.Launch(ctx, engine.Container{
		Image: image, Name: n.containerName() + "-" + name, Labels: map[string]string{labelSide: string(n.Side)},
		Argv: argv, User: "0:0", Beside: n.id, Caps: []string{"SYS_PTRACE", "NET_RAW"},
	})
	if err != nil {
		return "", fmt.Errorf("make the companion of %s: %w", n, err)
	}
	return id, nil
}

// probe runs a subcommand of the probe beside the node; into is filled from the
// JSON that it prints.
func (n *Node) probe(ctx context.Context, into any, args ...string) error {
	id, err := n.withCompanion(ctx)
	if err != nil {
		return err
	}
	out, err := n.cluster.engine.Exec(ctx, id, node.Command{Argv: append([]string{"/probe"}, args...)})
	if err != nil {
		return err
	}
	if out.Exit != 0 {
		return fmt.Errorf("probe %s beside %s: exit %d: %s", strings.Join(args, " "), n, out.Exit, brief.Line(out.Stderr))
	}
	if err := json.Unmarshal([]byte(out.Stdout), into); err != nil {
		return fmt.Errorf("probe %s beside %s: %w", strings.Join(args, " "), n, err)
	}
	return nil
}

// list gives all files under dir.
func (n *Node) list(ctx context.Context, dir string) ([]node.Stat, error) {
	var all []node.Stat
	if err := n.probe(ctx, &all, "stat", nodeRoot+dir); err != nil {
		return nil, fmt.Errorf("list %s of %s: %w", dir, n, err)
	}
	for i := range all {
		all[i].Path = strings.TrimPrefix(all[i].Path, nodeRoot)
	}
	return all, nil
}

// sockets gives what listens in the node's network namespace.
func (n *Node) sockets(ctx context.Context) ([]node.Socket, error) {
	var all []node.Socket
	if err := n.probe(ctx, &all, "sockets"); err != nil {
		return nil, fmt.Errorf("list the sockets of %s: %w", n, err)
	}
	return all, nil
}

// Program is what runs as a node's first process.
type Program struct {
	Path   string   `json:"path"`
	SHA256 string   `json:"sha256"`
	Size   int64    `json:"size"`
	Argv   []string `json:"argv"`
	PeakKB int64    `json:"peak_kb"` // VmHWM
}

// Program tells which build a node really runs: the sha256 of its running
// program, read from outside.
func (n *Node) Program(ctx context.Context) (Program, error) {
	var p Program
	if err := n.probe(ctx, &p, "exe"); err != nil {
		return Program{}, fmt.Errorf("read the program of %s: %w", n, err)
	}
	return p, nil
}

// listen opens a port in the node's network namespace until stop is called.
func (n *Node) listen(ctx context.Context, port int) (stop func() error, err error) {
	id, err := n.beside(ctx, n.cluster.options.Probe, "listen"+strconv.Itoa(port), []string{"/probe", "listen", strconv.Itoa(port)})
	if err != nil {
		return nil, err
	}
	// It may be stopped when the context that it was started in has ended.
	ctx = context.WithoutCancel(ctx)
	return func() error {
		ctx, cancel := poll.WithLimit(ctx, time.Minute, "stopping a listener")
		defer cancel()
		if err := n.cluster.engine.Remove(ctx, id); err != nil {
			return fmt.Errorf("stop listening on port %d of %s: %w", port, n, err)
		}
		return nil
	}, nil
}

// borrow runs a program that the node's image lacks, in the image that lends
// tools, beside the node. Paths of the node are found under its root as seen
// from there, so arguments naming them are rewritten.
func (n *Node) borrow(ctx context.Context, c node.Command) (node.Output, error) {
	id, err := n.lender(ctx)
	if err != nil {
		return node.Output{}, err
	}
	argv := []string{c.Argv[0]}
	for _, a := range c.Argv[1:] {
		for _, dir := range []string{topology.MysqlDir, topology.EtcDir, topology.NdbDir} {
			a = strings.ReplaceAll(a, dir+"/", nodeRoot+dir+"/")
		}
		argv = append(argv, a)
	}
	c.Argv, c.User = argv, "0:0"
	return n.cluster.engine.Exec(ctx, id, c)
}

func (n *Node) lender(ctx context.Context) (string, error) {
	if n.cluster.options.Tools == "" {
		return "", fmt.Errorf("run a tool beside %s: its image lacks it, and no other image lends it; put a tarball of a near release where images are looked for", n)
	}
	n.companion.mu.Lock()
	defer n.companion.mu.Unlock()
	if n.companion.lender != "" && n.companion.lentTo == n.id {
		return n.companion.lender, nil
	}
	id, err := n.beside(ctx, n.cluster.options.Tools, "tools", []string{"sleep", "infinity"})
	if err != nil {
		return "", err
	}
	n.companion.lender, n.companion.lentTo = id, n.id
	return id, nil
}
