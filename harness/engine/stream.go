package engine

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"ndbproof/harness/node"
)

// Stream is a program in a container whose standard input and output stay open.
// Its input ends with the connection, so also when this process dies.
type Stream struct {
	Output io.Reader // its standard output; what is not read blocks the program
	conn   types.HijackedResponse
	hangUp func()
	stderr strings.Builder
	ended  chan struct{}
	err    error // why Output ended; set before ended is closed
}

// Open begins a program in a container and leaves its streams open. The stream
// lasts until Close, whatever becomes of ctx.
func (e *Engine) Open(ctx context.Context, id string, argv ...string) (*Stream, error) {
	ex, err := e.prepare(ctx, id, node.Command{Argv: argv}, true)
	if err != nil {
		return nil, err
	}
	conn, err := e.api.ContainerExecAttach(context.WithoutCancel(ctx), ex, container.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	s := &Stream{Output: r, conn: conn, ended: make(chan struct{})}
	s.hangUp = sync.OnceFunc(func() {
		conn.Close()
		_ = r.Close() // a pipe's never fails; it ends a write that no reader waits for
	})
	go func() {
		_, s.err = stdcopy.StdCopy(w, &s.stderr, conn.Reader)
		_ = w.CloseWithError(errors.Join(io.ErrUnexpectedEOF, s.err)) // a pipe's never fails
		close(s.ended)
	}()
	return s, nil
}

// Write writes to the program's standard input.
func (s *Stream) Write(b []byte) (int, error) { return s.conn.Conn.Write(b) }

// EndInput ends the program's standard input.
func (s *Stream) EndInput() error { return s.conn.CloseWrite() }

// Close hangs up. It may be called more than once, and at any time.
func (s *Stream) Close() { s.hangUp() }

// Wait waits for the end of the program's output and gives all of its standard
// error.
func (s *Stream) Wait() (stderr string, err error) {
	<-s.ended
	return s.stderr.String(), s.err
}
