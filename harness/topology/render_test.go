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

	"ndbproof/harness/golden"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// vendor is the layout of the vendor's tarball; fhs that of its packages.
var (
	vendor = release.Layout{
		Bin: "/usr/local/mysql/bin", Plugin: "/usr/local/mysql/lib/plugin", Share: "/usr/local/mysql/share",
		DataDir: topology.DataDir, User: "mysql", UID: 999, GID: 999,
	}
	fhs = release.Layout{
		Bin: "/usr/bin", Sbin: "/usr/sbin", Plugin: "/usr/lib64/mysql/plugin", Share: "/usr/share/mysql",
		User: "mysql", UID: 27, GID: 27, Missing: []string{"mysqlbinlog"},
	}
)

func standard(side topology.Side, r string, l release.Layout) topology.Spec {
	return topology.Standard(side, release.MustParse(r), l, secure.Published2021())
}

func TestRenderGolden(t *testing.T) {
	plugin := func(s *topology.Spec) { s.KeyringPlugin = true }
	for _, c := range []struct {
		name, release string
		layout        release.Layout
		change        func(*topology.Spec)
	}{
		{"8.0.25-plugin", "8.0.25", vendor, plugin},
		{"8.0.44", "8.0.44", vendor, nil},
		{"8.4.10", "8.4.10", vendor, nil},
		{"9.7.4", "9.7.4", vendor, nil},
		{"9.7.4-fix1", "9.7.4-fix1", vendor, nil},
		{"26.7.0", "26.7.0", vendor, nil},
		{"9.7.4-fhs", "9.7.4", fhs, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, side := range topology.Sides {
				s := standard(side, c.release, c.layout)
				if c.change != nil {
					c.change(&s)
				}
				files, err := s.Render()
				require.NoError(t, err)
				stem := filepath.Join("testdata", c.name, string(side)+".")
				golden.Equal(t, stem+"nodes.txt", listing(files))
				for _, f := range files {
					for _, x := range f.Files {
						golden.Equal(t, stem+path.Base(x.Path), x.Content)
					}
				}
				spare := s.Spare()
				require.Len(t, spare.Files, 1)
				golden.Equal(t, stem+"spare.cnf", spare.Files[0].Content)
			}
		})
	}
}

// listing shows all of a rendering but the files' contents.
func listing(files topology.Files) []byte {
	var b bytes.Buffer
	for _, c := range files {
		fmt.Fprintf(&b, "%s %d %s\n  volume %s\n", c.Node.Name, c.Node.ID, c.Node.Host, c.Volume)
		for _, e := range c.Env {
			fmt.Fprintf(&b, "  env %s\n", e)
		}
		for _, d := range c.Folders {
			fmt.Fprintf(&b, "  folder %s\n", d)
		}
		for _, f := range c.Files {
			fmt.Fprintf(&b, "  file %04o %s\n", f.Mode, f.Path)
		}
		fmt.Fprintf(&b, "  argv %s\n", strings.Join(c.Argv, "\n       "))
	}
	return b.Bytes()
}

// rendered gives a spec's config.ini and my.cnf.
func rendered(t *testing.T, s topology.Spec) (config, mycnf string) {
	t.Helper()
	files, err := s.Render()
	require.NoError(t, err)
	for _, c := range files {
		for _, f := range c.Files {
			switch f.Path {
			case topology.ConfigPath:
				config = string(f.Content)
			case topology.MyCnfPath:
				mycnf = string(f.Content)
			}
		}
	}
	return config, mycnf
}

// What differs between releases, said once more in words, so that a golden
// file updated without a look does not pass.
func TestRenderByRelease(t *testing.T) {
	for r, want := range map[string]struct {
		encrypted     string
		has, hasNot   []string
		config        []string
		configWithout []string
	}{
		"8.0.18": {
			"ON",
			[]string{"skip_slave_start=ON", "early_plugin_load=keyring_file.so", "slave_parallel_workers=0"},
			[]string{"innodb_redo_log_capacity"},
			nil,
			[]string{"TransactionMemory", "ThreadConfig", "tcp default"},
		},
		"8.0.25": {
			"ON",
			[]string{"skip_slave_start=ON", "log_slave_updates=ON", "binlog_format=ROW", "slave_parallel_workers=0"},
			[]string{"skip_replica_start", "early_plugin_load", "innodb_redo_log_capacity"},
			[]string{"TransactionMemory=24M", "ThreadConfig=", "AllowUnresolvedHostnames=1"},
			nil,
		},
		"8.0.44": {
			"OFF",
			[]string{"skip_replica_start=ON", "log_replica_updates=ON", "innodb_redo_log_capacity=32M", "(F1)"},
			[]string{"skip_slave_start", "binlog_format", "parallel_workers"},
			nil, nil,
		},
		"8.4.2":      {"ON", []string{"skip_replica_start=ON"}, []string{"slave", "(F1)"}, nil, nil},
		"9.7.4":      {"OFF", []string{"(F1)", "gtid_mode=OFF", "enforce_gtid_consistency=OFF"}, []string{"slave", "early_plugin_load"}, nil, nil},
		"9.7.4-fix1": {"ON", []string{"skip_replica_start=ON"}, []string{"slave", "(F1)"}, nil, nil},
		"26.7.0":     {"OFF", []string{"skip_replica_start=ON"}, []string{"slave", "early_plugin_load"}, nil, nil},
	} {
		config, mycnf := rendered(t, standard(topology.Source, r, vendor))
		assert.Contains(t, mycnf, "\nbinlog_encryption="+want.encrypted+"\n", r)
		for _, s := range want.has {
			assert.Contains(t, mycnf, s, r)
		}
		for _, s := range want.hasNot {
			assert.NotContains(t, mycnf, s, r)
		}
		for _, s := range want.config {
			assert.Contains(t, config, s, r)
		}
		for _, s := range want.configWithout {
			assert.NotContains(t, config, s, r)
		}
	}
}

