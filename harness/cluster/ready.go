package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/mgm"
	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Started waits until the management node reports every data node `started`.
func (c *Cluster) Started(ctx context.Context) error {
	want := len(c.Spec.Of(topology.Ndbmtd))
	seen := ""
	return poll.Every(ctx, time.Second, fmt.Sprintf("%d data nodes of the %s cluster", want, c.Spec.Name), func(ctx context.Context) error {
		out, err := c.Mgm(ctx, "all status")
		if err != nil {
			return err
		}
		nodes, err := mgm.ParseStatus(out)
		if err != nil {
			return err
		}
		started, line := 0, []string{}
		for _, n := range nodes {
			if n.State == "started" {
				started++
			}
			line = append(line, fmt.Sprintf("node %d %s", n.ID, n.State))
		}
		if now := strings.Join(line, ", "); now != seen {
			seen = now
			c.say("ndb", "", now)
		}
		if started < want {
			return fmt.Errorf("%d of %d started: %s", started, want, seen)
		}
		return nil
	})
}

// Mgm gives a command to the management client, run beside the management node.
func (c *Cluster) Mgm(ctx context.Context, command string) (string, error) {
	n := c.first(topology.Mgmd)
	out, err := n.tool(ctx, node.Command{Argv: mgm.Argv(n.Host, command)})
	if err != nil {
		return "", err
	}
	if out.Exit != 0 {
		return "", fmt.Errorf("ndb_mgm -e %q: exit %d: %s", command, out.Exit, brief.Line(out.Stdout+out.Stderr))
	}
	return out.Stdout, nil
}

// tool runs a client program of the release in the node's container, or, when
// the node's image lacks it, beside the node in the image that lends tools.
func (n *Node) tool(ctx context.Context, c node.Command) (node.Output, error) {
	name := c.Argv[0]
	for _, m := range n.spec.Layout.Missing {
		if m == name {
			return n.borrow(ctx, c)
		}
	}
	c.Argv = append([]string{n.spec.Layout.Program(name)}, c.Argv[1:]...)
	return n.exec(ctx, c)
}

// Serving waits until mysqld greets, NDB takes writes there, and the binlog
// injector is set up; then the accounts exist, and Admin works. The logs are
// encrypted afterwards in the way that the release needs.
func (c *Cluster) Serving(ctx context.Context) error {
	if err := c.sql().listens(ctx, c.Server); err != nil {
		return err
	}
	c.say("greeting", c.sql().Name, "mysqld listens")
	if err := c.bootstrap(ctx, replication.HarnessTables+secure.BootstrapSQL(c.Spec.Profile, c.secrets.admin, c.secrets.root)); err != nil {
		return err
	}
	if err := c.Server.OpenPool(c.secrets.admin); err != nil {
		return err
	}
	if err := c.Server.AwaitInjector(ctx); err != nil {
		return err
	}
	c.say("serving", c.sql().Name, "ndb writable, binlog injector set up")
	return nil
}

// listens waits until a mysqld greets at its door.
func (n *Node) listens(ctx context.Context, s *replication.Server) error {
	if err := n.findDoor(ctx); err != nil {
		return err
	}
	return s.AwaitGreeting(ctx)
}

// bootstrap is the first session: root over the socket, whose password is still
// empty. It is repeated until NDB takes the writes: before that the server says
// that tables are read only, and refuses accounts ("stored grants: not
// initialized").
func (c *Cluster) bootstrap(ctx context.Context, script string) error {
	return poll.Every(ctx, 200*time.Millisecond, fmt.Sprintf("%s to take writes to NDB", c.sql()), func(ctx context.Context) error {
		_, err := c.sql().socketSQL(ctx, secret.Secret{}, script)
		if err != nil && strings.Contains(err.Error(), "ERROR 1045") {
			return poll.Stop(err)
		}
		return err
	})
}

// RootSQL runs statements as root over the unix socket, inside the container.
func (c *Cluster) RootSQL(ctx context.Context, statements string) (string, error) {
	return c.sql().socketSQL(ctx, c.secrets.root, statements)
}

func (n *Node) socketSQL(ctx context.Context, password secret.Secret, statements string) (string, error) {
	cmd := node.Command{
		Argv:  []string{"mysql", "--no-defaults", "-u", secure.Root, "--socket=" + topology.SocketPath, "--batch", "--skip-column-names"},
		Stdin: statements,
	}
	if password.Reveal() != "" {
		cmd.Env = map[string]string{"MYSQL_PWD": password.Reveal()}
	}
	out, err := n.tool(ctx, cmd)
	if err != nil {
		return "", err
	}
	if out.Exit != 0 {
		return "", fmt.Errorf("root's session on the socket of %s: exit %d: %s", n, out.Exit, brief.Line(out.Stderr))
	}
	return out.Stdout, nil
}

// server is the node's mysqld as SQL sees it, of the cluster as it is now.
func (n *Node) server() *replication.Server {
	return replication.NewServer(n.Side, n.Name, func() topology.Spec { return n.cluster.Spec }, n.cluster.options.Keys.Authority.Pool(), n.reach)
}

// Encrypt switches log encryption on where the configuration could not, because
// the release has defect F1 (docs/findings.md): at run time, once the injector
// is ready, and then without the clear log that came before. Never persisted:
// the next start would crash.
func (c *Cluster) Encrypt(ctx context.Context) error {
	late, err := c.Server.EncryptNew(ctx)
	if err == nil && late {
		c.say("encrypted", c.sql().Name, release.F1.ID+" worked around: encryption switched on at run time, the clear log removed")
	}
	return err
}
