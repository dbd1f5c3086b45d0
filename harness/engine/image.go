package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
)

// Image is an image that the engine has.
type Image struct {
	ID     string
	Size   int64 // bytes
	Layers int
	ImageConfig
}

// ImageConfig is what an image says of itself.
type ImageConfig struct {
	User        string
	Dir         string // working directory
	Entrypoint  []string
	Cmd         []string
	Env         []string // name=value
	Healthcheck []string // "NONE" for none; nil: not said
	Volumes     []string // paths, sorted
	Labels      map[string]string
}

// InspectImage asks for an image.
func (e *Engine) InspectImage(ctx context.Context, ref string) (Image, error) {
	in, err := e.api.ImageInspect(ctx, ref)
	if err != nil {
		return Image{}, err
	}
	out := Image{ID: in.ID, Size: in.Size, Layers: len(in.RootFS.Layers)}
	if c := in.Config; c != nil {
		out.ImageConfig = ImageConfig{
			User: c.User, Dir: c.WorkingDir, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env,
			Volumes: slices.Sorted(maps.Keys(c.Volumes)), Labels: c.Labels,
		}
		if c.Healthcheck != nil {
			out.Healthcheck = c.Healthcheck.Test
		}
	}
	return out, nil
}

// HasImage tells whether the engine has an image.
func (e *Engine) HasImage(ctx context.Context, ref string) (bool, error) {
	_, err := e.api.ImageInspect(ctx, ref)
	if IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for image %s: %w", ref, err)
	}
	return true, nil
}

// LabelledImage gives the newest image with all of these labels (name, or
// name=value); "" when there is none.
func (e *Engine) LabelledImage(ctx context.Context, labels ...string) (ref string, err error) {
	f := filters.NewArgs()
	for _, l := range labels {
		f.Add("label", l)
	}
	all, err := e.api.ImageList(ctx, image.ListOptions{Filters: f})
	if err != nil {
		return "", fmt.Errorf("list images: %w", err)
	}
	slices.SortFunc(all, func(a, b image.Summary) int { return cmp.Compare(b.Created, a.Created) })
	for _, i := range all {
		for _, tag := range i.RepoTags {
			if tag != "<none>:<none>" {
				return tag, nil
			}
		}
	}
	return "", nil
}

// ImagesOf gives the names of all images of a repository.
func (e *Engine) ImagesOf(ctx context.Context, repository string) ([]string, error) {
	all, err := e.imagesOf(ctx, repository)
	var refs []string
	for _, i := range all {
		refs = append(refs, i.RepoTags...)
	}
	return refs, err
}

// RemoveImagesOf removes all images of a repository.
func (e *Engine) RemoveImagesOf(ctx context.Context, repository string) error {
	all, err := e.imagesOf(ctx, repository)
	if err != nil {
		return err
	}
	var errs []error
	for _, i := range all {
		_, err := e.api.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove images of %s: %w", repository, err)
	}
	return nil
}

func (e *Engine) imagesOf(ctx context.Context, repository string) ([]image.Summary, error) {
	all, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", repository+"/*"))})
	if err != nil {
		return nil, fmt.Errorf("list images of %s: %w", repository, err)
	}
	return all, nil
}

// AskRegistry asks an image's registry for it and fetches nothing.
func (e *Engine) AskRegistry(ctx context.Context, ref string) error {
	_, err := e.api.DistributionInspect(ctx, ref, "")
	return err
}
