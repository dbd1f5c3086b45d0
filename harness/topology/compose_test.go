package topology_test

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"ndbproof/harness/golden"
	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/topology"
)

func pairOf(r string, l release.Layout) [2]topology.Spec {
	return [2]topology.Spec{standard(topology.Source, r, l), standard(topology.Replica, r, l)}
}

func composeOptions(r string) topology.ComposeOptions {
	image := "ndbproof/ndb:" + r
	return topology.ComposeOptions{Images: map[topology.Side]string{topology.Source: image, topology.Replica: image}, GID: 1000}
}

// fixed is material whose passwords are the same every time.
func fixed(t *testing.T, pair [2]topology.Spec) topology.Material {
	t.Helper()
	m, err := topology.NewMaterial(pair, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	m.Replication = secret.Of("REPLICATION")
	for _, side := range topology.Sides {
		m.Admin[side] = secret.Of("ADMIN-" + strings.ToUpper(string(side)))
		m.Root[side] = secret.Of("ROOT-" + strings.ToUpper(string(side)))
	}
	return m
}

// The golden file is the copy for people, in compose/.
func TestComposeGolden(t *testing.T) {
	got, err := topology.Compose(pairOf("9.7.4", vendor), composeOptions("9.7.4"))
	require.NoError(t, err)
	golden.Equal(t, filepath.Join("..", "..", "compose", "compose.yaml"), got)
}

// document is what a test needs of a compose.yaml, read back.
type document struct {
	Services map[string]struct {
		User       string
		GroupAdd   []string `yaml:"group_add"`
		Entrypoint []string
		DependsOn  []string `yaml:"depends_on"`
		Networks   map[string]struct{ Aliases []string }
		Ports      []string
		Volumes    []string
	}
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

func TestComposeNetworks(t *testing.T) {
	pair := pairOf("9.7.4", fhs)
	text, err := topology.Compose(pair, composeOptions("9.7.4"))
	require.NoError(t, err)
	var d document
	require.NoError(t, yaml.Unmarshal(text, &d))
	require.Len(t, d.Services, 12)
	assert.Len(t, d.Volumes, 12)
	for name, n := range d.Networks {
		assert.Equal(t, !strings.HasPrefix(name, "door-"), n.Internal, name)
	}
	for _, s := range pair {
		for _, n := range s.Nodes {
			v := d.Services[n.Name+"-"+s.Name]
			assert.Equal(t, "27:27", v.User)
			assert.Equal(t, []string{"/usr/sbin/" + string(n.Role)}, v.Entrypoint)
			assert.Equal(t, []string{n.Host}, v.Networks[s.Name].Aliases)
			for service := range d.Services {
				assert.NotEqual(t, n.Host, service, "an engine makes a service's name an alias on every network")
			}
			if n.Role != topology.Mysqld {
				assert.Len(t, v.Networks, 1, "%s belongs on its cluster's network only", n.Host)
				assert.Empty(t, v.Ports)
				assert.Empty(t, v.GroupAdd)
				continue
			}
			assert.Len(t, v.Networks, 3)
			assert.Equal(t, []string{s.LinkHost()}, v.Networks["link"].Aliases)
			assert.Empty(t, v.Networks["door-"+s.Name].Aliases)
			assert.Equal(t, []string{"127.0.0.1::3306"}, v.Ports)
			assert.Equal(t, []string{"1000"}, v.GroupAdd)
			assert.Len(t, v.DependsOn, 4)
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	o := composeOptions("9.7.4")
	delete(o.Images, topology.Replica)
	_, err := topology.Compose(pairOf("9.7.4", vendor), o)
	require.EqualError(t, err, "render compose.yaml: no image for the replica cluster")
	_, err = topology.Compose(pairOf("9.7.4", release.Layout{}), composeOptions("9.7.4"))
	require.ErrorContains(t, err, "layout is not known")
}

// What compose.yaml mounts must be in the bundle, and everything in the bundle
// is mounted, or is for people.
func TestBundleHasWhatIsMounted(t *testing.T) {
	for _, l := range []release.Layout{vendor, fhs} {
		pair := pairOf("9.7.4", l)
		files, err := topology.ComposeBundle(pair, composeOptions("9.7.4"), fixed(t, pair))
		require.NoError(t, err)
		var d document
		require.Equal(t, "compose.yaml", files[0].Path)
		require.NoError(t, yaml.Unmarshal(files[0].Content, &d))
		used := map[string]bool{}
		for _, v := range d.Services {
			for _, m := range v.Volumes {
				from, _, _ := strings.Cut(m, ":")
				if file, ok := strings.CutPrefix(from, "./"); ok {
					used[file] = false
				}
			}
		}
		for _, f := range files {
			isForPeople := strings.HasSuffix(f.Path, ".sql") || !strings.Contains(f.Path, "/")
			mounted := false
			for from := range used {
				if f.Path == from || strings.HasPrefix(f.Path, from+"/") {
					used[from], mounted = true, true
				}
			}
			assert.NotEqual(t, isForPeople, mounted, f.Path)
			assert.False(t, path.IsAbs(f.Path), f.Path)
		}
		for from, found := range used {
			assert.True(t, found, "%s is mounted, and not in the bundle", from)
		}
	}
}

func TestBundleGolden(t *testing.T) {
	for _, r := range []string{"9.7.4", "9.7.4-fix1"} {
		pair := pairOf(r, vendor)
		files, err := topology.ComposeBundle(pair, composeOptions(r), fixed(t, pair))
		require.NoError(t, err)
		var list bytes.Buffer
		for _, f := range files {
			fmt.Fprintf(&list, "%04o %s\n", f.Mode, f.Path)
			if path.Base(f.Path) == "README.md" || strings.HasSuffix(f.Path, ".sql") {
				golden.Equal(t, filepath.Join("testdata", "bundle-"+r, filepath.FromSlash(f.Path)), f.Content)
			}
		}
		golden.Equal(t, filepath.Join("testdata", "bundle-"+r, "files.txt"), list.Bytes())
	}
}

// Secrets must be new for each bundle, and closed to all but its owner; keys to
// all but the servers' group.
func TestBundleSecrets(t *testing.T) {
	pair := pairOf("9.7.4", vendor)
	a, err := topology.NewMaterial(pair, time.Now())
	require.NoError(t, err)
	b, err := topology.NewMaterial(pair, time.Now())
	require.NoError(t, err)
	assert.NotEqual(t, a.Replication.Reveal(), b.Replication.Reveal())
	assert.NotEqual(t, a.Root[topology.Source].Reveal(), a.Root[topology.Replica].Reveal())
	assert.NotEqual(t, a.Authority.CertPEM, b.Authority.CertPEM)
	assert.NotContains(t, fmt.Sprintf("%v %+v", a, a), a.Replication.Reveal())

	secrets := []string{a.Replication.Reveal()}
	for _, side := range topology.Sides {
		secrets = append(secrets, a.Admin[side].Reveal(), a.Root[side].Reveal())
	}
	files, err := topology.ComposeBundle(pair, composeOptions("9.7.4"), a)
	require.NoError(t, err)
	seen := 0
	for _, f := range files {
		for _, s := range secrets {
			if bytes.Contains(f.Content, []byte(s)) {
				seen++
				assert.Equal(t, int64(0o600), f.Mode, f.Path)
			}
		}
		if bytes.Contains(f.Content, []byte("PRIVATE KEY")) {
			seen++
			assert.Equal(t, int64(0o640), f.Mode, f.Path)
		}
	}
	assert.Equal(t, 2*2+2+3, seen, "admin and root of each side, user1 on both, three keys")
}

func TestChannel(t *testing.T) {
	s := standard(topology.Source, "9.7.4", vendor)
	p := s.Profile
	o := s.Channel(p, secret.Of("x"))
	assert.True(t, o.TLS)
	assert.True(t, o.VerifyIdentity)
	assert.Equal(t, "source.link", o.Host)
	assert.Contains(t, s.ServerSubject().Names, o.Host, "a channel that verifies names must find this one")
	assert.Equal(t, "/etc/ndbproof/tls/ca.pem", o.CA)
	p.VerifyIdentity = false
	o = s.Channel(p, secret.Of("x"))
	assert.False(t, o.VerifyIdentity)
	assert.Empty(t, o.CA+o.Cert+o.Key)
}
