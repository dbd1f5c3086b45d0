package images

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ulikunitz/xz"
)

// xzProgram unpacks .tar.xz where it is on PATH: 1.4 s for a tarball that takes
// the library 3.9 s.
const xzProgram = "xz"

// unpack gives the tarball's content as a tar stream.
func (t Tarball) unpack(ctx context.Context) (io.ReadCloser, error) {
	f, err := os.Open(t.Path)
	if err != nil {
		return nil, fmt.Errorf("open the tarball: %w", err)
	}
	if program, err := exec.LookPath(xzProgram); err == nil && strings.HasSuffix(t.Path, ".xz") {
		return piped(ctx, program, f)
	}
	var z io.Reader
	if strings.HasSuffix(t.Path, ".gz") {
		z, err = gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	} else {
		z, err = xz.NewReader(bufio.NewReaderSize(f, 1<<20))
	}
	if err != nil {
		return nil, errors.Join(t.broken(ctx, err), f.Close())
	}
	return both{z, f.Close}, nil
}

// broken blames the tarball, unless it was the caller who gave up.
func (t Tarball) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(t.Path), context.Cause(ctx))
	}
	return fmt.Errorf("unpack %s: the tarball is broken or cut off (%w); fetch it again", filepath.Base(t.Path), err)
}

// both reads from one thing and closes another.
type both struct {
	io.Reader
	close func() error
}

func (b both) Close() error { return b.close() }

// piped unpacks with the xz program. Its own complaint, and not only the end of
// the stream, is what a reader of a cut-off file gets.
func piped(ctx context.Context, program string, f *os.File) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, program, "-dc", "-T0")
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = f, &complaint
	r, w := io.Pipe()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("run %s: %w", program, err), f.Close())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("xz: %s", cmp.Or(strings.TrimSpace(complaint.String()), err.Error()))
		}
		w.CloseWithError(err)
	}()
	return both{r, func() error {
		cancel()
		_ = r.Close() // a pipe's reader cannot fail to close
		<-done
		return f.Close()
	}}, nil
}
