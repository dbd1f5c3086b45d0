package engine

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/network"
	"github.com/testcontainers/testcontainers-go"
)

// MakeNetwork makes a network and gives its full name, of which the run is part.
// From an internal one no packet leaves the machine.
func (r *Run) MakeNetwork(ctx context.Context, name string, internal bool) (string, error) {
	full := "ndbproof-" + r.Lease.Run + "-" + name
	ctx, cancel := whole(ctx)
	defer cancel()
	//nolint:staticcheck // the successor, network.New, picks random names, and people read these
	_, err := r.provider.CreateNetwork(ctx, testcontainers.NetworkRequest{
		Name: full, Driver: "bridge", Internal: internal, Labels: r.Lease.Labels(),
	})
	if err != nil {
		return "", fmt.Errorf("make network %s: %w", full, err)
	}
	return full, nil
}

// Gateways gives the machine's own addresses on a network.
func (e *Engine) Gateways(ctx context.Context, name string) ([]string, error) {
	in, err := e.api.NetworkInspect(ctx, name, network.InspectOptions{})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, c := range in.IPAM.Config {
		if c.Gateway != "" {
			all = append(all, c.Gateway)
		}
	}
	return all, nil
}
