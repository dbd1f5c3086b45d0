package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/docker/docker/api/types/container"
)

// Inspect is what the engine tells of a container.
type Inspect struct {
	Running  bool
	Exit     int    // of its last end
	OOM      bool   // the kernel ended it for want of memory
	Started  string // when it last started, for LogRange.Since
	Networks map[string]Endpoint
	Raw      json.RawMessage // all of it
	ports    map[int]string
}

// Endpoint is a container on one of its networks.
type Endpoint struct{ IP, IPv6, Gateway string }

// Port gives the port of 127.0.0.1 at which a TCP port of the container is
// published; "" for none.
func (i Inspect) Port(port int) string { return i.ports[port] }

// Inspect asks for a container.
func (e *Engine) Inspect(ctx context.Context, id string) (Inspect, error) {
	in, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return Inspect{}, err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return Inspect{}, fmt.Errorf("read what the engine tells: %w", err)
	}
	out := Inspect{Raw: raw, Networks: map[string]Endpoint{}, ports: map[int]string{}}
	if in.ContainerJSONBase != nil && in.State != nil {
		out.Running, out.Exit, out.OOM, out.Started = in.State.Running, in.State.ExitCode, in.State.OOMKilled, in.State.StartedAt
	}
	if in.NetworkSettings != nil {
		out.network(in.NetworkSettings)
	}
	return out, nil
}

func (i *Inspect) network(s *container.NetworkSettings) {
	for name, at := range s.Networks {
		if at != nil {
			i.Networks[name] = Endpoint{at.IPAddress, at.GlobalIPv6Address, at.Gateway}
		}
	}
	for port, at := range s.Ports {
		if len(at) > 0 && port.Proto() == "tcp" {
			i.ports[port.Int()] = at[0].HostPort
		}
	}
}

// CommandLines gives process id and arguments of all that runs in a container,
// as the engine's ps has them.
func (e *Engine) CommandLines(ctx context.Context, id string) ([][]string, error) {
	top, err := e.api.ContainerTop(ctx, id, []string{"-eo", "pid,args"})
	return top.Processes, err
}
