package step

import (
	"context"
	"fmt"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/topology"
)

// StopNode stops the step's nodes, a data node by ndb_mgm, the others by SIGTERM.
type StopNode struct {
	on
	logs []string // encrypted binary logs that a mysqld had at its stop
	at   time.Time
}

// Do notes the encrypted logs of a mysqld, and stops the nodes.
func (a *StopNode) Do(ctx context.Context) (err error) {
	c := a.scene.cluster(a.step)
	if a.step.Role == topology.Mysqld {
		if a.logs, err = encryptedLogs(ctx, c); err != nil {
			return err
		}
	}
	a.at = time.Now()
	return c.StopNodes(ctx, a.step.Nodes...)
}

// encryptedLogs are those of a cluster's mysqld, by name.
func encryptedLogs(ctx context.Context, c *cluster.Cluster) ([]string, error) {
	logs, err := c.Server.BinaryLogs(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range logs {
		if l.Encrypted {
			names = append(names, l.Name)
		}
	}
	return names, nil
}

// StartNode starts the step's nodes, never with --initial. It does not wait for them.
type StartNode struct {
	on
	at time.Time
}

// Do starts them.
func (a *StartNode) Do(ctx context.Context) error {
	a.at = time.Now()
	return a.scene.cluster(a.step).StartNodes(ctx, a.step.Nodes...)
}

// ReplaceNode gives the step's nodes the image and the configuration of the release
// that it goes to, on the same volumes. What they had written is kept.
type ReplaceNode struct {
	on
	logs map[string]string
}

// Do replaces their containers.
func (a *ReplaceNode) Do(ctx context.Context) error {
	a.logs = map[string]string{}
	for _, name := range a.step.Nodes {
		log, err := a.scene.cluster(a.step).ReplaceNode(ctx, name, a.scene.Spec(a.step), a.scene.Image(a.step, name))
		if err != nil {
			return err
		}
		file := fmt.Sprintf("nodes/%s-%s/log.before-%s", a.step.Side, name, a.step.ID)
		if a.logs[name], err = a.scene.Keep(file, log); err != nil {
			return err
		}
	}
	return nil
}

// Logs are what the nodes had written, by name.
func (a *ReplaceNode) Logs() map[string]string { return a.logs }
