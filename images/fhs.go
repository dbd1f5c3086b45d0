package images

import (
	"archive/tar"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// fhsUID is the servers' user in a distribution's package.
const fhsUID = 27

// FHS makes a test subject: an image such as a distribution's package would
// give, from a tarball. The files lie by the Filesystem Hierarchy Standard, the
// servers' user has another number, the entrypoint exits with 1, the
// healthcheck never passes, there is no data directory and no mysqlbinlog.
func FHS(ctx context.Context, c Choice, o Options) (ref string, err error) {
	api, err := engine()
	if err != nil {
		return "", err
	}
	defer api.Close() //nolint:errcheck // nothing is to be written
	ref = "ndbproof/fhs:" + tag(c.Release) + "-" + c.SHA256[:12] + "-" + recipe
	have, err := present(ctx, api, ref)
	if err != nil || have {
		return ref, err
	}
	if err := base(ctx, api, o); err != nil {
		return "", err
	}
	info, err := api.Info(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the engine for its architecture: %w", err)
	}
	return ref, derive(ctx, api, o, step{
		From: baseRef, Argv: []string{"sh", "-ec", "rm -rf /var/lib/mysql /var/lib/ndb; sed -i s/:999:999:/:27:27:/ /etc/passwd; sed -i s/:999:/:27:/ /etc/group"}, User: "0:0", Tag: ref,
		Fill: func(ctx context.Context, box *container.CreateResponse) error {
			return stream(ctx, api, box.ID, func(w *tar.Writer) error {
				if err := c.Tarball.repack(ctx, w, info.Architecture, hierarchy); err != nil {
					return err
				}
				return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/lib64/mysql/private", Linkname: "/usr/lib/private"})
			})
		},
		Config: &container.Config{
			Entrypoint: []string{"sh", "-c", "exit 1"}, Cmd: []string{},
			Healthcheck: &container.HealthConfig{Test: []string{"CMD", "false"}},
		},
	})
}

// hierarchy is where a distribution's package puts a tarball's files.
func hierarchy(name string) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(name, "./"), "/")
	dir, file := path.Split(rest)
	switch {
	case file == "" || file == "mysqlbinlog":
		return ""
	case rest == "bin/mysqld" || rest == "bin/ndbd" || rest == "bin/ndbmtd" || rest == "bin/ndb_mgmd":
		return "usr/sbin/" + file
	case dir == "bin/":
		return "usr/bin/" + file
	case strings.HasPrefix(rest, "lib/plugin/"):
		return "usr/lib64/mysql/" + strings.TrimPrefix(rest, "lib/")
	case strings.HasPrefix(rest, "lib/private/"):
		return "usr/" + rest
	case strings.HasPrefix(rest, "share/"):
		return "usr/share/mysql/" + strings.TrimPrefix(rest, "share/")
	}
	return ""
}
