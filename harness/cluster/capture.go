package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// capturing is a capture that goes on beside a node. It ends when its standard
// input does, so also when this process dies.
type capturing struct {
	*engine.Stream
	node     *Node
	captured *json.Decoder // of what it writes
}

// Capture begins to capture in the namespaces of some nodes, all at once, and
// returns when all of them see packets. end gives what they saw, in the order
// of at; it must be called, once.
func (p *Pair) Capture(ctx context.Context, at []topology.NodeRef, o node.CaptureOrder) (end func(context.Context) ([]node.Captured, error), err error) {
	all := make([]*capturing, len(at))
	g, starting := errgroup.WithContext(ctx)
	for i, ref := range at {
		g.Go(func() error {
			n, err := p.node(ref.Side, ref.Node)
			if err != nil {
				return err
			}
			all[i], err = n.capture(starting, o)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		for _, c := range all {
			if c != nil {
				c.Close()
			}
		}
		return nil, err
	}
	return func(ctx context.Context) ([]node.Captured, error) {
		seen := make([]node.Captured, len(all))
		var g errgroup.Group
		for i, c := range all {
			g.Go(func() (err error) {
				seen[i], err = c.end(ctx)
				seen[i].NodeRef = at[i]
				return err
			})
		}
		return seen, g.Wait()
	}, nil
}

// capture starts the probe's capture beside the node, and waits until it has begun.
func (n *Node) capture(ctx context.Context, o node.CaptureOrder) (c *capturing, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("capture beside %s: %w", n, err)
		}
	}()
	order, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	id, err := n.withCompanion(ctx)
	if err != nil {
		return nil, err
	}
	s, err := n.cluster.engine.Open(ctx, id, "/probe", "capture")
	if err != nil {
		return nil, err
	}
	c = &capturing{s, n, json.NewDecoder(s.Output)}
	if _, err = s.Write(append(order, '\n')); err == nil {
		err = c.read(ctx, &struct{}{})
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return c, nil
}

// read reads the next document of the capture's output. When there is none, its
// standard error says why.
func (c *capturing) read(ctx context.Context, into any) error {
	defer context.AfterFunc(ctx, c.Close)()
	err := c.captured.Decode(into)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	c.Close()
	stderr, piped := c.Wait()
	if said := brief.Line(stderr); said != "" {
		return errors.New(said)
	}
	return errors.Join(err, piped)
}

// end stops the capture and gives what it saw.
func (c *capturing) end(ctx context.Context) (seen node.Captured, err error) {
	defer c.Close()
	if err = c.EndInput(); err == nil {
		err = c.read(ctx, &seen)
	}
	if err != nil {
		return seen, fmt.Errorf("end the capture beside %s: %w", c.node, err)
	}
	return seen, nil
}

// Addresses tells whose the addresses on all networks of the pair are.
func (p *Pair) Addresses(ctx context.Context) ([]node.Address, error) {
	var all []node.Address
	for _, c := range p.Clusters() {
		kinds := map[string]topology.Network{c.networks.cluster: topology.ClusterNetwork, c.networks.door: topology.DoorNetwork}
		if c.options.Link != "" {
			kinds[c.options.Link] = topology.LinkNetwork
		}
		for name, kind := range kinds {
			side := c.Side
			if kind == topology.LinkNetwork {
				side = "" // both sides' own
			}
			gateways, err := p.engine.Gateways(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("ask for the addresses of network %s: %w", name, err)
			}
			for _, ip := range gateways {
				all = append(all, node.Address{IP: bare(ip), Side: side, Network: kind})
			}
		}
		for _, n := range c.Nodes {
			in, err := p.engine.Inspect(ctx, n.id)
			if err != nil {
				return nil, fmt.Errorf("ask for the addresses of %s: %w", n, err)
			}
			for name, at := range in.Networks {
				for _, ip := range []string{at.IP, at.IPv6} {
					if kind, ours := kinds[name]; ours && ip != "" {
						all = append(all, node.Address{IP: bare(ip), Side: c.Side, Node: n.Name, Role: n.Role, Network: kind})
					}
				}
			}
		}
	}
	return all, nil
}

// bare takes the length of the network off an address.
func bare(ip string) string {
	ip, _, _ = strings.Cut(ip, "/")
	return ip
}
