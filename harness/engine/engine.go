package engine

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/testcontainers/testcontainers-go"
)

// Engine is a container engine that answers. It looks things up, acts on
// containers that are there, and removes what dead runs left; With gives what
// makes new ones.
type Engine struct {
	Facts    Facts
	api      *client.Client
	provider *testcontainers.DockerProvider
}

// Facts are what the engine says of itself.
type Facts struct {
	Version string `json:"version"`
	API     string `json:"api"` // as negotiated with the client
	Storage string `json:"storage"`
	OS      string `json:"os"`
	Kernel  string `json:"kernel"`
	Arch    string `json:"arch"` // as uname says: x86_64, aarch64
	CPUs    int    `json:"cpus"`
	Memory  int64  `json:"memory"` // bytes
	Root    string `json:"root"`   // where it keeps images and volumes
}

// MinAPI is the oldest API of the engine that is worked with (Engine 20.10).
const MinAPI = "1.41"

// Dial finds the engine (DOCKER_HOST, else the default socket) and asks it for
// its facts. It makes nothing.
func Dial(ctx context.Context) (*Engine, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("find the docker engine: %w", err)
	}
	info, err := api.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the docker engine at %s: %w; start it, or point DOCKER_HOST at one", api.DaemonHost(), err)
	}
	e := &Engine{api: api, Facts: Facts{
		Version: info.ServerVersion, API: api.ClientVersion(), Storage: info.Driver, OS: info.OperatingSystem,
		Kernel: info.KernelVersion, Arch: info.Architecture, CPUs: info.NCPU, Memory: info.MemTotal, Root: info.DockerRootDir,
	}}
	// Not every machine can pull Ryuk's image, and Ryuk would kill kept pairs; what
	// is left behind is found by its labels instead (docs/adr).
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, fmt.Errorf("switch the reaper off: %w", err)
	}
	e.provider, err = testcontainers.NewDockerProvider(
		testcontainers.WithLogger(log.New(io.Discard, "", 0)),
		// Without it the provider makes a network reaper_default, which leads outside,
		// and puts every container on it besides its own networks.
		testcontainers.WithDefaultBridgeNetwork(testcontainers.Bridge))
	if err != nil {
		return nil, fmt.Errorf("reach the docker engine: %w", err)
	}
	e.provider.SetClient(api)
	return e, nil
}

// Gone is an engine that answered before and does not any more.
type Gone struct {
	Host string
	Err  error
}

func (g *Gone) Error() string {
	return fmt.Sprintf("the docker engine at %s went away (%v); start it again, then `ndbproof down` removes what this run left", g.Host, g.Err)
}

func (g *Gone) Unwrap() error { return g.Err }

// Answers gives nil while the engine can be asked: else a *Gone, or why ctx
// ended.
func (e *Engine) Answers(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	brief, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := e.api.Ping(brief); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &Gone{e.api.DaemonHost(), err}
	}
	return nil
}

// Guard calls gone when the engine goes away, until ctx ends. Everything that
// waits asks the engine again and again, and would go on doing so. An engine that
// is back at once counts, too: its containers have ended.
func (e *Engine) Guard(ctx context.Context, gone func(error)) {
	// A stream of events that never come: its end is the engine's.
	never := filters.NewArgs(filters.Arg("type", "container"), filters.Arg("container", "ndbproof-nothing"))
	_, errs := e.api.Events(ctx, events.ListOptions{Filters: never})
	go func() {
		if err := <-errs; ctx.Err() == nil {
			gone(&Gone{e.api.DaemonHost(), err})
		}
	}()
}

// Close ends the connection to the engine.
func (e *Engine) Close() error { return e.api.Close() }

// IsNotFound tells whether an error of the engine says that an object, or a path
// in a container, does not exist.
func IsNotFound(err error) bool { return errdefs.IsNotFound(err) }
