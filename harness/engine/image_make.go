package engine

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"ndbproof/harness/brief"
)

// Pull fetches an image from its registry.
func (r *Run) Pull(ctx context.Context, ref string) error {
	rc, err := r.api.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return fmt.Errorf("pull image %s: %w", ref, err)
	}
	return r.arrive(ctx, "pull", ref, rc)
}

// Import makes an image of one layer from a tar stream. Changes are instructions
// of a Dockerfile.
func (r *Run) Import(ctx context.Context, from io.Reader, ref string, changes ...string) error {
	rc, err := r.api.ImageImport(ctx, image.ImportSource{Source: from, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("import image %s: %w", ref, err)
	}
	return r.arrive(ctx, "import", ref, rc)
}

// arrive waits for the end of a call that gives an image, which reports its
// failure only in what it writes.
func (r *Run) arrive(ctx context.Context, verb, ref string, rc io.ReadCloser) error {
	defer rc.Close() //nolint:errcheck // read only
	var said strings.Builder
	if _, err := io.Copy(&said, rc); err != nil {
		return fmt.Errorf("%s image %s: %w", verb, ref, err)
	}
	have, err := r.HasImage(ctx, ref)
	if err == nil && !have {
		err = fmt.Errorf("%s image %s: the engine says %s", verb, ref, brief.Last(said.String()))
	}
	return err
}

// Commit makes an image of a container. What c does not set is the container's:
// a nil slice or "". The labels of the lease are emptied, because they say whose
// the container was.
func (r *Run) Commit(ctx context.Context, id, ref string, c ImageConfig) error {
	// The engine adds the container's labels to the image, unless they are set.
	labels := map[string]string{}
	for l := range r.Lease.Labels() {
		labels[l] = ""
	}
	maps.Copy(labels, c.Labels)
	config := container.Config{User: c.User, WorkingDir: c.Dir, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, Labels: labels}
	if c.Healthcheck != nil {
		config.Healthcheck = &container.HealthConfig{Test: c.Healthcheck}
	}
	for _, v := range c.Volumes {
		if config.Volumes == nil {
			config.Volumes = map[string]struct{}{}
		}
		config.Volumes[v] = struct{}{}
	}
	if _, err := r.api.ContainerCommit(ctx, id, container.CommitOptions{Reference: ref, Config: &config}); err != nil {
		return fmt.Errorf("commit image %s: %w", ref, err)
	}
	return nil
}
