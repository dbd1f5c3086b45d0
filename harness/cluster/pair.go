package cluster

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/engine"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Pair is two clusters and the channel between them.
type Pair struct {
	Source, Replica *Cluster
	Channel         *replication.Channel // nil while one of the clusters could not be made

	engine  *engine.Run
	options Options
	scanner scanner
}

// LaunchPair makes and starts both clusters at once, with the link between
// them. On error it also gives what there is of the pair.
func LaunchPair(ctx context.Context, source, replica topology.Spec, o Options) (*Pair, error) {
	p := &Pair{engine: o.Engine, options: o}
	user1 := secret.New()
	if err := o.Secrets.Add("password of "+secure.ReplicationUser, user1); err != nil {
		return p, err
	}
	link, err := o.Engine.MakeNetwork(ctx, "link", true)
	if err != nil {
		return p, err
	}
	o.Link = link
	var g errgroup.Group
	g.Go(func() (err error) { p.Source, err = Launch(ctx, topology.Source, source, o); return err })
	g.Go(func() (err error) { p.Replica, err = Launch(ctx, topology.Replica, replica, o); return err })
	err = g.Wait()
	if p.Source != nil && p.Replica != nil {
		p.Channel = replication.NewChannel(p.Source.Server, p.Replica.Server, user1)
	}
	return p, err
}

// Both runs f on both clusters at once.
func (p *Pair) Both(f func(*Cluster) error) error {
	var g errgroup.Group
	for _, c := range p.Clusters() {
		g.Go(func() error { return f(c) })
	}
	return g.Wait()
}

// Clusters are those that there are, source first.
func (p *Pair) Clusters() []*Cluster {
	var all []*Cluster
	for _, c := range []*Cluster{p.Source, p.Replica} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// Watch tells of every node that dies without our asking, until ctx ends.
func (p *Pair) Watch(ctx context.Context, died func(*Death)) {
	watch(ctx, p.engine, func(side, name string) *Node {
		for _, c := range p.Clusters() {
			for _, n := range c.everyNode() {
				if string(c.Side) == side && n.Name == name {
					return n
				}
			}
		}
		return nil
	}, died)
}

// on gives a side's cluster.
func (p *Pair) on(side topology.Side) *Cluster {
	if side == topology.Replica {
		return p.Replica
	}
	return p.Source
}

func (p *Pair) node(side topology.Side, name string) (*Node, error) {
	return p.on(side).Node(name)
}

// What follows is what claims may touch.

// Spec says what a side is meant to be.
func (p *Pair) Spec(side topology.Side) topology.Spec { return p.on(side).Spec }

// Server is a side's own mysqld.
func (p *Pair) Server(side topology.Side) *replication.Server { return p.on(side).Server }

// Password of an account on a side; the zero secret for an account without one
// that we know.
func (p *Pair) Password(side topology.Side, user string) secret.Secret {
	if user == secure.ReplicationUser {
		return p.Channel.Password
	}
	s, _ := p.on(side).password(user)
	return s
}

// Authority is the run's own CA.
func (p *Pair) Authority() *x509.Certificate { return p.options.Keys.Authority.Leaf }

// Leaf is the certificate made for a side's server.
func (p *Pair) Leaf(side topology.Side) *x509.Certificate { return p.options.Keys.Server[side].Leaf }

// List gives all files under dir of a node.
func (p *Pair) List(ctx context.Context, side topology.Side, node, dir string) ([]node.Stat, error) {
	n, err := p.node(side, node)
	if err != nil {
		return nil, err
	}
	return n.list(ctx, dir)
}

// Read gives a file's first limit bytes; limit <= 0: all.
func (p *Pair) Read(ctx context.Context, side topology.Side, node, name string, limit int64) ([]byte, error) {
	n, err := p.node(side, node)
	if err != nil {
		return nil, err
	}
	return n.read(ctx, name, limit)
}

// Run runs a program of the release in a node's container.
func (p *Pair) Run(ctx context.Context, side topology.Side, name string, c node.Command) (node.Output, error) {
	n, err := p.node(side, name)
	if err != nil {
		return node.Output{}, err
	}
	return n.tool(ctx, c)
}

// Sockets gives what listens in a node's network namespace.
func (p *Pair) Sockets(ctx context.Context, side topology.Side, node string) ([]node.Socket, error) {
	n, err := p.node(side, node)
	if err != nil {
		return nil, err
	}
	return n.sockets(ctx)
}

// RootSQL runs statements as root over the unix socket of a side's mysqld.
func (p *Pair) RootSQL(ctx context.Context, side topology.Side, statements string) (string, error) {
	return p.on(side).RootSQL(ctx, statements)
}

// Put writes a file into a node from outside.
func (p *Pair) Put(ctx context.Context, side topology.Side, node string, f topology.File) error {
	n, err := p.node(side, node)
	if err != nil {
		return err
	}
	return n.put(ctx, []topology.File{f})
}

// Listen opens a port in a node's network namespace until stop is called.
func (p *Pair) Listen(ctx context.Context, side topology.Side, node string, port int) (stop func() error, err error) {
	n, err := p.node(side, node)
	if err != nil {
		return nil, err
	}
	return n.listen(ctx, port)
}

// Where says how to reach a kept pair, for people.
func (p *Pair) Where() string {
	var at []string
	for _, c := range p.Clusters() {
		at = append(at, fmt.Sprintf("%s mysqld at %s (container %s)", c.Side, *c.sql().door.Load(), c.sql().containerName()))
	}
	return strings.Join(at, ", ")
}
