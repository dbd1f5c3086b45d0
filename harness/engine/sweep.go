package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"ndbproof/harness/lock"
	"ndbproof/harness/poll"
)

// Holding is what one run has on the engine.
type Holding struct {
	Run        string
	Keep       bool
	Alive      bool
	Memory     int64  // bytes it was planned with
	Lock       string // the file that is locked while it is alive
	Containers []string
	Networks   []string
	Volumes    []string
}

// Count is the number of its objects.
func (h Holding) Count() int { return len(h.Containers) + len(h.Networks) + len(h.Volumes) }

// Holdings lists what runs have on the engine, found by labels, sorted by run.
// With a run's name: that run only.
func (e *Engine) Holdings(ctx context.Context, run string) ([]Holding, error) {
	f := filters.NewArgs(filters.Arg("label", labelRun))
	if run != "" {
		f = filters.NewArgs(filters.Arg("label", labelRun+"="+run))
	}
	found := map[string]*Holding{}
	of := func(l map[string]string) *Holding {
		h := found[l[labelRun]]
		if h == nil {
			keep, _ := strconv.ParseBool(l[labelKeep])
			mem, _ := strconv.ParseInt(l[labelMemory], 10, 64)
			h = &Holding{Run: l[labelRun], Keep: keep, Alive: alive(l), Memory: mem, Lock: l[labelLock]}
			found[l[labelRun]] = h
		}
		return h
	}
	cs, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range cs {
		if c.Labels[labelRun] == "" {
			continue // started by hand from an image that was made here, which has the label without a value
		}
		h := of(c.Labels)
		h.Containers = append(h.Containers, c.ID)
	}
	ns, err := e.api.NetworkList(ctx, network.ListOptions{Filters: f})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, n := range ns {
		h := of(n.Labels)
		h.Networks = append(h.Networks, n.ID)
	}
	vs, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: f})
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	for _, v := range vs.Volumes {
		h := of(v.Labels)
		h.Volumes = append(h.Volumes, v.Name)
	}
	var out []Holding
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, *found[name])
	}
	return out, nil
}

// Sweep removes what dead runs left behind and did not mean to keep, and gives
// what it removed. With kept, also what was kept. Lock files and temporary
// folders of dead processes go, too.
func (e *Engine) Sweep(ctx context.Context, kept bool) ([]Holding, error) {
	all, err := e.Holdings(ctx, "")
	if err != nil {
		return nil, err
	}
	var gone []Holding
	for _, h := range all {
		if h.Alive || (h.Keep && !kept) {
			continue
		}
		if err := e.removeRun(ctx, h.Run); err != nil {
			return gone, fmt.Errorf("remove what run %s left: %w", h.Run, err)
		}
		_ = os.Remove(h.Lock) // gone, unless the run was killed
		gone = append(gone, h)
	}
	_, err = lock.Sweep()
	return gone, err
}

func (r *Run) clear(ctx context.Context) error {
	if err := r.removeRun(ctx, r.Lease.Run); err != nil {
		return fmt.Errorf("%w; `ndbproof down` tries again", err)
	}
	return nil
}

// removeRun takes everything of a run away, and looks again until there is nothing:
// the engine goes on making a container for a client that was killed, does not
// list it before it is whole, and by then it holds a volume.
func (e *Engine) removeRun(ctx context.Context, run string) error {
	ctx, cancel := poll.WithLimit(ctx, time.Minute, "removing run "+run)
	defer cancel()
	return poll.Every(ctx, 200*time.Millisecond, "the removal of run "+run, func(ctx context.Context) error {
		hs, err := e.Holdings(ctx, run)
		if err != nil {
			return poll.Stop(err)
		}
		if len(hs) == 0 {
			return nil
		}
		if err := e.removeOnce(ctx, hs[0]); err != nil {
			return err
		}
		if hs, err = e.Holdings(ctx, run); err != nil {
			return poll.Stop(err)
		}
		if len(hs) > 0 {
			return fmt.Errorf("%d objects have come since", hs[0].Count())
		}
		return nil
	})
}

// removeOnce tries each object once, containers first. A conflict (still being
// made, or another process removes it) is an error like any other.
func (e *Engine) removeOnce(ctx context.Context, h Holding) error {
	step := func(names []string, rm func(string) error) error {
		var g errgroup.Group
		for _, n := range names {
			g.Go(func() error {
				if err := rm(n); !IsNotFound(err) {
					return err
				}
				return nil
			})
		}
		return g.Wait()
	}
	return errors.Join(
		step(h.Containers, func(id string) error { return e.removeContainer(ctx, id) }),
		step(h.Networks, func(id string) error { return e.api.NetworkRemove(ctx, id) }),
		step(h.Volumes, func(id string) error { return e.api.VolumeRemove(ctx, id, true) }),
	)
}
