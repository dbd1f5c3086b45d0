package images

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ndbproof/harness/engine"
	"ndbproof/harness/poll"
)

// cpuWeight is the share of the processors that a build gets beside others that
// want them, too; a container's default is 1024.
const cpuWeight = 128

// sourcing is a build from source that goes on.
type sourcing struct {
	maker
	SourceBuild
	plan   []Job
	cores  int
	room   room
	found  archived
	log    *os.File
	images map[Place]string
	dir    string // where the tarball will lie
	packed string // the tarball under a temporary name, untried
	name   string // its final one
}

// FromSourcePackage builds NDB Cluster from Debian's source and gives the
// tarball, which then lies in Options.BuiltDir. What is done is not done again:
// an interrupted build goes on, and a complete one is found. Two at once wait
// for each other.
func FromSourcePackage(ctx context.Context, e *engine.Run, b SourceBuild, o Options) (Tarball, error) {
	if err := b.Check(); err != nil {
		return Tarball{}, err
	}
	return maker{Run: e, o: o}.fromSource(ctx, b, "")
}

// fromSource says what it will do, and does it. why is the reason for a
// build that the user did not ask for.
func (m maker) fromSource(ctx context.Context, b SourceBuild, why string) (t Tarball, err error) {
	s := &sourcing{maker: m, SourceBuild: b, plan: sourcePlan(), images: map[Place]string{}}
	if s.dir, err = m.o.builtDir(); err != nil {
		return t, err
	}
	s.cores = m.Facts.CPUs
	line := b.announce(s.plan, s.cores)
	if why != "" {
		line = why + "; so " + line + "; " + avoiding
	}
	m.o.tell(line)
	unlock, err := s.alone(ctx)
	if err != nil {
		return t, fmt.Errorf("build from source: %w", err)
	}
	defer unlock()
	if err := s.open(); err != nil {
		return t, fmt.Errorf("build from source: %w", err)
	}
	defer s.log.Close() //nolint:errcheck // a log that ends early fails no build
	if err := s.prepare(ctx); err != nil {
		return t, fmt.Errorf("build from source: %w", err)
	}
	return s.run(ctx)
}

