package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/testcontainers/testcontainers-go"

	"ndbproof/harness/node"
)

// Start starts a container that Create made: for the first time, or again after
// its end.
func (r *Run) Start(ctx context.Context, id string) error {
	made, ok := r.containers.Load(id)
	if !ok {
		return fmt.Errorf("start container %.12s: this run did not create it", id)
	}
	return made.(testcontainers.Container).Start(ctx)
}

// Launch creates a container and starts it, whole also when ctx ends in between.
// One that does not start is removed: it would be in the way of the next one, by
// its name.
func (r *Run) Launch(ctx context.Context, c Container) (id string, err error) {
	if id, err = r.Create(ctx, c); err != nil {
		return "", fmt.Errorf("create: %w", err)
	}
	making, cancel := whole(ctx)
	defer cancel()
	if err := r.Start(making, id); err != nil {
		return "", errors.Join(fmt.Errorf("start: %w", err), r.Remove(making, id))
	}
	return id, nil
}

// Writers take what a container writes to its standard output and error, which
// may be the same one.
type Writers struct {
	Stdout, Stderr io.Writer
	Live           bool // as it comes; else all at once, after the container's end
}

// Finish starts a created container, waits for its end and gives its exit code.
func (r *Run) Finish(ctx context.Context, id string, to Writers) (exit int, err error) {
	if err := r.Start(ctx, id); err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	if to.Live {
		if err := r.copyLogs(ctx, id, container.LogsOptions{Follow: true}, to); err != nil {
			return 0, err
		}
	}
	if exit, err = r.Wait(ctx, id); err != nil {
		return 0, fmt.Errorf("wait for the end: %w", err)
	}
	if to.Live {
		return exit, nil
	}
	return exit, r.copyLogs(ctx, id, container.LogsOptions{}, to)
}

// RunToEnd makes a container, runs it to its end and removes it. An exit code
// other than 0 is no error.
func (r *Run) RunToEnd(ctx context.Context, c Container) (out node.Output, err error) {
	id, err := r.Create(ctx, c)
	if err != nil {
		return out, fmt.Errorf("create: %w", err)
	}
	defer func() { err = errors.Join(err, r.Discard(ctx, id)) }()
	var stdout, stderr strings.Builder
	out.Exit, err = r.Finish(ctx, id, Writers{Stdout: &stdout, Stderr: &stderr})
	out.Stdout, out.Stderr = stdout.String(), stderr.String()
	return out, err
}

// Wait waits until a container does not run, and gives its exit code.
func (e *Engine) Wait(ctx context.Context, id string) (exit int, err error) {
	done, errs := e.api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case end := <-done:
		return int(end.StatusCode), nil
	case err := <-errs:
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return 0, err
	}
}

// Stop sends SIGTERM to a container's program, and SIGKILL after a grace of some
// seconds.
func (e *Engine) Stop(ctx context.Context, id string, grace int) error {
	return e.api.ContainerStop(ctx, id, container.StopOptions{Timeout: &grace})
}

// Remove removes a container, running or not, with the volumes that have no name.
func (r *Run) Remove(ctx context.Context, id string) error {
	if err := r.removeContainer(ctx, id); err != nil {
		return err
	}
	r.containers.Delete(id)
	return nil
}

// RemoveEnded removes a container that has ended, and refuses one that runs.
// Volumes stay.
func (r *Run) RemoveEnded(ctx context.Context, id string) error {
	if err := r.api.ContainerRemove(ctx, id, container.RemoveOptions{}); err != nil {
		return err
	}
	r.containers.Delete(id)
	return nil
}

// Discard is Remove in 30 seconds of its own: also when ctx has ended.
func (r *Run) Discard(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return r.Remove(ctx, id)
}

func (e *Engine) removeContainer(ctx context.Context, id string) error {
	return e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}
