package images

import (
	"context"
	"errors"
	"fmt"

	"ndbproof/harness/engine"
)

// Try runs a program in a container of an image, without a network, and gives
// what it wrote. user "" is the image's own. A program that ends with another
// code than 0 is an error.
func Try(ctx context.Context, e *engine.Run, ref, user string, argv ...string) (output string, err error) {
	m := maker{Run: e}
	id, err := m.create(ctx, engine.Container{Image: ref, User: user, Argv: argv})
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
func Forget(ctx context.Context, e *engine.Engine, o Options) error {
	if o.Repository == "" {
		return errors.New("remove images: without a repository of one's own these would be the images in use")
	}
	return e.RemoveImagesOf(ctx, o.Repository)
}
