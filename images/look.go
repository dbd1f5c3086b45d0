package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"ndbproof/harness/release"
)

// ours is the layout of images built here.
var ours = release.Layout{
	Bin: "/usr/local/mysql/bin", Sbin: "/usr/local/mysql/bin", Plugin: "/usr/local/mysql/lib/plugin", Share: "/usr/local/mysql/share",
	DataDir: "/var/lib/mysql/data", User: mysqlUser, UID: mysqlUID, GID: mysqlUID,
}

// Where the parts of the product are looked for in a foreign image.
var (
	binDirs    = []string{"/usr/local/mysql/bin", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/local/bin", "/opt/mysql/bin"}
	pluginDirs = []string{"/usr/local/mysql/lib/plugin", "/usr/lib64/mysql/plugin", "/usr/lib/mysql/plugin", "/opt/mysql/lib/plugin"}
	shareDirs  = []string{"/usr/local/mysql/share", "/usr/share/mysql-9.7", "/usr/share/mysql-8.4", "/usr/share/mysql-8.0", "/usr/share/mysql", "/opt/mysql/share"}
	tools      = []string{"mysql", "mysqlbinlog", "ndb_mgm", "mysqldump", "mysqlslap", "ndb_select_all"}
)

// look finds out what an image holds, and makes it fit where it is not: an
// initialised data directory, and somebody who lends missing tools.
func look(ctx context.Context, api client.APIClient, c Choice, o Options) (Image, error) {
	in, err := api.ImageInspect(ctx, c.Ref)
	if err != nil {
		return Image{}, fmt.Errorf("look into image %s: %w", c.Ref, err)
	}
	img := Image{Ref: c.Ref, ID: in.ID, Release: c.Release, Source: c.Source, TarballSHA256: c.SHA256, Listed: c.Listed, Size: in.Size}
	labels := map[string]string{}
	if in.Config != nil {
		labels = in.Config.Labels
	}
	if labels[labelRecipe] == recipe && labels[labelTarball] != "" {
		if img.Release, err = release.Parse(labels[labelRelease]); err != nil {
			return Image{}, fmt.Errorf("look into image %s: %w", c.Ref, err)
		}
		img.Layout, img.TarballSHA256 = ours, labels[labelTarball]
		return img, nil
	}
	if err := img.lookInside(ctx, api, o); err != nil {
		return Image{}, fmt.Errorf("look into image %s: %w", c.Ref, err)
	}
	if !c.Release.IsZero() && c.Release != img.Release {
		return Image{}, fmt.Errorf("image %s holds %s, and %s was wanted", c.Ref, img.Release, c.Release)
	}
	known, err := Listed()
	if err != nil {
		return Image{}, err
	}
	img.Listed = listed(known, img.Release).Image == c.Ref
	if img.Layout.DataDir == "" {
		if err := img.initialise(ctx, api, o); err != nil {
			return Image{}, err
		}
	}
	return img, img.lend(ctx, o)
}

// lookInside fills in release and layout, from a container that never runs.
func (img *Image) lookInside(ctx context.Context, api client.APIClient, o Options) error {
	box, err := api.ContainerCreate(ctx, &container.Config{Image: img.Ref, Entrypoint: []string{"/nothing"}, Labels: o.Labels}, nil, nil, nil, "")
	if err != nil {
		return err
	}
	defer discard(api, box.ID)
	has := func(p string) bool {
		_, err := api.ContainerStatPath(ctx, box.ID, p)
		return err == nil
	}
	first := func(dirs []string, file string) string {
		for _, d := range dirs {
			if has(path.Join(d, file)) {
				return d
			}
		}
		return ""
	}
	l := release.Layout{
		Bin: first(binDirs, "mysql"), Sbin: first(binDirs, "mysqld"),
		Plugin: first(pluginDirs, ""), Share: first(shareDirs, ""),
	}
	if l.Sbin == "" {
		return errors.New("it has no mysqld in any of " + strings.Join(binDirs, ", "))
	}
	for _, s := range []string{"ndbmtd", "ndb_mgmd"} {
		if !has(path.Join(l.Sbin, s)) {
			return fmt.Errorf("it has no %s beside mysqld in %s: not an image of NDB Cluster", s, l.Sbin)
		}
	}
	if l.Plugin == "" {
		return errors.New("it has no folder of plugins in any of " + strings.Join(pluginDirs, ", "))
	}
	if l.Bin == "" {
		l.Bin = l.Sbin
	}
	for _, t := range tools {
		if !has(path.Join(l.Bin, t)) {
			l.Missing = append(l.Missing, t)
		}
	}
	if has("/var/lib/mysql/data/mysql.ibd") {
		l.DataDir = "/var/lib/mysql/data"
	}
	if l.UID, l.GID, err = userOf(ctx, api, box.ID); err != nil {
		return err
	}
	l.User = mysqlUser
	img.Layout = l
	img.Release, err = versionOf(ctx, api, o, img.Ref, path.Join(l.Sbin, "mysqld"))
	return err
}

// userOf reads the servers' user from the image's /etc/passwd.
func userOf(ctx context.Context, api client.APIClient, id string) (uid, gid int, err error) {
	b, err := readFile(ctx, api, id, "/etc/passwd")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[0] != mysqlUser {
			continue
		}
		uid, err = strconv.Atoi(f[2])
		if err == nil {
			gid, err = strconv.Atoi(f[3])
		}
		return uid, gid, err
	}
	return 0, 0, errors.New("its /etc/passwd has no user mysql")
}

func readFile(ctx context.Context, api client.APIClient, id, name string) ([]byte, error) {
	r, _, err := api.CopyFromContainer(ctx, id, name)
	if err != nil {
		if errdefs.IsNotFound(err) {
			return nil, fmt.Errorf("it has no %s", name)
		}
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer r.Close() //nolint:errcheck // read only
	t := tar.NewReader(r)
	if _, err := t.Next(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return io.ReadAll(t)
}

var version = regexp.MustCompile(`Ver (\d+\.\d+\.\d+\S*)`)

// versionOf asks the image's mysqld.
func versionOf(ctx context.Context, api client.APIClient, o Options, ref, mysqld string) (release.Release, error) {
	box, err := api.ContainerCreate(ctx, &container.Config{Image: ref, Entrypoint: []string{mysqld}, Cmd: []string{"--no-defaults", "--version"}, Labels: o.Labels,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}, nil, nil, nil, "")
	if err != nil {
		return release.Release{}, err
	}
	defer discard(api, box.ID)
	if err := runToEnd(ctx, api, box.ID); err != nil {
		return release.Release{}, fmt.Errorf("mysqld --version: %w", err)
	}
	out := output(ctx, api, box.ID)
	m := version.FindStringSubmatch(out)
	if m == nil {
		return release.Release{}, fmt.Errorf("mysqld --version says %q: no version in it", lastLines(out, 1))
	}
	return release.Parse(m[1])
}
