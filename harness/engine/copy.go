package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/container"
)

// File is a file, or a folder, that is put into a container.
type File struct {
	Path     string // absolute
	Folder   bool
	Mode     int64 // permission bits
	UID, GID int
	Content  []byte
}

// Put writes files into a container's file system, running or not, in the order
// given: a folder before what lies in it.
func (e *Engine) Put(ctx context.Context, id string, files []File) error {
	if len(files) == 0 {
		return nil
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := f.pack(w); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack files: %w", err)
	}
	return e.copyIn(ctx, id, &b)
}

func (f File) pack(w *tar.Writer) error {
	h := &tar.Header{Name: f.Path[1:], Typeflag: tar.TypeReg, Mode: f.Mode, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Content))}
	if f.Folder {
		h.Name, h.Typeflag = h.Name+"/", tar.TypeDir
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(f.Content)
	return err
}

// CopyIn copies what fill writes into the root of a container, without a file in
// between.
func (e *Engine) CopyIn(ctx context.Context, id string, fill func(*tar.Writer) error) error {
	err := Pipe(fill, func(r io.Reader) error { return e.copyIn(ctx, id, r) })
	if ctx.Err() != nil {
		return fmt.Errorf("copy files into a container: %w", context.Cause(ctx))
	}
	return err
}

func (e *Engine) copyIn(ctx context.Context, id string, r io.Reader) error {
	return e.api.CopyToContainer(ctx, id, "/", r, container.CopyToContainerOptions{})
}

// Pipe runs both ends of a tar stream. When both fail, the error is that of the
// end that failed first.
func Pipe(fill func(*tar.Writer) error, send func(io.Reader) error) error {
	r, pw := io.Pipe()
	var bad error
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		w := tar.NewWriter(pw)
		if bad = fill(w); bad == nil {
			bad = w.Close()
		}
		pw.CloseWithError(bad)
	}()
	err := send(r)
	_ = r.Close() // ends fill when nothing reads on; cannot fail
	<-filled
	if bad != nil && !errors.Is(bad, io.ErrClosedPipe) {
		return bad
	}
	return err
}

// CopyOut gives a file or folder of a container to take, as a tar stream in which
// names begin with the last part of name. What take leaves unread is dropped.
func (e *Engine) CopyOut(ctx context.Context, id, name string, take func(*tar.Reader) error) error {
	rc, _, err := e.api.CopyFromContainer(ctx, id, name)
	if err != nil {
		return err
	}
	return errors.Join(take(tar.NewReader(rc)), rc.Close())
}

// errNotRegular says that a path is no regular file.
var errNotRegular = errors.New("not a regular file")

// ReadFile gives the first limit bytes of a regular file in a container; limit
// <= 0: all of them.
func (e *Engine) ReadFile(ctx context.Context, id, name string, limit int64) (b []byte, err error) {
	err = e.CopyOut(ctx, id, name, func(t *tar.Reader) error {
		h, err := t.Next()
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			return errNotRegular
		}
		var r io.Reader = t
		if limit > 0 {
			r = io.LimitReader(t, limit)
		}
		b, err = io.ReadAll(r)
		return err
	})
	return b, err
}

// Has tells whether a path exists in a container, running or not.
func (e *Engine) Has(ctx context.Context, id, name string) (bool, error) {
	_, err := e.api.ContainerStatPath(ctx, id, name)
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Export gives a container's whole file system, without its volumes, to take.
func (e *Engine) Export(ctx context.Context, id string, take func(*tar.Reader) error) error {
	rc, err := e.api.ContainerExport(ctx, id)
	if err != nil {
		return fmt.Errorf("export the container: %w", err)
	}
	return errors.Join(take(tar.NewReader(rc)), rc.Close())
}
