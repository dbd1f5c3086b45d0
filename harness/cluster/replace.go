package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/mgm"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// What an upgrade does to nodes: stop them, give them another image and
// configuration on the same volume, start them.

// named gives nodes by name.
func (c *Cluster) named(names []string) ([]*Node, error) {
	var all []*Node
	for _, name := range names {
		n, err := c.Node(name)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// An ndb_mgmd that was told to stop first waits up to half a minute for its
// sessions, those of mysqlds among them (6 to 30 s were seen). It keeps nothing in
// memory that a kill could lose: its configuration was written when it was
// committed. So it has a few seconds, and its end by SIGKILL is no fault.
const (
	mgmGrace = 3   // seconds
	killed   = 137 // the exit code that the engine gives then
)

// StopNodes stops nodes, one after the other, and waits for their end: NDB knows no
// orderly stop of several ("Unsupported multi node shutdown. Abort option
// required."). Data nodes are stopped by the management node, which refuses when
// that would stop the cluster; others by SIGTERM. A node that does not end with 0
// is an error.
func (c *Cluster) StopNodes(ctx context.Context, names ...string) error {
	nodes, err := c.named(names)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := n.stop(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) stop(ctx context.Context) error {
	if err := n.dropCompanions(ctx); err != nil {
		return err
	}
	n.leaving.Store(true)
	grace := stopGrace
	switch n.Role {
	case topology.Ndbmtd:
		if _, err := n.cluster.Mgm(ctx, fmt.Sprintf("%d stop", n.ID)); err != nil {
			return fmt.Errorf("stop %s: %w", n, err)
		}
	case topology.Mgmd:
		grace = mgmGrace
		fallthrough
	default:
		if err := n.cluster.engine.Stop(ctx, n.id, grace); err != nil {
			return fmt.Errorf("stop %s: %w", n, err)
		}
	}
	d, err := n.AwaitEnd(ctx)
	if err != nil {
		return err
	}
	switch {
	case d.Exit == 0 || n.Role == topology.Mgmd && d.Exit == killed:
		return nil
	case d.Exit == killed && !d.OOM: // by the engine, when its grace was over
		return fmt.Errorf("stop %s in order: %w", n, &poll.Timeout{
			What: n.String() + " to end", Waited: time.Duration(grace) * time.Second, Probes: 1, Last: errors.New(d.Error()), Context: context.DeadlineExceeded,
		})
	}
	return fmt.Errorf("stop %s in order: %w", n, d)
}

// ReplaceNode takes the container of a stopped node away and makes another one on
// the same volume, from an image and the node's part of a Spec: its configuration
// lies there before its program starts. It does not start it. log is all that the
// node had written.
func (c *Cluster) ReplaceNode(ctx context.Context, name string, next topology.Spec, image string) (log []byte, err error) {
	n, err := c.Node(name)
	if err != nil {
		return nil, err
	}
	files, err := next.Render()
	if err != nil {
		return nil, fmt.Errorf("render the configuration of the %s cluster: %w", next.Name, err)
	}
	i := slices.IndexFunc(files, func(f topology.Config) bool { return f.Node.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("replace %s: the cluster that is to be has no such node", n)
	}
	written, err := n.logs(ctx, "all")
	if err != nil {
		return nil, err
	}
	if err := c.engine.RemoveEnded(ctx, n.id); err != nil {
		return nil, fmt.Errorf("remove the container of %s: %w", n, err)
	}
	n.id, n.Image, n.spec, n.config = "", image, next, files[i]
	n.config.Files = append(n.config.Files, c.tlsFiles(next, n.Node)...)
	if n.Role == topology.Mysqld {
		if err := c.dropSpare(ctx); err != nil {
			return nil, err
		}
		c.Spec, c.launched = next, next
	}
	return []byte(written), n.create(ctx, c.attachments(n))
}

// StartNodes starts nodes that were replaced, at once. It does not wait for them.
func (c *Cluster) StartNodes(ctx context.Context, names ...string) error {
	nodes, err := c.named(names)
	if err != nil {
		return err
	}
	var g errgroup.Group
	for _, n := range nodes {
		g.Go(func() error {
			n.leaving.Store(false)
			return n.start(ctx)
		})
	}
	return g.Wait()
}

// Shown is what the management node says of all nodes of the cluster. It waits
// until it answers, and until every node of the Spec is connected.
func (c *Cluster) Shown(ctx context.Context) (map[string]mgm.NodeStatus, error) {
	byID := map[int]string{}
	for _, n := range c.Nodes {
		byID[n.ID] = n.Name
	}
	var all map[string]mgm.NodeStatus
	err := poll.Every(ctx, 500*time.Millisecond, fmt.Sprintf("all %d nodes of the %s cluster to be connected", len(c.Nodes), c.Spec.Name), func(ctx context.Context) error {
		out, err := c.Mgm(ctx, "show")
		if err != nil {
			return err
		}
		nodes, err := mgm.ParseShow(out)
		if err != nil {
			return err
		}
		all = map[string]mgm.NodeStatus{}
		var missing []string
		for _, n := range nodes {
			name, ours := byID[n.ID]
			switch {
			case !ours: // a free slot
			case !n.Connected || n.Kind == mgm.DataNode && n.State != mgm.Started:
				missing = append(missing, name+" "+n.State)
			default:
				all[name] = n
			}
		}
		if len(all) < len(c.Nodes) {
			return errors.Join(fmt.Errorf("%d are: not %s", len(all), strings.Join(missing, ", ")))
		}
		return nil
	})
	return all, err
}
