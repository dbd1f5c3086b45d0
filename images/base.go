package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// What all images of ours stand on.
const (
	baseRef = "ndbproof/base:bookworm"
	debian  = "debian:bookworm-slim"
)

// The servers' user in images of ours.
const (
	mysqlUser = "mysql"
	mysqlUID  = 999
)

// libraries are what a generic tarball needs from the system besides glibc.
var libraries = []string{"libaio1", "libncurses6", "libnuma1", "libstdc++6", "libtinfo6"}

// addUser makes the servers' user and folders. /var/lib/mysql/keyring is empty:
// a keyring component does not make it.
const addUser = `groupadd -g 999 mysql && useradd -u 999 -g mysql -d /var/lib/mysql -s /usr/sbin/nologin mysql && ` +
	`mkdir -p /var/lib/mysql/keyring /var/lib/ndb && chmod 750 /var/lib/mysql /var/lib/ndb && chmod 700 /var/lib/mysql/keyring && ` +
	`chown -R mysql:mysql /var/lib/mysql /var/lib/ndb`

// base makes sure that the base image is there: from debian:bookworm-slim where
// that can be had, else from Debian's packages.
func base(ctx context.Context, api client.APIClient, o Options) error {
	have, err := labelled(ctx, api, labelRecipe+"="+recipe, labelRelease+"=base")
	if err != nil || have != "" {
		return err
	}
	slim, err := present(ctx, api, debian)
	if err != nil {
		return err
	}
	if !slim {
		slim = pulls(ctx, api, debian, 5*time.Second)
	}
	if slim {
		o.say("making the base image from %s", debian)
		script := "apt-get update && apt-get install -y --no-install-recommends " + strings.Join(libraries, " ") +
			" && rm -rf /var/lib/apt/lists/* && " + addUser
		return derive(ctx, api, o, step{From: debian, Argv: []string{"sh", "-ec", script}, User: "0:0", Tag: baseRef,
			Labels: map[string]string{labelRecipe: recipe, labelRelease: "base"}})
	}
	return bootstrap(ctx, api, o)
}

// pulls tries to pull, and gives up when the registry has not answered in time.
func pulls(ctx context.Context, api client.APIClient, ref string, answer time.Duration) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(answer, cancel)
	r, err := api.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return false
	}
	late.Stop()
	defer r.Close() //nolint:errcheck // read only
	if _, err := io.Copy(io.Discard, r); err != nil {
		return false
	}
	have, err := present(ctx, api, ref)
	return err == nil && have
}

// bootstrap makes the base from Debian's packages, with mmdebstrap.
func bootstrap(ctx context.Context, api client.APIClient, o Options) error {
	program, err := mmdebstrap(ctx, o)
	if err != nil {
		return err
	}
	o.say("making the base image from Debian's packages (%s cannot be pulled)", debian)
	dir, err := os.MkdirTemp("", "ndbproof-base-")
	if err != nil {
		return fmt.Errorf("make the base image: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	rootfs := filepath.Join(dir, "base.tar")
	args := []string{"--variant=minbase", "--include=" + strings.Join(libraries, ","), "--aptopt=Acquire::Languages \"none\"",
		"--customize-hook=chroot \"$1\" sh -ec '" + addUser + "'"}
	for _, d := range []string{"man", "doc", "locale", "info", "lintian"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+d+"/*")
	}
	cmd := exec.CommandContext(ctx, program, append(args, "bookworm", rootfs)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the base image: mmdebstrap: %w: %s", err, lastLines(string(out), 3))
	}
	f, err := os.Open(rootfs)
	if err != nil {
		return fmt.Errorf("make the base image: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return importTar(ctx, api, f, baseRef, map[string]string{labelRecipe: recipe, labelRelease: "base"})
}

// mmdebstrap finds the program, and installs it when it may.
func mmdebstrap(ctx context.Context, o Options) (string, error) {
	if p, err := exec.LookPath("mmdebstrap"); err == nil {
		return p, nil
	}
	how := errors.New("the base image needs mmdebstrap, because " + debian + " cannot be pulled: apt-get install mmdebstrap")
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return "", how
	}
	o.say("installing mmdebstrap with apt-get")
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", "mmdebstrap"}} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: apt-get %s failed: %w: %s", how, args[0], err, lastLines(string(out), 2))
		}
	}
	return exec.LookPath("mmdebstrap")
}

// importTar makes an image of one layer from a tar stream.
func importTar(ctx context.Context, api client.APIClient, r io.Reader, ref string, labels map[string]string) error {
	var changes []string
	for k, v := range labels {
		changes = append(changes, fmt.Sprintf("LABEL %s=%q", k, v))
	}
	out, err := api.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("import image %s: %w", ref, err)
	}
	defer out.Close() //nolint:errcheck // read only
	if _, err := io.Copy(io.Discard, out); err != nil {
		return fmt.Errorf("import image %s: %w", ref, err)
	}
	if have, err := present(ctx, api, ref); err != nil || !have {
		return errors.Join(fmt.Errorf("import image %s: the engine does not have it afterwards", ref), err)
	}
	return nil
}

// step is one derived image: a container from an image, files put in, a program
// run to its end, and a commit.
type step struct {
	From   string
	Fill   func(context.Context, *container.CreateResponse) error // puts files into the created container; may be nil
	Argv   []string                                               // "" runs nothing
	User   string
	Tag    string
	Labels map[string]string
	Config *container.Config // what the image is to say of itself; may be nil
}

// derive carries a step out and leaves no container behind.
func derive(ctx context.Context, api client.APIClient, o Options, s step) error {
	box, err := api.ContainerCreate(ctx, &container.Config{Image: s.From, Entrypoint: s.Argv[:1], Cmd: s.Argv[1:], User: s.User,
		Labels: o.Labels, Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}, nil, nil, nil, "")
	if err != nil {
		return fmt.Errorf("make image %s: %w", s.Tag, err)
	}
	defer discard(api, box.ID)
	if s.Fill != nil {
		if err := s.Fill(ctx, &box); err != nil {
			return fmt.Errorf("make image %s: %w", s.Tag, err)
		}
	}
	if err := runToEnd(ctx, api, box.ID); err != nil {
		return fmt.Errorf("make image %s: %s: %w", s.Tag, filepath.Base(s.Argv[0]), err)
	}
	return commit(ctx, api, o, box.ID, s)
}

func commit(ctx context.Context, api client.APIClient, o Options, id string, s step) error {
	cfg := s.Config
	if cfg == nil {
		cfg = &container.Config{}
	}
	cfg.Labels = map[string]string{}
	for k := range o.Labels {
		cfg.Labels[k] = "" // the engine merges the container's labels in: these say whose it was
	}
	for k, v := range s.Labels {
		cfg.Labels[k] = v
	}
	if _, err := api.ContainerCommit(ctx, id, container.CommitOptions{Reference: s.Tag, Config: cfg}); err != nil {
		return fmt.Errorf("commit image %s: %w", s.Tag, err)
	}
	return nil
}

// runToEnd starts a container and waits for it to end well.
func runToEnd(ctx context.Context, api client.APIClient, id string) error {
	if err := api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return err
	}
	done, errs := api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case err := <-errs:
		return err
	case end := <-done:
		if end.StatusCode != 0 {
			return fmt.Errorf("exit %d: %s", end.StatusCode, lastLines(output(ctx, api, id), 3))
		}
		return nil
	}
}

// discard removes a container, also when ctx has ended.
func discard(api client.APIClient, id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " / ")
}
