package cluster

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/testcontainers/testcontainers-go"

	"ndbproof/harness/topology"
)

// ProgramsOf gives the sha256 of each role's program as it lies in an image, read
// from a container that is never started: what a node's running program must be.
func (e *Engine) ProgramsOf(ctx context.Context, image string, s topology.Spec) (sums map[topology.Role]string, err error) {
	files, err := s.Render()
	if err != nil {
		return nil, err
	}
	making, cancel := whole(ctx)
	defer cancel()
	box, err := e.provider.CreateContainer(making, testcontainers.ContainerRequest{
		Image: image, Labels: e.Lease.Labels(), Entrypoint: []string{"/none"},
		ConfigModifier: func(c *container.Config) { c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}} },
	})
	if err != nil {
		return nil, fmt.Errorf("look into image %s: %w", image, err)
	}
	id := box.GetContainerID()
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, e.api.ContainerRemove(clean, id, container.RemoveOptions{Force: true, RemoveVolumes: true}))
	}()
	sums = map[topology.Role]string{}
	for _, f := range files {
		if sums[f.Node.Role] != "" {
			continue
		}
		if sums[f.Node.Role], err = e.sumIn(ctx, id, f.Argv[0]); err != nil {
			return nil, fmt.Errorf("read %s in image %s: %w", f.Argv[0], image, err)
		}
	}
	return sums, nil
}

// sumIn gives the sha256 of a file in a container. A link is followed, as the
// kernel does for /proc/1/exe.
func (e *Engine) sumIn(ctx context.Context, id, name string) (string, error) {
	for range 8 {
		rc, _, err := e.api.CopyFromContainer(ctx, id, name)
		if err != nil {
			return "", err
		}
		t := tar.NewReader(rc)
		h, err := t.Next()
		sum := sha256.New()
		if err == nil && h.Typeflag == tar.TypeReg {
			_, err = io.Copy(sum, t) //nolint:gosec // as long as the engine says it is
		}
		if err := errors.Join(err, rc.Close()); err != nil {
			return "", err
		}
		switch h.Typeflag {
		case tar.TypeReg:
			return hex.EncodeToString(sum.Sum(nil)), nil
		case tar.TypeSymlink:
			folder := path.Dir(name)
			if name = h.Linkname; !path.IsAbs(name) {
				name = path.Join(folder, name)
			}
		default:
			return "", errors.New("it is no file")
		}
	}
	return "", errors.New("it is a link to a link to a link")
}
