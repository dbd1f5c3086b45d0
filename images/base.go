package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/lock"
)

const debian = "debian:bookworm-slim"

// baseRef is the image that all of the project's images are built from.
func (m maker) baseRef() string { return m.o.ref("base", "bookworm") }

// The servers' user in the project's images.
const (
	mysqlUser = "mysql"
	mysqlUID  = 999
)

// Where every image has its data directory, once it fits, and room for NDB's.
const (
	dataDir    = "/var/lib/mysql/data"
	ndbDataDir = "/var/lib/ndb"
)

// libraries are what a generic tarball needs from the system besides glibc.
var libraries = []string{"libaio1", "libncurses6", "libnuma1", "libstdc++6", "libtinfo6"}

// addUser makes the servers' user and folders. /var/lib/mysql/keys is empty:
// a keyring component does not make it.
const addUser = `groupadd -g 999 mysql && useradd -u 999 -g mysql -d /var/lib/mysql -s /usr/sbin/nologin mysql && ` +
	`mkdir -p /var/lib/mysql/keys /var/lib/ndb && chmod 750 /var/lib/mysql /var/lib/ndb && chmod 700 /var/lib/mysql/keys && ` +
	`chown -R mysql:mysql /var/lib/mysql /var/lib/ndb`

// answer is how long a registry may take to begin to answer.
const answer = 5 * time.Second

// base makes sure that the base image is there: from debian:bookworm-slim where
// that is available, else from Debian's packages. Two builds that both need it
// wait for each other.
func (m maker) base(ctx context.Context) error {
	unlock, err := lockBuild(ctx, "base")
	if err != nil {
		return err
	}
	defer unlock()
	ref, labels := m.baseRef(), map[string]string{labelBase: m.o.recipe()}
	if have, err := m.InspectImage(ctx, ref); err == nil && have.Labels[labelBase] == m.o.recipe() {
		return nil
	}
	slim, err := m.HasImage(ctx, debian)
	if err != nil {
		return err
	}
	if !slim {
		m.o.say("pulling %s for the base image", debian)
		slim = m.pullsDebian(ctx)
	}
	if !slim {
		m.o.say("%s cannot be pulled: making the base image from Debian's packages", debian)
		return m.bootstrap(ctx, ref, labels)
	}
	m.o.say("making the base image from %s", debian)
	err = m.onDebian(ctx, debian, labels)
	if err != nil && ctx.Err() == nil {
		m.o.say("that failed (%v): making the base image from Debian's packages", err)
		return m.bootstrap(ctx, ref, labels)
	}
	return err
}

// onDebian makes the base from an image of Debian, by adding what it lacks.
func (m maker) onDebian(ctx context.Context, from string, labels map[string]string) error {
	script := "apt-get update && apt-get install -y --no-install-recommends " + strings.Join(libraries, " ") +
		" && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && " + addUser
	return m.derive(ctx, step{From: from, User: "0:0", Outside: true, Argv: []string{"sh", "-ec", script}, Tag: m.baseRef(), Labels: labels})
}

// pullsDebian tries to pull, and gives up when the registry has not answered in
// time.
func (m maker) pullsDebian(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(answer, cancel)
	if err := m.AskRegistry(ctx, debian); err != nil {
		return false
	}
	late.Stop()
	return m.Pull(ctx, debian) == nil
}

// withApt gives an image of the same Debian that can install packages: the base
// itself where it was made from debian:bookworm-slim.
func (m maker) withApt(ctx context.Context) (ref string, err error) {
	if err := m.base(ctx); err != nil {
		return "", err
	}
	id, err := m.create(ctx, engine.Container{Image: m.baseRef(), Argv: []string{"/nothing"}})
	if err != nil {
		return "", err
	}
	defer m.discard(ctx, id)
	if apt, err := m.Has(ctx, id, "/usr/bin/apt-get"); err == nil && apt {
		return m.baseRef(), nil
	}
	unlock, err := lockBuild(ctx, "apt")
	if err != nil {
		return "", err
	}
	defer unlock()
	ref = m.o.ref("apt", "bookworm")
	if have, err := m.HasImage(ctx, ref); err != nil || have {
		return ref, err
	}
	m.o.say("making an image of Debian with apt, which the base image lacks")
	return ref, m.bootstrap(ctx, ref, map[string]string{labelBase: ""}, "apt")
}

// bootstrap makes an image from Debian's packages, with mmdebstrap.
func (m maker) bootstrap(ctx context.Context, ref string, labels map[string]string, more ...string) error {
	program, err := m.mmdebstrap(ctx)
	if err != nil {
		return err
	}
	dir, err := lock.Folder("base")
	if err != nil {
		return fmt.Errorf("make the base image: %w", err)
	}
	defer dir.Release() //nolint:errcheck // a temporary folder
	rootfs := filepath.Join(dir.Path, "base.tar")
	args := append(merged(),
		"--variant=essential", "--include=passwd,"+strings.Join(slices.Concat(libraries, more), ","), `--aptopt=Acquire::Languages "none"`,
		`--customize-hook=chroot "$1" sh -ec '`+addUser+"'")
	for _, d := range []string{"man", "doc", "locale", "info", "lintian"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+d+"/*")
	}
	cmd := exec.CommandContext(ctx, program, append(args, "bookworm", rootfs)...) //nolint:gosec // found on PATH
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }         // it then unmounts and tidies up
	cmd.WaitDelay = 20 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the base image: mmdebstrap: %w: %s", err, brief.LastLines(string(out), 3))
	}
	f, err := os.Open(rootfs) //nolint:gosec // made just now
	if err != nil {
		return fmt.Errorf("make the base image: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return m.importTar(ctx, f, ref, labels)
}

// mergedHook comes with mmdebstrap.
const mergedHook = "/usr/share/mmdebstrap/hooks/merged-usr"

// merged makes /bin and /lib links from the start, as Debian's own images have
// them. Without that package usrmerge does it, and brings all of Perl: 50 MB.
func merged() []string {
	if _, err := os.Stat(mergedHook); err != nil {
		return nil
	}
	return []string{"--hook-dir=" + mergedHook, "--include=usr-is-merged"}
}

// mmdebstrap finds the program, and installs it when it may.
func (m maker) mmdebstrap(ctx context.Context) (program string, err error) {
	if p, err := exec.LookPath("mmdebstrap"); err == nil {
		return p, nil
	}
	how := errors.New("the base image needs mmdebstrap, because " + debian + " cannot be pulled: run `apt-get install mmdebstrap`, or load " + debian)
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return "", how
	}
	m.o.say("installing mmdebstrap with apt-get")
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", "mmdebstrap"}} {
		cmd := exec.CommandContext(ctx, apt, args...) //nolint:gosec // fixed arguments
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w (apt-get %s: %w: %s)", how, args[0], err, brief.LastLines(string(out), 2))
		}
	}
	if program, err = exec.LookPath("mmdebstrap"); err != nil {
		return "", fmt.Errorf("%w (%w)", how, err)
	}
	return program, nil
}
