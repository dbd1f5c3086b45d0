package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/lock"
	"ndbproof/harness/poll"
)

// maker makes images on one engine, under a lease.
type maker struct {
	*engine.Run
	o       Options
	looking bool // what would have to be made is an error instead
}

// create makes a container that belongs to the making of an image.
func (m maker) create(ctx context.Context, c engine.Container) (id string, err error) {
	c.Labels = map[string]string{labelOurs: "1"}
	if id, err = m.Create(ctx, c); err != nil {
		return "", fmt.Errorf("create a container of %s: %w", c.Image, err)
	}
	return id, nil
}

// discard removes a container, also when ctx has ended.
func (m maker) discard(ctx context.Context, id string) {
	_ = m.Discard(ctx, id) // its labels let `ndbproof down` find it
}

// runToEnd starts a container, waits for it to end well, and gives what it
// wrote.
func (m maker) runToEnd(ctx context.Context, id string) (output string, err error) {
	var b bytes.Buffer
	exit, err := m.Finish(ctx, id, engine.Writers{Stdout: &b, Stderr: &b})
	if err == nil && exit != 0 {
		err = fmt.Errorf("exit %d: %s", exit, brief.LastLines(b.String(), 3))
	}
	return b.String(), err
}

// importTar makes an image of one layer from a tar stream. Changes are
// instructions of a Dockerfile.
func (m maker) importTar(ctx context.Context, r io.Reader, ref string, labels map[string]string, changes ...string) error {
	changes = append(changes, fmt.Sprintf("LABEL %s=1", labelOurs))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		changes = append(changes, fmt.Sprintf("LABEL %s=%s", k, quoted(labels[k])))
	}
	return m.Import(ctx, r, ref, changes...)
}

// quoted makes a value fit for an instruction of a Dockerfile, where a dollar
// begins a variable.
func quoted(s string) string { return strings.ReplaceAll(strconv.Quote(s), "$", `\$`) }

// lockBuild serialises the making of one image on this machine.
func lockBuild(ctx context.Context, name string) (unlock func(), err error) {
	var l *lock.Lock
	err = poll.Every(ctx, 200*time.Millisecond, "another build of the same image", func(context.Context) (err error) {
		if l, err = lock.File("image-" + name + ".lock"); err != nil && !errors.Is(err, lock.ErrTaken) {
			return poll.Stop(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = l.Release() }, nil // the next one makes it anew
}

// readFile reads a file of a container.
func (m maker) readFile(ctx context.Context, id, name string) ([]byte, error) {
	b, err := m.ReadFile(ctx, id, name, 0)
	if engine.IsNotFound(err) {
		return nil, fmt.Errorf("it has no %s", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}
