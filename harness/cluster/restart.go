package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"

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
	n := c.sql()
	n.leaving.Store(true)
	grace := stopGrace
	if err := c.engine.api.ContainerStop(ctx, n.id, container.StopOptions{Timeout: &grace}); err != nil {
		return fmt.Errorf("stop %s: %w", n, err)
	}
	for _, f := range files {
		if f.Node.Name == n.Name {
			n.config.Argv, n.config.Files = f.Argv, append(f.Files, changed.TLSFiles(c.options.Keys.Authority, c.options.Keys.Server[c.Side], c.options.Keys.Client)...)
		}
	}
	if err := n.put(ctx, n.config.Files); err != nil {
		return err
	}
	c.Spec = changed
	n.leaving.Store(false)
	if err := c.engine.api.ContainerStart(ctx, n.id, container.StartOptions{}); err != nil {
		return fmt.Errorf("start %s: %w", n, err)
	}
	return nil
}

// AwaitEnd waits until the node's container has ended and says why it did. It
// fails when it does not end in time.
func (n *Node) AwaitEnd(ctx context.Context) (*Death, error) {
	done, errs := n.cluster.engine.api.ContainerWait(ctx, n.id, container.WaitConditionNotRunning)
	select {
	case <-done:
		return n.autopsy(ctx), nil
	case err := <-errs:
		return nil, fmt.Errorf("wait for the end of %s: %w", n, errors.Join(err, context.Cause(ctx)))
	}
}
