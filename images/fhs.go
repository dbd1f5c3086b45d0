package images

import (
	"archive/tar"
	"context"
	"fmt"
	"path"
	"strings"

	"ndbproof/harness/engine"
)

// fhsScript removes what is ours and gives the servers' user the number that it
// has in a distribution's package.
const fhsScript = `rm -rf /var/lib/mysql /var/lib/ndb
sed -i s/:999:999:/:27:27:/ /etc/passwd
sed -i s/:999:/:27:/ /etc/group`

// FHS makes a test subject from a tarball: an image such as a distribution's
// package would give. The files lie by the Filesystem Hierarchy Standard, the
// servers' user has number 27, the entrypoint exits with 1, the healthcheck
// never passes, the data directory is a declared volume and empty, and there is
// no mysqlbinlog. c must be a tarball's choice.
func FHS(ctx context.Context, e *engine.Run, c Choice, o Options) (ref string, err error) {
	m := maker{Run: e, o: o}
	unlock, err := lockBuild(ctx, "fhs-"+c.SHA256[:12])
	if err != nil {
		return "", err
	}
	defer unlock()
	ref = m.o.ref("fhs", tag(c.Release)+"-"+c.SHA256[:12]+"-"+recipe)
	if have, err := m.HasImage(ctx, ref); err != nil || have {
		return ref, err
	}
	if err := m.base(ctx); err != nil {
		return "", err
	}
	return ref, m.derive(ctx, step{
		From: m.baseRef(), User: "0:0", Argv: []string{"sh", "-ec", fhsScript}, Tag: ref, Labels: map[string]string{labelBase: ""},
		Fill: func(w *tar.Writer) error {
			if err := c.Tarball.repack(ctx, w, m.Facts.Arch, hierarchy); err != nil {
				return err
			}
			// Plugins look for libraries in ../private, programs in ../lib/private.
			link := &tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/lib64/mysql/private", Linkname: "/usr/lib/private"}
			if err := w.WriteHeader(link); err != nil {
				return fmt.Errorf("link the libraries: %w", err)
			}
			return nil
		},
		Config: engine.ImageConfig{
			User: "root", Entrypoint: []string{"sh", "-c", "exit 1"}, Cmd: []string{},
			Healthcheck: []string{"CMD", "false"},
			Volumes:     []string{path.Dir(dataDir)},
		},
	})
}

// hierarchy is where a distribution's package puts a tarball's files.
func hierarchy(name string) string {
	dir, file := path.Split(name)
	switch {
	case file == "mysqlbinlog":
		return ""
	case name == "bin/mysqld" || name == "bin/ndbd" || name == "bin/ndbmtd" || name == "bin/ndb_mgmd":
		return "usr/sbin/" + file
	case dir == "bin/":
		return "usr/bin/" + file
	case strings.HasPrefix(name, "lib/plugin/"):
		return "usr/lib64/mysql/" + strings.TrimPrefix(name, "lib/")
	case strings.HasPrefix(name, "lib/private/"):
		return "usr/" + name
	case strings.HasPrefix(name, "share/"):
		return "usr/share/mysql/" + strings.TrimPrefix(name, "share/")
	}
	return ""
}
