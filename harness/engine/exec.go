package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"ndbproof/harness/node"
)

// Exec runs a command in a container. A command that cannot be found is an exit
// of 126 or 127, as the engine has it.
func (e *Engine) Exec(ctx context.Context, id string, c node.Command) (node.Output, error) {
	fail := func(err error) (node.Output, error) {
		return node.Output{}, fmt.Errorf("run %s in container %.12s: %w", path.Base(c.Argv[0]), id, err)
	}
	ex, err := e.prepare(ctx, id, c, c.Stdin != "")
	if err != nil {
		return fail(err)
	}
	conn, err := e.api.ContainerExecAttach(ctx, ex, container.ExecAttachOptions{})
	if err != nil {
		return fail(err)
	}
	defer conn.Close()
	// The hijacked connection knows nothing of ctx.
	defer context.AfterFunc(ctx, conn.Close)()
	var fed sync.WaitGroup
	var feedErr error
	if c.Stdin != "" {
		fed.Go(func() {
			if _, feedErr = io.WriteString(conn.Conn, c.Stdin); feedErr == nil {
				feedErr = conn.CloseWrite()
			}
		})
	}
	var out, errs bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errs, conn.Reader); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fail(err)
	}
	fed.Wait()
	in, err := e.api.ContainerExecInspect(ctx, ex)
	if err != nil {
		return fail(err)
	}
	if in.ExitCode == 0 && feedErr != nil {
		return fail(fmt.Errorf("feed its standard input: %w", feedErr))
	}
	return node.Output{Stdout: out.String(), Stderr: errs.String(), Exit: in.ExitCode}, nil
}

// prepare announces a command to the engine and gives the id to begin it by.
func (e *Engine) prepare(ctx context.Context, id string, c node.Command, stdin bool) (string, error) {
	var env []string
	for k, v := range c.Env {
		env = append(env, k+"="+v)
	}
	ex, err := e.api.ContainerExecCreate(ctx, id, container.ExecOptions{
		Cmd: c.Argv, Env: env, User: c.User, AttachStdin: stdin, AttachStdout: true, AttachStderr: true,
	})
	return ex.ID, err
}
