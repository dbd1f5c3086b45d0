package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"
	"github.com/testcontainers/testcontainers-go"

	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// What is done with the volume of a node that is stopped, by a container of its
// own: copies for a way back that is not in place, and the move of a keyring.

// limitErrand is far above what a copy of some hundred megabytes takes.
const limitErrand = 3 * time.Minute

// errand runs a program on the node's volume, and on others given as
// name:directory, and waits for its end, which must be with 0.
func (n *Node) errand(ctx context.Context, what, user string, config topology.Config, others ...string) (err error) {
	ctx, done := poll.WithLimit(ctx, limitErrand, what+" of "+n.String())
	defer done()
	e := n.cluster.engine
	labels := e.Lease.Labels()
	labels[labelSide] = string(n.Side)
	helper := &Node{Node: n.Node, Side: n.Side, spec: n.spec, cluster: n.cluster}
	making, cancel := whole(ctx)
	defer cancel()
	box, err := e.provider.CreateContainer(making, testcontainers.ContainerRequest{
		Image: n.Image, Name: n.containerName() + "-errand", Labels: labels,
		Entrypoint: config.Argv[:1], Cmd: config.Argv[1:],
		ConfigModifier: func(c *container.Config) {
			c.User, c.WorkingDir = user, config.Volume
			c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = "none"
			h.Binds = append([]string{n.volume() + ":" + config.Volume}, others...)
		},
		LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
			PostCreates: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				helper.id = c.GetContainerID()
				return helper.put(ctx, config.Files)
			}},
		}},
	})
	if helper.id != "" {
		defer func() {
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			defer cancel()
			err = errors.Join(err, e.api.ContainerRemove(clean, helper.id, container.RemoveOptions{Force: true}))
		}()
	}
	if err == nil {
		err = box.Start(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", what, n, err)
	}
	d, err := helper.AwaitEnd(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s of %s: %w", what, n, err)
	case d.Exit != 0:
		return fmt.Errorf("%s of %s: exit %d: %s", what, n, d.Exit, oneLine(d.Tail))
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
	labels := c.engine.Lease.Labels()
	labels[labelSide], labels[labelNode] = string(n.Side), n.Name
	if _, err := c.engine.api.VolumeCreate(ctx, volume.CreateOptions{Name: n.keptVolume(), Labels: labels}); err != nil {
		return fmt.Errorf("make a volume for the copy of %s: %w", n, err)
	}
	return n.errand(ctx, "keep a copy of the volume", "0:0", n.duplicate(n.config.Volume, kept), n.keptVolume()+":"+kept)
}

// RestoreCopy puts a stopped node's volume back to what KeepCopy kept. What was
// written since is gone from it.
func (c *Cluster) RestoreCopy(ctx context.Context, name string) error {
	n, err := c.Node(name)
	if err != nil {
		return err
	}
	if _, err := c.engine.api.VolumeInspect(ctx, n.keptVolume()); err != nil {
		return fmt.Errorf("restore the copy of the volume of %s: %w", n, err)
	}
	return n.errand(ctx, "restore the copy of the volume", "0:0", n.duplicate(kept, n.config.Volume), n.keptVolume()+":"+kept+":ro")
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
