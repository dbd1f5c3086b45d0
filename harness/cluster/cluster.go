package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/engine"
	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Options are what a cluster needs besides its Spec.
type Options struct {
	Engine  *engine.Run
	Image   string // of all nodes
	Tools   string // image that lends the programs in Spec.Layout.Missing; "" when none is
	Probe   string // image of the companion containers
	Keys    *Keys
	Secrets *secret.Set
	Say     func(kind string, side topology.Side, node, text string) // the timeline; may be nil
	Link    string                                                   // network between the clusters; "" for a cluster alone
}

// Cluster is a running cluster, or what there is of one.
type Cluster struct {
	Spec  topology.Spec
	Side  topology.Side
	Nodes []*Node
	// Server is its mysqld as SQL sees it. It has no pool before Serving.
	Server *replication.Server

	launched topology.Spec // as it was first: what a restart goes back to
	engine   *engine.Run
	options  Options
	networks struct{ cluster, door string }
	spare    spares
	second   atomic.Pointer[Cluster] // as a second mysqld sees it, while there is one
	writing  *sql.DB                 // the load's, at the mysqld that takes writes; nil until it is asked for
	lines    lines                   // of writing
	secrets  struct{ admin, root secret.Secret }
}

// Launch makes and starts a cluster: its networks, volumes and containers, all
// at once. It does not wait for NDB: Started and Serving do. On error it also
// gives the half-built cluster, for evidence and Close.
func Launch(ctx context.Context, side topology.Side, s topology.Spec, o Options) (*Cluster, error) {
	c := &Cluster{Spec: s, Side: side, launched: s, engine: o.Engine, options: o}
	c.secrets.admin, c.secrets.root = secret.New(), secret.New()
	err := errors.Join(
		o.Secrets.Add("password of "+secure.AdminUser+" at the "+s.Name, c.secrets.admin),
		o.Secrets.Add("password of root at the "+s.Name, c.secrets.root),
	)
	if err != nil {
		return c, err
	}
	files, err := s.Render()
	if err != nil {
		return c, fmt.Errorf("render the configuration of the %s cluster: %w", s.Name, err)
	}
	for _, f := range files {
		f.Files = append(f.Files, c.tlsFiles(s, f.Node)...)
		c.Nodes = append(c.Nodes, &Node{Node: f.Node, Side: side, Image: o.Image, spec: s, config: f, cluster: c})
	}
	c.Server = c.sql().server()
	if err := c.makeNetworks(ctx); err != nil {
		return c, err
	}
	if err := c.startNodes(ctx); err != nil {
		return c, err
	}
	c.say("started", "", fmt.Sprintf("%d containers", len(c.Nodes)))
	return c, nil
}

// tlsFiles are the certificates and keys that a node needs: a mysqld's.
func (c *Cluster) tlsFiles(s topology.Spec, n topology.Node) []topology.File {
	if n.Role != topology.Mysqld {
		return nil
	}
	k := c.options.Keys
	return s.TLSFiles(k.Authority, k.Server[c.Side], k.Client)
}

// startNodes creates all nodes at once, and starts the others in the order of the Spec
// when the management node runs: a data node that finds none waits before it asks again.
func (c *Cluster) startNodes(ctx context.Context) error {
	after := map[string]time.Duration{}
	for _, s := range c.Spec.StartOrder() {
		after[s.Node] = s.After
	}
	g, ctx := errgroup.WithContext(ctx)
	managed := make(chan struct{})
	for _, n := range c.Nodes {
		g.Go(func() error {
			if err := n.create(ctx, c.attachments(n)); err != nil {
				return err
			}
			if n.Role == topology.Mgmd {
				defer close(managed)
				return n.start(ctx)
			}
			select {
			case <-managed:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := poll.At(ctx, time.Now().Add(after[n.Name])); err != nil {
				return err
			}
			return n.start(ctx)
		})
	}
	return g.Wait()
}

func (c *Cluster) say(kind, node, text string) {
	if c.options.Say != nil {
		c.options.Say(kind, c.Side, node, text)
	}
}

// user is what a node's program runs as, by number: a foreign image may not know
// the name.
func (n *Node) user() string {
	return fmt.Sprintf("%d:%d", n.spec.Layout.UID, n.spec.Layout.GID)
}

func (c *Cluster) makeNetworks(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() (err error) {
		c.networks.cluster, err = c.engine.MakeNetwork(ctx, c.Spec.Name, true)
		return err
	})
	g.Go(func() (err error) {
		c.networks.door, err = c.engine.MakeNetwork(ctx, "door-"+c.Spec.Name, false)
		return err
	})
	return g.Wait()
}

