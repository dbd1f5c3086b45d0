package engine

import (
	"context"
	"maps"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
)

// MakeVolume makes a volume, unless there is one of this name. labels are besides
// those of the lease.
func (r *Run) MakeVolume(ctx context.Context, name string, labels map[string]string) error {
	all := r.Lease.Labels()
	maps.Copy(all, labels)
	return r.makeVolume(ctx, name, all)
}

// MakeLastingVolume is MakeVolume for one that outlives the run: it has none of
// the lease's labels, and no sweep removes it.
func (r *Run) MakeLastingVolume(ctx context.Context, name string, labels map[string]string) error {
	return r.makeVolume(ctx, name, labels)
}

func (r *Run) makeVolume(ctx context.Context, name string, labels map[string]string) error {
	ctx, cancel := whole(ctx)
	defer cancel()
	_, err := r.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
	return err
}

// FindVolume fails when there is no volume of this name.
func (e *Engine) FindVolume(ctx context.Context, name string) error {
	_, err := e.api.VolumeInspect(ctx, name)
	return err
}

// RemoveVolume removes a volume, if there is one.
func (r *Run) RemoveVolume(ctx context.Context, name string) error {
	if err := r.api.VolumeRemove(ctx, name, true); !IsNotFound(err) {
		return err
	}
	return nil
}

// UsersOfVolume gives the ids of the containers that run with a volume.
func (e *Engine) UsersOfVolume(ctx context.Context, name string) ([]string, error) {
	all, err := e.api.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("volume", name))})
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids, err
}
