package scenarios

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/engine"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

// mostBytes is what an image of a release may take: 0.6 GB.
const mostBytes = 600_000_000

// telling gives options for images that tell the test's log.
func telling(t *testing.T) images.Options {
	t.Helper()
	return images.Options{Say: func(line string) { t.Log(line) }}
}

// fromTarball is the choice of a tarball: of the release under test, or, when
// that is an image, the newest one found.
func fromTarball(ctx context.Context, t *testing.T, e *engine.Run, o images.Options) images.Choice {
	t.Helper()
	c, err := images.Resolve(ctx, e.Engine, harness.Release(), o)
	require.NoError(t, err)
	t.Log(c.Line)
	if c.Tarball.Path != "" {
		return c
	}
	found, err := images.Bundles(o)
	require.NoError(t, err)
	require.NotEmpty(t, found, "there is no tarball to make an image of")
	o.Getenv = func(string) string { return "" } // NDB_IMAGE goes before any tarball
	c, err = images.Resolve(ctx, e.Engine, found[0].Path, o)
	require.NoError(t, err)
	return c
}

// An image made from a tarball is small, runs as mysql without an entrypoint,
// and holds nothing that a server must have alone. A later run is quick; how
// quick is printed.
func TestImageOfATarball(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, time.Minute)
	e, o := harness.Engine(t), telling(t)
	c := fromTarball(ctx, t, e, o)
	begun := time.Now()
	img, err := images.Existing(ctx, e, c, o)
	require.NoError(t, err)
	t.Logf("found again in %.3f s, %.3f GB", time.Since(begun).Seconds(), float64(img.Size)/1e9)
	requireFit(ctx, t, e, img)
}

// A first build includes the base image. It has names of its own, so that the
// images in use are neither found nor replaced. How long it took is printed.
func TestImageIsBuiltFromNothing(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 5*time.Minute)
	e, o := harness.Engine(t), telling(t)
	o.Repository = "ndbproof-first"
	c := fromTarball(ctx, t, e, o)
	require.NoError(t, images.Forget(ctx, e.Engine, o))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		assert.NoError(t, images.Forget(ctx, e.Engine, o))
	})
	require.Equal(t, images.FromTarball, c.Source, "nothing is built yet")
	_, err := images.Existing(ctx, e, c, o)
	require.ErrorContains(t, err, "make image")

	begun := time.Now()
	img, err := images.Ensure(ctx, e, c, o)
	require.NoError(t, err)
	t.Logf("first build, base included: %.1f s, %.3f GB", time.Since(begun).Seconds(), float64(img.Size)/1e9)
	requireFit(ctx, t, e, img)

	begun = time.Now()
	again, err := images.Resolve(ctx, e.Engine, harness.Release(), o)
	require.NoError(t, err)
	require.Equal(t, images.FromBuilt, again.Source)
	same, err := images.Ensure(ctx, e, again, o)
	require.NoError(t, err)
	t.Logf("later: %.3f s", time.Since(begun).Seconds())
	require.Equal(t, img.ID, same.ID)
}

// requireFit looks at an image from inside: its own user, programs on PATH, the
// data directory of a server that has never run, and that a server runs on it.
func requireFit(ctx context.Context, t *testing.T, e *engine.Run, img images.Image) {
	t.Helper()
	require.LessOrEqual(t, img.Size, int64(mostBytes), "bytes of the image")
	require.Equal(t, "mysql\n", try(ctx, t, e, img.Ref, "id", "-un"))
	for _, program := range []string{"mysqld", "ndbmtd", "ndb_mgmd", "ndb_mgm", "mysql", "mysqlbinlog"} {
		require.Equal(t, filepath.Join(img.Layout.Bin, program)+"\n", try(ctx, t, e, img.Ref, "sh", "-c", "command -v "+program))
	}
	files := strings.Fields(try(ctx, t, e, img.Ref, "find", topology.MysqlDir, topology.NdbDir))
	require.Contains(t, files, topology.DataDir+"/mysql.ibd")
	require.Contains(t, files, "/var/lib/mysql/keys")
	for _, f := range files {
		require.NotEqual(t, "auto.cnf", filepath.Base(f), "each server makes its own")
		require.NotContains(t, []string{".pem", ".err", ".key"}, filepath.Ext(f), f)
		require.NotEqual(t, "/var/lib/mysql/keys", filepath.Dir(f), "a keyring: %s", f)
	}
	out := try(ctx, t, e, img.Ref, "sh", "-ec", serve, "sh", "")
	require.Contains(t, out, "root@localhost logged in without a password")
}

// serve starts a server on the image's data directory, with what an option file
// says besides ($1), logs in as root without a password, and stops it.
const serve = `d=/var/lib/mysql
printf '%s' "$1" > $d/my.cnf
"$(command -v mysqld || echo /usr/sbin/mysqld)" --defaults-file=$d/my.cnf --datadir=$d/data --socket=$d/mysql.sock --loose-mysqlx=OFF --pid-file=$d/pid 2>$d/err &
server=$!
n=0
until said=$(mysql --no-defaults -u root -S $d/mysql.sock -sN -e "SELECT CONCAT(CURRENT_USER(), ' logged in without a password'); SHUTDOWN" 2>&1); do
	n=$((n + 1))
	if [ $n -gt 300 ] || ! kill -0 $server; then echo "$said"; cat $d/err; exit 1; fi
	sleep 0.1
done
wait $server || { cat $d/err; exit 1; }
echo "$said"
cat $d/err`

func try(ctx context.Context, t *testing.T, e *engine.Run, ref string, argv ...string) string {
	t.Helper()
	out, err := images.Try(ctx, e, ref, "", argv...)
	require.NoError(t, err, out)
	return out
}
