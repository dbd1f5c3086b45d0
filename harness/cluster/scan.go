package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// scanner is a container with the volumes of all nodes of a pair, read-only, and
// our static probe as its only program.
type scanner struct {
	mu sync.Mutex
	id string
}

// mountpoint is where a node's volume lies in the scanner.
func (n *Node) mountpoint() string { return path.Join("/v", string(n.Side), n.Name) }

// looseDirs are where programs in a container write beside their volume.
var looseDirs = []string{"/tmp", "/var/tmp", "/var/log", "/run", "/root", "/home", topology.EtcDir}

func (p *Pair) nodes() []*Node {
	var all []*Node
	for _, c := range p.Clusters() {
		all = append(all, c.Nodes...)
	}
	return all
}

func (p *Pair) withScanner(ctx context.Context) (string, error) {
	p.scanner.mu.Lock()
	defer p.scanner.mu.Unlock()
	if p.scanner.id != "" {
		return p.scanner.id, nil
	}
	var volumes []engine.Volume
	for _, n := range p.nodes() {
		volumes = append(volumes, engine.Volume{Name: n.volume(), Path: n.mountpoint(), ReadOnly: true})
	}
	id, err := p.engine.Launch(ctx, engine.Container{
		Image: p.options.Probe, Name: "ndbproof-" + p.engine.Lease.Run + "-scan", Argv: []string{"/probe", "wait"}, User: "0:0", Volumes: volumes,
	})
	if err != nil {
		return "", fmt.Errorf("make the container that scans volumes: %w", err)
	}
	p.scanner.id = id
	return p.scanner.id, nil
}

// Scan searches every byte of every file on the volumes of all nodes of both
// sides, of the files without a name that their processes have open, and of the
// places beside the volume where programs write.
func (p *Pair) Scan(ctx context.Context, needles []node.Needle) (node.PairSearch, error) {
	out := node.PairSearch{Needles: len(needles)}
	input, err := node.WriteNeedles(needles)
	if err != nil {
		return out, err
	}
	id, err := p.withScanner(ctx)
	if err != nil {
		return out, err
	}
	nodes := p.nodes()
	argv := []string{"/probe", "scan"}
	for _, n := range nodes {
		argv = append(argv, n.mountpoint())
	}
	volumes, err := search(ctx, p.engine.Engine, id, argv, input)
	if err != nil {
		return out, fmt.Errorf("scan the volumes: %w", err)
	}
	out.Seconds, out.Hidden, out.Seen = volumes.Seconds, volumes.Hidden, volumes.Seen
	out.Nodes = make([]node.NodeSearch, len(nodes))
	for i, n := range nodes {
		out.Nodes[i] = n.own(volumes.Files)
	}
	for _, f := range volumes.Files {
		out.Bytes += f.Scanned
	}
	err = p.scanBeside(ctx, input, &out)
	return out, err
}

// own takes the files on the node's volume, under the names that they have in
// the node.
func (n *Node) own(files []node.Searched) node.NodeSearch {
	o := node.NodeSearch{Side: n.Side, Node: n.Name, Files: []node.Searched{}}
	for _, f := range files {
		if rest, mine := strings.CutPrefix(f.Path, n.mountpoint()+"/"); mine {
			f.Path = path.Join(n.config.Volume, rest)
			o.Files = append(o.Files, f)
		}
	}
	return o
}

// scanBeside adds what is found from the nodes' companions, all at once.
func (p *Pair) scanBeside(ctx context.Context, input string, out *node.PairSearch) error {
	found := make([]node.Search, len(out.Nodes))
	var g errgroup.Group
	for i, n := range p.nodes() {
		g.Go(func() (err error) {
			found[i], err = n.scanOpen(ctx, input)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, s := range found {
		out.Hidden += s.Hidden
		out.Seen += s.Seen
		for _, f := range s.Files {
			f.Path = strings.TrimPrefix(f.Path, nodeRoot)
			out.Nodes[i].Files = append(out.Nodes[i].Files, f)
		}
	}
	return nil
}

func (n *Node) scanOpen(ctx context.Context, input string) (node.Search, error) {
	id, err := n.withCompanion(ctx)
	if err != nil {
		return node.Search{}, err
	}
	argv := []string{"/probe", "open"}
	for _, dir := range looseDirs {
		argv = append(argv, nodeRoot+dir)
	}
	s, err := search(ctx, n.cluster.engine.Engine, id, argv, input)
	if err != nil {
		return s, fmt.Errorf("scan the open files of %s: %w", n, err)
	}
	return s, nil
}

// search runs the probe in a container. The needles go to its standard input.
func search(ctx context.Context, e *engine.Engine, id string, argv []string, needles string) (node.Search, error) {
	var s node.Search
	out, err := e.Exec(ctx, id, node.Command{Argv: argv, Stdin: needles})
	switch {
	case err != nil:
		return s, err
	case out.Exit != 0:
		return s, fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stderr))
	}
	if err := json.Unmarshal([]byte(out.Stdout), &s); err != nil {
		return s, fmt.Errorf("read what the probe prints: %w", err)
	}
	return s, nil
}

// Log is all that a node has written to its standard output and error.
func (p *Pair) Log(ctx context.Context, side topology.Side, node string) ([]byte, error) {
	n, err := p.node(side, node)
	if err != nil {
		return nil, err
	}
	s, err := n.logs(ctx, "all")
	return []byte(s), err
}

// Inspect is what the engine tells of a node's container, as JSON.
func (p *Pair) Inspect(ctx context.Context, side topology.Side, node string) ([]byte, error) {
	n, err := p.node(side, node)
	if err != nil {
		return nil, err
	}
	in, err := p.engine.Inspect(ctx, n.id)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", n, err)
	}
	return in.Raw, nil
}
