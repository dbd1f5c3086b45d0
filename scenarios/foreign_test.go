package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/engine"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/run"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

// foreign makes an image as another project's package would: another layout and
// uid, an entrypoint that exits with 1, a healthcheck that never passes, no data
// directory, no mysqlbinlog.
func foreign(t *testing.T, e *engine.Run) (ref string, of release.Release) {
	t.Helper()
	o := telling(t)
	ctx := bounded(t, 3*time.Minute)
	c := fromTarball(ctx, t, e, o)
	begun := time.Now()
	ref, err := images.FHS(ctx, e, c, o)
	require.NoError(t, err)
	t.Logf("%s: %.1f s", ref, time.Since(begun).Seconds())
	return ref, c.Release
}

// What a foreign image lacks is found out by looking inside, and added beside
// it; and its server starts with the options that a mysqld of a pair gets, but
// for NDB's.
func TestForeignImageIsAdapted(t *testing.T) {
	harness.In(t, harness.Core)
	e, o := harness.Engine(t), telling(t)
	ref, of := foreign(t, e)
	ctx := bounded(t, 3*time.Minute)
	c, err := images.Resolve(ctx, e.Engine, ref, o)
	require.NoError(t, err)
	require.Equal(t, images.FromFlag, c.Source)
	_, err = images.Try(ctx, e, ref, "", "mysqlbinlog", "--version")
	require.Error(t, err, "the subject has mysqlbinlog")

	begun := time.Now()
	img, err := images.Existing(ctx, e, c, o)
	require.NoError(t, err)
	t.Logf("adapted to %s: %.1f s", img.Ref, time.Since(begun).Seconds())
	require.Equal(t, of, img.Release)
	require.Equal(t, release.Layout{
		Bin: "/usr/bin", Sbin: "/usr/sbin", Plugin: "/usr/lib64/mysql/plugin", Share: "/usr/share/mysql",
		DataDir: topology.DataDir, User: "mysql", UID: 27, GID: 27, Missing: []string{"mysqlbinlog"},
	}, img.Layout)
	require.False(t, img.Listed)
	require.NotEqual(t, ref, img.Ref)
	require.Contains(t, try(ctx, t, e, img.ToolsRef, "mysqlbinlog", "--version"), "mysqlbinlog")
	require.Equal(t, "27:27\n", try(ctx, t, e, img.Ref, "sh", "-c", `echo "$(id -u):$(id -g)"`))

	out := try(ctx, t, e, img.Ref, "sh", "-ec", serve, "sh", withoutNDB(t, img))
	require.Contains(t, out, "root@localhost logged in without a password")
	require.NotContains(t, out, "[ERROR]")
}

// withoutNDB is the my.cnf of a pair's mysqld, without what needs a cluster, the
// run's certificates, or the keyring's files beside the program.
func withoutNDB(t *testing.T, img images.Image) string {
	t.Helper()
	spec := topology.Standard(topology.Source, img.Release, img.Layout, secure.Published2021())
	spec.EncryptAtStart = false
	files, err := spec.Render()
	require.NoError(t, err)
	var cnf string
	for _, f := range files[len(files)-1].Files {
		if f.Path == topology.MyCnfPath {
			cnf = string(f.Content)
		}
	}
	require.Contains(t, cnf, "lc_messages_dir=/usr/share/mysql")
	var kept []string
	for line := range strings.Lines(cnf) {
		if !strings.HasPrefix(line, "ndb") && !strings.HasPrefix(line, "ssl_") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// On a foreign image every claim holds, as it does on the project's own.
func TestForeignImageHolds(t *testing.T) {
	harness.In(t, harness.Core)
	ref, _ := foreign(t, harness.Engine(t))
	rep := harness.Procedure(t, run.Options{Release: ref, Duration: 5 * time.Second, Accept: []string{release.F1.ID}})
	harness.RequireHeld(t, rep, evidence.ExitHeld)
	require.Contains(t, rep.Results.Verdict.Headline, "unlisted build")
}
