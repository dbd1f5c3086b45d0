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

	"ndbproof/harness/engine"
	"ndbproof/harness/topology"
)

// ProgramsOf gives the sha256 of each role's program as it lies in an image, read
// from a container that is never started: what a node's running program must be.
func ProgramsOf(ctx context.Context, e *engine.Run, image string, s topology.Spec) (sums map[topology.Role]string, err error) {
	files, err := s.Render()
	if err != nil {
		return nil, err
	}
	id, err := e.Create(ctx, engine.Container{Image: image, Argv: []string{"/none"}})
	if err != nil {
		return nil, fmt.Errorf("look into image %s: %w", image, err)
	}
	defer func() { err = errors.Join(err, e.Discard(ctx, id)) }()
	sums = map[topology.Role]string{}
	for _, f := range files {
		if sums[f.Node.Role] != "" {
			continue
		}
		if sums[f.Node.Role], err = sumIn(ctx, e.Engine, id, f.Argv[0]); err != nil {
			return nil, fmt.Errorf("read %s in image %s: %w", f.Argv[0], image, err)
		}
	}
	return sums, nil
}

// sumIn gives the sha256 of a file in a container. A link is followed, as the
// kernel does for /proc/1/exe.
func sumIn(ctx context.Context, e *engine.Engine, id, name string) (string, error) {
	for range 8 {
		var h *tar.Header
		sum := sha256.New()
		err := e.CopyOut(ctx, id, name, func(t *tar.Reader) (err error) {
			if h, err = t.Next(); err == nil && h.Typeflag == tar.TypeReg {
				_, err = io.Copy(sum, t)
			}
			return err
		})
		if err != nil {
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
