package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/testcontainers/testcontainers-go"

	"ndbproof/harness/node"
	"ndbproof/harness/topology"
)

// Intrude runs a program of the release in a new container that belongs to nobody:
// it is on a side's cluster network, and has no configuration, no certificate, no
// password and no volume. The container is removed afterwards.
func (p *Pair) Intrude(ctx context.Context, side topology.Side, c node.Command) (node.Output, error) {
	n := p.on(side).first(topology.Mgmd)
	out, err := n.stranger(ctx, c)
	if err != nil {
		return out, fmt.Errorf("run %s in a stranger's container on the %s's network: %w", c.Argv[0], side, err)
	}
	return out, nil
}

func (n *Node) stranger(ctx context.Context, c node.Command) (out node.Output, err error) {
	e, o := n.cluster.engine, n.cluster.options
	image, program := n.Image, n.spec.Layout.Program(c.Argv[0])
	if slices.Contains(n.spec.Layout.Missing, c.Argv[0]) {
		image, program = o.Tools, c.Argv[0]
	}
	labels := e.Lease.Labels()
	labels[labelSide] = string(n.Side)
	making, cancel := whole(ctx)
	defer cancel()
	box, err := e.provider.CreateContainer(making, testcontainers.ContainerRequest{
		Image: image, Name: n.containerName() + "-stranger-" + strings.ToLower(rand.Text()[:6]), Labels: labels, Entrypoint: []string{program}, Cmd: c.Argv[1:],
		Networks: []string{n.cluster.networks.cluster},
		ConfigModifier: func(cfg *container.Config) {
			cfg.User = n.user()
			cfg.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		},
	})
	if err != nil {
		return out, err
	}
	id := box.GetContainerID()
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, e.api.ContainerRemove(clean, id, container.RemoveOptions{Force: true, RemoveVolumes: true}))
	}()
	ends, fails := e.api.ContainerWait(ctx, id, container.WaitConditionNextExit)
	if err := box.Start(ctx); err != nil {
		return out, err
	}
	select {
	case end := <-ends:
		out.Exit = int(end.StatusCode)
	case err := <-fails:
		return out, errors.Join(err, context.Cause(ctx))
	}
	rc, err := e.api.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return out, err
	}
	defer rc.Close() //nolint:errcheck // read only
	var said, complained strings.Builder
	_, err = stdcopy.StdCopy(&said, &complained, rc)
	out.Stdout, out.Stderr = said.String(), complained.String()
	return out, err
}