// alone waits until no other build goes on: one of this user, told by a lock, or
// of another, told by its containers.
func (s *sourcing) alone(ctx context.Context) (unlock func(), err error) {
	late := time.AfterFunc(time.Second, func() { s.o.say("another build from source goes on: waiting for its end") })
	defer late.Stop()
	if unlock, err = lockBuild(ctx, "source"); err != nil {
		return nil, err
	}
	err = poll.Every(ctx, time.Second, "another build from source", func(ctx context.Context) error {
		boxes, err := s.UsersOfVolume(ctx, s.volume())
		if err != nil {
			return poll.Stop(fmt.Errorf("look for other builds: %w", err))
		}
		if len(boxes) > 0 {
			return fmt.Errorf("container %s still works on it; `ndbproof down` removes it when its run is dead", boxes[0][:min(12, len(boxes[0]))])
		}
		return nil
	})
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// open makes the folder, removes what a killed build left there, and opens the
// log, which all builds go on writing.
func (s *sourcing) open() (err error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil { //nolint:gosec // as the checkout's other folders
		return err
	}
	left, err := filepath.Glob(filepath.Join(s.dir, untried+"*"))
	if err != nil {
		return err
	}
	for _, l := range left {
		if err := os.Remove(l); err != nil {
			return err
		}
	}
	s.log, err = os.OpenFile(filepath.Join(s.dir, "from-source.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // for people to read
	return err
}

// prepare makes the volume and the images that the first steps need.
func (s *sourcing) prepare(ctx context.Context) (err error) {
	if err := s.MakeLastingVolume(ctx, s.volume(), map[string]string{labelOurs: "1"}); err != nil {
		return fmt.Errorf("make volume %s: %w", s.volume(), err)
	}
	s.images[InDebian], err = s.withApt(ctx)
	s.images[InBase] = s.baseRef()
	s.images[InTools] = s.o.ref("tools", s.keys(s.plan, archived{})["tools"])
	return err
}

// volume is where source, tree and the compiler's cache lie, also between
// builds.
func (s *sourcing) volume() string { return cmp.Or(s.o.Repository, "ndbproof") + "-source" }

// run carries the plan out, to its end or to a build that is there already.
func (s *sourcing) run(ctx context.Context) (Tarball, error) {
	defer func() {
		if s.packed != "" {
			_ = os.Remove(s.packed) // it did not get its final name
		}
	}()
	for i, j := range s.plan {
		line := fmt.Sprintf("step %d of %d: %s", i+1, len(s.plan), j.Title)
		s.o.say("%s", line)
		_, _ = fmt.Fprintf(s.log, "\n== %s, %s\n", time.Now().UTC().Format(time.RFC3339), line)
		t, err := s.job(ctx, j)
		if err != nil {
			return Tarball{}, s.failed(ctx, j, err)
		}
		if t.Path != "" {
			return t, nil
		}
	}
	return ParseTarball(filepath.Join(s.dir, s.name))
}

// failed says which step failed, where all that it wrote is, and how to go on.
func (s *sourcing) failed(ctx context.Context, j Job, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build from source: interrupted in step %s; the same command goes on there: %w", j.Name, context.Cause(ctx))
	}
	return fmt.Errorf("build from source: step %s, %s: %w; what it wrote is in %s; mend that and give the same command again, what is done is kept", j.Name, j.Title, err, s.log.Name())
}

// job does one step, and what follows from it. done is a tarball that makes the
// rest of the plan needless.
func (s *sourcing) job(ctx context.Context, j Job) (done Tarball, err error) {
	var said string
	switch j.Name {
	case "room":
		if said, err = s.work(ctx, j, around{}); err == nil {
			s.room, err = parseRoom(said)
		}
		return done, cmp.Or(err, s.room.enough())
	case "ask":
		if said, err = s.work(ctx, j, around{}); err == nil {
			s.found, err = s.choose(parseArchived(said))
		}
		if err != nil {
			return done, err
		}
		s.o.say("Debian's archive has %s %s", s.found.Package, s.found.Version)
		return s.there()
	case "tools":
		err = s.install(ctx, j)
	case "unpack":
		_, err = s.work(ctx, j, around{before: s.handOver})
	case "pack":
		_, err = s.work(ctx, j, around{after: func(id string) error { return s.takeOut(ctx, id) }})
	case "smoke":
		err = s.smoke(ctx, j)
	default:
		_, err = s.work(ctx, j, around{})
	}
	return done, err
}

// around is what happens to a job's container besides its script; each may be
// nil.
type around struct {
	before func(*tar.Writer) error // writes files that it needs
	after  func(id string) error   // once it has ended well
}

// work runs a job's script to its end and gives what it wrote, which goes into
// the log, too.
func (s *sourcing) work(ctx context.Context, j Job, a around) (said string, err error) {
	id, err := s.create(ctx, s.inside(j))
	if err != nil {
		return "", err
	}
	defer s.discard(ctx, id)
	if a.before != nil {
		if err := s.CopyIn(ctx, id, a.before); err != nil {
			return "", err
		}
	}
	said, err = s.follow(ctx, id)
	if err == nil && a.after != nil {
		err = a.after(id)
	}
	return said, err
}

// inside is a job's container. It has a network only where it needs one, less of
// the processors than others get, and the volume, unless it has nothing to do with
// that.
func (s *sourcing) inside(j Job) engine.Container {
	script := j.Script
	if j.Kept {
		i := slices.IndexFunc(s.plan, func(o Job) bool { return o.Name == j.Name })
		script = once(j, s.keys(s.plan, s.found)[j.Name], s.plan[i+1:])
	}
	c := engine.Container{
		Image: s.images[j.In], User: "0:0", Argv: []string{"bash", "-euo", "pipefail", "-c", script},
		Outside: j.Network, CPUShares: cpuWeight,
	}
	if j.Name == "smoke" {
		c.User = mysqlUser // mysqld does not run as root
	}
	if j.Name != "tools" { // they would stay in the image that it makes
		for _, v := range s.variables(s.found, s.room.jobs(s.cores)) {
			c.Env = append(c.Env, v.name+"="+v.value)
		}
	}
	if j.Name != "tools" && j.Name != "smoke" {
		c.Volumes = []engine.Volume{{Name: s.volume(), Path: "/build"}}
	}
	return c
}

// follow runs a container to its end. It writes the container's output to the log
// and reports the progress.
func (s *sourcing) follow(ctx context.Context, id string) (said string, err error) {
	begin := time.Now()
	var all bytes.Buffer
	out := io.MultiWriter(&all, s.log, &counting{count: s.o.Count, say: s.o.say, since: func() time.Duration { return time.Since(begin) }})
	exit, err := s.Finish(ctx, id, engine.Writers{Stdout: out, Stderr: out, Live: true})
	switch {
	case err != nil:
		return "", err
	case exit != 0:
		return "", fmt.Errorf("exit %d: %s", exit, cmp.Or(blamed(all.String()), "it wrote nothing"))
	}
	return all.String(), nil
}

// install makes the image with compiler and libraries, unless there is one.
func (s *sourcing) install(ctx context.Context, j Job) error {
	if have, err := s.HasImage(ctx, s.images[InTools]); err != nil || have {
		return err
	}
	_, err := s.work(ctx, j, around{after: func(id string) error {
		return s.Commit(ctx, id, s.images[InTools], engine.ImageConfig{Cmd: []string{}, Entrypoint: []string{}})
	}})
	return err
}

// handOver puts the patches into a container, in their order.
func (s *sourcing) handOver(w *tar.Writer) error {
	var errs []error
	for i, p := range s.Patches {
		errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "patches/" + p.numbered(i), Mode: 0o644, Size: int64(len(p.Text))}))
		_, err := w.Write(p.Text)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("hand the patches over: %w", err)
	}
	return nil
}
