package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// LogRange is a part of what a container has written.
type LogRange struct {
	Tail  string // how many of the last lines; "" and "all": all
	Since string // only what was written since then, as Inspect gives times; "": since ever
}

// Logs gives what a container has written to its standard output and error, in
// the order in which it wrote it.
func (e *Engine) Logs(ctx context.Context, id string, part LogRange) (string, error) {
	var b bytes.Buffer
	err := e.copyLogs(ctx, id, container.LogsOptions{Tail: part.Tail, Since: part.Since}, Writers{Stdout: &b, Stderr: &b})
	return b.String(), err
}

func (e *Engine) copyLogs(ctx context.Context, id string, o container.LogsOptions, to Writers) error {
	o.ShowStdout, o.ShowStderr = true, true
	rc, err := e.api.ContainerLogs(ctx, id, o)
	if err != nil {
		return fmt.Errorf("read the container's output: %w", err)
	}
	defer rc.Close() //nolint:errcheck // read only
	if _, err := stdcopy.StdCopy(to.Stdout, to.Stderr, rc); err != nil {
		return fmt.Errorf("read the container's output: %w", err)
	}
	return nil
}