func TestRenderByProfile(t *testing.T) {
	for _, c := range []struct {
		weakness secure.Weakness
		line     string
	}{
		{secure.NoBinlogEncryption, "binlog_encryption=OFF"},
		{secure.NoKeyring, "binlog_encryption=OFF"},
		{secure.PlainTransport, "require_secure_transport=OFF"},
		{secure.NoNdbLogBin, "ndb_log_bin=0"},
	} {
		r := release.MustParse("9.7.4-fix1")
		_, strong := rendered(t, topology.Standard(topology.Source, r, vendor, secure.Published2021()))
		s := topology.Standard(topology.Source, r, vendor, secure.Weaken(secure.Published2021(), c.weakness))
		_, weak := rendered(t, s)
		assert.Contains(t, weak, "\n"+c.line+"\n")
		assert.NotContains(t, strong, "\n"+c.line+"\n")
	}
	s := topology.Standard(topology.Source, release.MustParse("9.7.4"), vendor, secure.Weaken(secure.Published2021(), secure.NoKeyring))
	files, err := s.Render()
	require.NoError(t, err)
	mysqld := files[len(files)-1]
	assert.Empty(t, mysqld.Folders)
	assert.Len(t, mysqld.Files, 1)
}

func TestRenderTuning(t *testing.T) {
	s := standard(topology.Source, "9.7.4", vendor)
	s.Tuning.DataMemory, s.Tuning.FragmentLogFileSize = 1024, 64
	config, _ := rendered(t, s)
	assert.Contains(t, config, "\nDataMemory=1024M\n")
	assert.Contains(t, config, "\nFragmentLogFileSize=64M\n")

	s.Tuning = topology.Tuning{}
	config, mycnf := rendered(t, s)
	assert.NotContains(t, config+mycnf, "=0M", "a zero leaves the server its default")
	assert.NotContains(t, config, "ThreadConfig")
}

func TestRenderReload(t *testing.T) {
	s := standard(topology.Source, "9.7.4", vendor)
	for reload, want := range map[bool]string{false: "--initial", true: "--reload"} {
		s.Reload = reload
		files, err := s.Render()
		require.NoError(t, err)
		assert.Contains(t, files[0].Argv, want)
		assert.NotContains(t, files[0].Argv, map[bool]string{true: "--initial", false: "--reload"}[reload])
	}
}

func TestRenderRefuses(t *testing.T) {
	for want, change := range map[string]func(*topology.Spec){
		"render the source cluster: no release":  func(s *topology.Spec) { s.Release = release.Release{} },
		"image's layout is not known":            func(s *topology.Spec) { s.Layout = release.Layout{} },
		"server_id is 0":                         func(s *topology.Spec) { s.ServerID = 0 },
		"without a keyring":                      func(s *topology.Spec) { s.EncryptAtStart, s.Profile.Keyring = true, false },
		"9.7.4 has no keyring_file plugin":       func(s *topology.Spec) { s.KeyringPlugin = true },
		"8.0.18 has no component_keyring_file":   func(s *topology.Spec) { s.Release = release.MustParse("8.0.18") },
		"nodes ndb1 and ndb2 have the same id 2": func(s *topology.Spec) { s.Nodes[2].ID = 2 },
		`"source-ndb1" is that of "ndb1"`:        func(s *topology.Spec) { s.Nodes[2].Host = "source-ndb1" },
		"node ndb2 needs a HostName of its own":  func(s *topology.Spec) { s.Nodes[2].Host = "" },
		"no known role":                          func(s *topology.Spec) { s.Nodes[2].Role = "ndbd" },
		"there are 1, 1 and 3":                   func(s *topology.Spec) { s.Nodes = append(s.Nodes[:1:1], s.Nodes[2:]...) },
		"there are 0, 1 and 4":                   func(s *topology.Spec) { s.Nodes = s.Nodes[1:] },
	} {
		s := standard(topology.Source, "9.7.4", vendor)
		change(&s)
		_, err := s.Render()
		require.ErrorContains(t, err, want)
	}
}

func TestTLSFiles(t *testing.T) {
	a, err := secure.NewAuthority("test authority", time.Now())
	require.NoError(t, err)
	server, err := a.Issue(secure.Subject{CN: "source.link", Names: []string{"source.link"}, Use: secure.Server})
	require.NoError(t, err)
	client, err := a.Issue(secure.Subject{CN: "replica", Use: secure.Client})
	require.NoError(t, err)
	for side, want := range map[topology.Side][]string{
		topology.Source:  {"ca.pem", "server-cert.pem", "server-key.pem"},
		topology.Replica: {"ca.pem", "server-cert.pem", "server-key.pem", "client-cert.pem", "client-key.pem"},
	} {
		var names []string
		for _, f := range standard(side, "9.7.4", vendor).TLSFiles(a, server, client) {
			assert.Equal(t, topology.TLSDir, path.Dir(f.Path))
			names = append(names, path.Base(f.Path))
			isKey := bytes.Contains(f.Content, []byte("PRIVATE KEY"))
			assert.Equal(t, strings.HasSuffix(f.Path, "-key.pem"), isKey, f.Path)
			assert.Equal(t, isKey, f.Own, "%s: a key is the servers' user's own", f.Path)
			assert.Equal(t, map[bool]int64{true: 0o600, false: 0o644}[isKey], f.Mode, f.Path)
		}
		assert.Equal(t, want, names)
	}
}
