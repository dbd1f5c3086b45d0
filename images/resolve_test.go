package images

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/engine"
	"ndbproof/harness/release"
)

// empty is the sha256 of an empty file.
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// fakeEngine is an engine that has some images: found by a label, or by name.
func fakeEngine(t *testing.T, byLabel map[string]string, names ...string) *engine.Run {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("API-Version", "1.41")
		switch {
		case r.URL.Path == "/_ping":
		case strings.HasSuffix(r.URL.Path, "/info"):
			_, _ = w.Write([]byte("{}"))
		case strings.HasSuffix(r.URL.Path, "/images/json"):
			answer := []map[string]any{}
			for label, ref := range byLabel {
				if strings.Contains(r.URL.Query().Get("filters"), label) {
					answer = append(answer, map[string]any{"Id": "sha256:1", "RepoTags": []string{ref}})
				}
			}
			_ = json.NewEncoder(w).Encode(answer)
		default:
			for _, n := range names {
				if strings.HasSuffix(r.URL.Path, "/images/"+n+"/json") {
					_, _ = w.Write([]byte("{}"))
					return
				}
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"message": "no such image"}`))
		}
	}))
	t.Cleanup(s.Close)
	return dialled(t, s)
}

// dialled gives an engine that is a test's server, with a lease.
func dialled(t *testing.T, s *httptest.Server) *engine.Run {
	t.Helper()
	t.Setenv("DOCKER_HOST", "tcp://"+s.Listener.Addr().String())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	e, err := engine.Dial(t.Context())
	require.NoError(t, err)
	lease, err := engine.Take(false, 0)
	require.NoError(t, err)
	run := e.With(lease)
	t.Cleanup(func() { assert.NoError(t, run.Close()) })
	return run
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

const (
	name972  = "mysql-cluster-9.7.2-linux-glibc2.36-x86_64.tar.xz"
	name974  = "mysql-cluster-9.7.4-linux-glibc2.36-x86_64.tar.xz"
	nameFix1 = "mysql-cluster-9.7.4-fix1-linux-glibc2.36-x86_64.tar.xz"
	official = "container-registry.oracle.com/mysql/community-cluster:"
)

func TestResolve(t *testing.T) {
	three := folder(t, name972, name974, nameFix1)
	only := folder(t, nameFix1)
	none := folder(t)
	for what, c := range map[string]struct {
		want    string
		dir     string
		image   string // NDB_IMAGE
		built   bool
		source  Source
		release string
		ref     string
		line    string
	}{
		"NDB_IMAGE goes before everything": {
			want: "9.7.4", dir: three, image: "vendor/ndb:1", built: true, source: FromEnv, ref: "vendor/ndb:1",
			line: "using the image of NDB_IMAGE: vendor/ndb:1, which goes before 9.7.4",
		},
		"NDB_IMAGE alone":                                    {dir: none, image: "vendor/ndb:1", source: FromEnv, ref: "vendor/ndb:1", line: "using the image of NDB_IMAGE: vendor/ndb:1"},
		"an image is built":                                  {want: "9.7.2", dir: three, built: true, source: FromBuilt, release: "9.7.2", ref: "ours:1", line: "using the image built from " + name972 + ": ours:1"},
		"a tarball is found":                                 {want: "9.7.2", dir: three, source: FromTarball, release: "9.7.2", line: "building the image of 9.7.2 from " + name972},
		"the newest unmodified of the tarballs":              {dir: three, source: FromTarball, release: "9.7.4", line: "building the image of 9.7.4 from " + name974},
		"one with a suffix by name":                          {want: "9.7.4-fix1", dir: three, source: FromTarball, release: "9.7.4-fix1", line: "building the image of 9.7.4-fix1 from " + nameFix1},
		"a tarball by path":                                  {want: filepath.Join(only, nameFix1), dir: none, source: FromTarball, release: "9.7.4-fix1", line: "building the image of 9.7.4-fix1 from " + nameFix1},
		"an official image":                                  {want: "8.4.10", dir: three, source: FromOfficial, release: "8.4.10", ref: official + "8.4.10", line: "pulling the official image " + official + "8.4.10"},
		"an official image that is here":                     {want: "8.0.44", dir: three, source: FromOfficial, release: "8.0.44", ref: official + "8.0.44", line: "using the official image " + official + "8.0.44"},
		"the newest official, without an unmodified tarball": {dir: only, source: FromOfficial, release: "9.7.4", ref: official + "9.7.4", line: "pulling the official image " + official + "9.7.4"},
		"an image by name":                                   {want: "vendor/ndb:2", dir: three, source: FromFlag, ref: "vendor/ndb:2", line: "using the image vendor/ndb:2"},
	} {
		t.Run(what, func(t *testing.T) {
			labelled := map[string]string{}
			if c.built {
				labelled[labelTarball+"="+empty] = "ours:1"
			}
			e := fakeEngine(t, labelled, official+"8.0.44")
			got, err := Resolve(t.Context(), e.Engine, c.want, Options{BundleDirs: []string{c.dir}, Getenv: env("NDB_IMAGE", c.image)})
			require.NoError(t, err)
			assert.Equal(t, c.source, got.Source)
			assert.Equal(t, c.line, got.Line)
			assert.Equal(t, c.ref, got.Ref)
			if c.release == "" {
				assert.Zero(t, got.Release)
			} else {
				assert.Equal(t, c.release, got.Release.String())
			}
			assert.Equal(t, c.source == FromOfficial, got.Listed, "the list of known builds has no empty file")
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	e := fakeEngine(t, nil)
	dir := folder(t, name974, "notes.txt")
	o := Options{BundleDirs: []string{dir}, Getenv: env()}
	_, err := Resolve(t.Context(), e.Engine, "9.9.9", o)
	for _, way := range []string{"find release 9.9.9", "tarballs are found of: 9.7.4;", "official images are listed of: 8.0.25,", "NDB_BUNDLE_DIR", dir, "NDB_IMAGE", "a tarball's path", "an image's name"} {
		assert.ErrorContains(t, err, way)
	}
	for want, reason := range map[string]string{
		"9.7":                               "parse release",
		"nine":                              "parse release",
		"9.7.4-fix1":                        "find release 9.7.4-fix1",
		filepath.Join(dir, "notes.txt"):     "want mysql-cluster-<version>-linux-",
		filepath.Join(dir, "other.tar.gz"):  "want mysql-cluster-<version>-linux-",
		filepath.Join(dir, "gone", name974): "no such file",
	} {
		_, err := Resolve(t.Context(), e.Engine, want, o)
		if assert.ErrorContains(t, err, reason, want) {
			assert.NotContains(t, err.Error(), "\n")
		}
	}
}

func TestExistingNamesMakeImage(t *testing.T) {
	e := fakeEngine(t, nil)
	o := Options{BundleDirs: []string{folder(t, name974)}, Getenv: env()}
	for _, want := range []string{"9.7.4", "8.4.10", "vendor/ndb:2"} {
		c, err := Resolve(t.Context(), e.Engine, want, o)
		require.NoError(t, err)
		_, err = Existing(t.Context(), e, c, o)
		assert.ErrorContains(t, err, "make image", want)
	}
}

func TestPickWithoutAny(t *testing.T) {
	_, err := pick("", []Tarball{{Release: release.MustParse("9.7.4-fix1")}}, []Known{{Version: release.MustParse("9.7.4"), SHA256: empty}})
	assert.ErrorContains(t, err, "there is none")
}