// attachments: everybody on the cluster's network under its HostName; a mysqld
// also on the link, under the name in its certificate, and at its own door,
// the only network that is not internal.
func (c *Cluster) attachments(n *Node) []engine.Attachment {
	at := []engine.Attachment{{Network: c.networks.cluster, Aliases: []string{n.Host}}}
	if n.Role != topology.Mysqld {
		return at
	}
	if c.options.Link != "" {
		at = append(at, engine.Attachment{Network: c.options.Link, Aliases: []string{c.Spec.LinkHost()}})
	}
	return append(at, engine.Attachment{Network: c.networks.door})
}

// Node gives a node by name.
func (c *Cluster) Node(name string) (*Node, error) {
	for _, n := range c.Nodes {
		if n.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the %s cluster has no node %q", c.Spec.Name, name)
}

// everyNode also has the second mysqld, while there is one.
func (c *Cluster) everyNode() []*Node {
	if s := c.second.Load(); s != nil {
		return append(slices.Clone(c.Nodes), s.Nodes...)
	}
	return c.Nodes
}

// first gives the first node of a role.
func (c *Cluster) first(r topology.Role) *Node {
	for _, n := range c.Nodes {
		if n.Role == r {
			return n
		}
	}
	return nil
}

// SQLNode is the cluster's mysqld.
func (c *Cluster) SQLNode() *Node { return c.sql() }

func (c *Cluster) sql() *Node { return c.first(topology.Mysqld) }

// Password of an account of the harness on this cluster.
func (c *Cluster) password(user string) (secret.Secret, bool) {
	switch user {
	case secure.AdminUser:
		return c.secrets.admin, true
	case secure.Root:
		return c.secrets.root, true
	}
	return secret.Secret{}, false
}

// findDoor asks the engine for the port that it published.
func (n *Node) findDoor(ctx context.Context) error {
	in, err := n.cluster.engine.Inspect(ctx, n.id)
	if err != nil {
		return fmt.Errorf("find the port of %s: %w", n, err)
	}
	port := in.Port(mysqlPort)
	if port == "" {
		return fmt.Errorf("find the port of %s: the engine published none", n)
	}
	door := net.JoinHostPort("127.0.0.1", port)
	way := door
	if at := in.Networks[n.cluster.networks.door]; ours(at.Gateway) {
		way = net.JoinHostPort(at.IP, strconv.Itoa(mysqlPort))
	}
	n.door.Store(&door)
	n.way.Store(&way)
	return nil
}

// ours tells whether an address is one of this machine's. When a network's gateway
// is, its containers can be reached without the engine's proxy, which reads and
// writes every packet once more; the server sees the same peer either way. Where
// the engine runs in a virtual machine it is not.
func ours(address string) bool {
	all, err := net.InterfaceAddrs()
	return err == nil && address != "" && slices.ContainsFunc(all, func(a net.Addr) bool {
		prefix, ok := a.(*net.IPNet)
		return ok && prefix.IP.String() == address
	})
}

// reach opens a connection to a mysqld, at the address that it has now.
func (n *Node) reach(ctx context.Context) (net.Conn, error) {
	way := n.way.Load()
	if way == nil {
		return nil, fmt.Errorf("reach %s: its port is not known yet", n)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", *way)
}

// Expect tells that the nodes may end from now on.
func (c *Cluster) expectEnd() {
	for _, n := range c.Nodes {
		n.leaving.Store(true)
	}
}

// Close ends connections. TearDown removes containers.
func (c *Cluster) close() {
	c.expectEnd()
	if c.Server != nil {
		c.Server.Close()
	}
	if c.writing != nil {
		_ = c.writing.Close()
	}
	if s := c.second.Load(); s != nil {
		s.close()
	}
	c.spare.close()
}

// TearDown ends the connections to clusters and removes everything of their run.
// It works in a context of its own: it is called when the run's has ended.
func TearDown(e *engine.Run, clusters ...*Cluster) error {
	for _, c := range clusters {
		if c != nil {
			c.close()
		}
	}
	return e.TearDown()
}
