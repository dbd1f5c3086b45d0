package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"
)

// Holding is what one run has on the engine.
type Holding struct {
	Run        string
	Keep       bool
	Alive      bool
	Memory     int64 // bytes it was planned with
	Containers []string
	Networks   []string
	Volumes    []string
}

// Count is the number of its objects.
func (h Holding) Count() int { return len(h.Containers) + len(h.Networks) + len(h.Volumes) }

// Holdings lists what runs have on the engine, told by labels, sorted by run.
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
			h = &Holding{Run: l[labelRun], Keep: keep, Alive: alive(l), Memory: mem}
			found[l[labelRun]] = h
		}
		return h
	}
	cs, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range cs {
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
// what it removed. With kept, also what was kept.
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
		if err := e.remove(ctx, h); err != nil {
			return gone, fmt.Errorf("remove what run %s left: %w", h.Run, err)
		}
		gone = append(gone, h)
	}
	return gone, nil
}

// clear removes everything of this run, found by label: also what an
// interrupted call made without our knowing.
func (e *Engine) clear(ctx context.Context) error {
	hs, err := e.Holdings(ctx, e.Lease.Run)
	if err != nil {
		return err
	}
	for _, h := range hs {
		if err := e.remove(ctx, h); err != nil {
			return fmt.Errorf("remove run %s: %w; `ndbproof down` tries again", h.Run, err)
		}
	}
	return nil
}

func (e *Engine) remove(ctx context.Context, h Holding) error {
	step := func(names []string, rm func(string) error) error {
		var g errgroup.Group
		for _, n := range names {
			g.Go(func() error {
				err := rm(n)
				if errdefs.IsNotFound(err) || (err != nil && errdefs.IsConflict(err) && e.gone(ctx, n)) {
					return nil
				}
				return err
			})
		}
		return g.Wait()
	}
	return errors.Join(
		step(h.Containers, func(id string) error {
			return e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		}),
		step(h.Networks, func(id string) error { return e.api.NetworkRemove(ctx, id) }),
		step(h.Volumes, func(id string) error { return e.api.VolumeRemove(ctx, id, true) }),
	)
}

// gone waits for a container whose removal somebody else had begun ("removal
// already in progress" is a conflict).
func (e *Engine) gone(ctx context.Context, id string) bool {
	done, errs := e.api.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-done:
		return true
	case err := <-errs:
		return errdefs.IsNotFound(err)
	case <-ctx.Done():
		return false
	}
}
