package images

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
)

// Try runs a program in a container of an image, without a network, and gives
// what it wrote. user "" is the image's own. A program that ends with another
// code than 0 is an error.
func Try(ctx context.Context, ref, user string, o Options, argv ...string) (output string, err error) {
	m, err := engine(o)
	if err != nil {
		return "", err
	}
	defer m.Close() //nolint:errcheck // nothing is to be written
	id, err := m.create(ctx, ref, user, "none", argv...)
	if err != nil {
		return "", err
	}
	defer m.discard(ctx, id)
	if output, err = m.runToEnd(ctx, id); err != nil {
		return output, fmt.Errorf("run %s in image %s: %w", argv[0], ref, err)
	}
	return output, nil
}

// Forget removes every image of a Repository of a test's own. It refuses to
// remove the images in use.
func Forget(ctx context.Context, o Options) error {
	if o.Repository == "" {
		return errors.New("remove images: without a repository of one's own these would be the images in use")
	}
	m, err := engine(o)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // nothing is to be written
	all, err := m.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", o.Repository+"/*"))})
	if err != nil {
		return fmt.Errorf("list images of %s: %w", o.Repository, err)
	}
	var errs []error
	for _, i := range all {
		_, err := m.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove images of %s: %w", o.Repository, err)
	}
	return nil
}
