package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// What is done with the volume of a node that is stopped, by a container of its
// own: copies for a way back that is not in place, and the move of a keyring.

// limitErrand is far above what a copy of some hundred megabytes takes.
const limitErrand = 3 * time.Minute

// errand runs a program on the node's volume, and on other volumes, and waits for
// its end, which must be with 0.
func (n *Node) errand(ctx context.Context, what, user string, config topology.Config, others ...engine.Volume) error {
	ctx, done := poll.WithLimit(ctx, limitErrand, what+" of "+n.String())
	defer done()
	out, err := n.cluster.engine.RunToEnd(ctx, engine.Container{
		Image: n.Image, Name: n.containerName() + "-errand", Labels: map[string]string{labelSide: string(n.Side)},
		Argv: config.Argv, User: user, Dir: config.Volume, Files: n.files(config.Files),
		Volumes: append([]engine.Volume{{Name: n.volume(), Path: config.Volume}}, others...),
	})
	switch {
	case err != nil:
		return fmt.Errorf("%s of %s: %w", what, n, err)
	case out.Exit != 0:
		return fmt.Errorf("%s of %s: exit %d: %s", what, n, out.Exit, brief.Line(postmortem(out.Stdout+out.Stderr).Tail))
	}
	return nil
}

// keptVolume is where the copy of a node's volume lies.
func (n *Node) keptVolume() string { return n.volume() + "-kept" }

// kept is where it is mounted.
const kept = "/kept"

// KeepCopy copies a stopped node's volume: a mysqld's datadir with its keyring and
// auto.cnf, which belong together. One that was kept before is replaced.
func (c *Cluster) KeepCopy(ctx context.Context, name string) error {
	n, err := c.Node(name)
	if err != nil {
		return err
	}
	if err := c.engine.MakeVolume(ctx, n.keptVolume(), map[string]string{labelSide: string(n.Side), labelNode: n.Name}); err != nil {
		return fmt.Errorf("make a volume for the copy of %s: %w", n, err)
	}
	return n.errand(ctx, "keep a copy of the volume", "0:0", n.duplicate(n.config.Volume, kept), engine.Volume{Name: n.keptVolume(), Path: kept})
}

// RestoreCopy puts a stopped node's volume back to what KeepCopy kept. What was
// written since is gone from it.
func (c *Cluster) RestoreCopy(ctx context.Context, name string) error {
	n, err := c.Node(name)
	if err != nil {
		return err
	}
	if err := c.engine.FindVolume(ctx, n.keptVolume()); err != nil {
		return fmt.Errorf("restore the copy of the volume of %s: %w", n, err)
	}
	return n.errand(ctx, "restore the copy of the volume", "0:0", n.duplicate(kept, n.config.Volume), engine.Volume{Name: n.keptVolume(), Path: kept, ReadOnly: true})
}

// duplicate makes one directory what another one is: owners, modes and times too.
// It needs no more than a shell and coreutils of the image: a slim one has no find.
func (n *Node) duplicate(from, to string) topology.Config {
	script := strings.NewReplacer("FROM", from, "TO", to).Replace("rm -rf TO/* TO/.[!.]* TO/..?* && cp -a FROM/. TO/")
	return topology.Config{Volume: n.config.Volume, Argv: []string{"/bin/sh", "-ec", script}}
}

// MigrateKeyring has a stopped mysqld's own release take its keys from the
// keyring's plugin to the component.
func (c *Cluster) MigrateKeyring(ctx context.Context, name string) error {
	n, err := c.Node(name)
	if err != nil {
		return err
	}
	config, err := n.spec.KeyringMigration(n.Node)
	if err != nil {
		return err
	}
	return n.errand(ctx, "migrate the keyring", n.user(), config)
}
