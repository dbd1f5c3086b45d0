package cluster

import (
	"context"
	"fmt"

	"ndbproof/harness/topology"
)

// stopGrace is how long a server has to stop by itself, in seconds.
const stopGrace = 60

// RestartSQL stops the cluster's mysqld if it runs, gives it the files of a
// changed Spec, and starts it again in its container. It does not wait: Serving
// does. The data nodes must be up: a mysqld without them does not stop.
func (c *Cluster) RestartSQL(ctx context.Context, changed topology.Spec) error {
	files, err := changed.Render()
	if err != nil {
		return fmt.Errorf("render the configuration of the %s cluster: %w", changed.Name, err)
	}
	n, next := c.sql(), topology.Config{}
	for _, f := range files {
		if f.Node.Name == n.Name {
			next = f
			next.Files = append(next.Files, c.tlsFiles(changed, f.Node)...)
		}
	}
	if err := n.removeGone(ctx, next.Files); err != nil {
		return err
	}
	if err := n.dropCompanions(ctx); err != nil {
		return err
	}
	// Until it has been started again its end is no death; who hears of that end
	// later sees it run.
	n.leaving.Store(true)
	defer n.leaving.Store(false)
	if err := c.engine.Stop(ctx, n.id, stopGrace); err != nil {
		return fmt.Errorf("stop %s: %w", n, err)
	}
	n.config.Argv, n.config.Files = next.Argv, next.Files
	if err := n.put(ctx, n.config.Files); err != nil {
		return err
	}
	c.Spec, n.spec = changed, changed
	return n.start(ctx)
}

// AwaitEnd waits until the node's container has ended and says why it did. It
// fails when it does not end in time.
func (n *Node) AwaitEnd(ctx context.Context) (*Death, error) {
	if _, err := n.cluster.engine.Wait(ctx, n.id); err != nil {
		return nil, fmt.Errorf("wait for the end of %s: %w", n, err)
	}
	return n.autopsy(ctx), nil
}

// Back waits for a mysqld that was started again: it greets, at a port that may
// be another one, and NDB takes writes there. Accounts and tables are those of
// before. Nothing is logged, and logs are not encrypted yet where defect F1
// needs that to come later: Server.EncryptAgain does that.
func (c *Cluster) Back(ctx context.Context) error {
	if err := c.sql().listens(ctx, c.Server); err != nil {
		return err
	}
	if c.Server.DB == nil {
		if err := c.Server.OpenPool(c.secrets.admin); err != nil {
			return err
		}
	}
	return c.Server.AwaitWritable(ctx)
}
