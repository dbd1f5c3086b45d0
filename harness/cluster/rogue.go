package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/engine"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// Intrude runs a program of the release in a new container that is no node of the
// pair: it is on a side's cluster network, and has no configuration, no certificate, no
// password and no volume. The container is removed afterwards.
func (p *Pair) Intrude(ctx context.Context, side topology.Side, c node.Command) (node.Output, error) {
	n := p.on(side).first(topology.Mgmd)
	out, err := n.stranger(ctx, c)
	if err != nil {
		return out, fmt.Errorf("run %s in a stranger's container on the %s's network: %w", c.Argv[0], side, err)
	}
	return out, nil
}

func (n *Node) stranger(ctx context.Context, c node.Command) (node.Output, error) {
	image, program := n.Image, n.spec.Layout.Program(c.Argv[0])
	if slices.Contains(n.spec.Layout.Missing, c.Argv[0]) {
		image, program = n.cluster.options.Tools, c.Argv[0]
	}
	return n.cluster.engine.RunToEnd(ctx, engine.Container{
		Image: image, Name: n.containerName() + "-stranger-" + strings.ToLower(rand.Text()[:6]), Labels: map[string]string{labelSide: string(n.Side)},
		Argv: append([]string{program}, c.Argv[1:]...), User: n.user(), Networks: []engine.Attachment{{Network: n.cluster.networks.cluster}},
	})
}
