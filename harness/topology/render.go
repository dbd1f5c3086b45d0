package topology

import (
	"cmp"
	"errors"
	"fmt"
	"path"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// standardBin is where the vendor's tarball puts all programs, and what is
// compiled into them.
const standardBin = "/usr/local/mysql/bin"

// The keyring itself: the component's, and the plugin's. Their formats differ,
// and a migration reads one and writes the other.
const (
	keyringFile   = KeyringDir + "/keyring"
	pluginKeyring = KeyringDir + "/keyring-plugin"
)

// The keyring component's two files: which component mysqld loads, and where
// that keeps its keys (manual, keyring-file-component).
const (
	keyringManifest = `{"components":"file://component_keyring_file"}` + "\n"
	keyringConfig   = `{"path":"` + keyringFile + `","read_only":false}` + "\n"
)

// programs is the directory of mysqld, ndbmtd and ndb_mgmd.
func (s Spec) programs() string { return cmp.Or(s.Layout.Sbin, s.Layout.Bin) }

// Render gives all that the nodes read and how they are started. It is pure,
// and holds no secret: certificates and keys are TLSFiles.
func (s Spec) Render() (Files, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("render the %s cluster: %w", s.Name, err)
	}
	files := make(Files, 0, len(s.Nodes))
	for _, n := range s.Nodes {
		switch n.Role {
		case Mgmd:
			files = append(files, s.mgmd(n))
		case Ndbmtd:
			files = append(files, s.ndbmtd(n))
		case Mysqld:
			files = append(files, s.mysqld(n))
		}
	}
	return files, nil
}

func (s Spec) mgmd(n Node) Config {
	begin := "--initial"
	if s.Reload {
		begin = "--reload"
	}
	return Config{
		Node: n, Volume: NdbDir,
		Argv: []string{
			path.Join(s.programs(), string(Mgmd)), "--config-file=" + ConfigPath, "--configdir=" + NdbDir,
			"--nodaemon", begin, fmt.Sprintf("--ndb-nodeid=%d", n.ID),
		},
		Files: []File{{Path: ConfigPath, Content: s.configINI(), Mode: 0o644}},
	}
}

// ndbmtd runs in the foreground: its angel would ignore SIGTERM, and exit with
// 0 after a crash. It asks for its configuration every second instead of every
// five, because all nodes start at once and one that comes too early waits.
func (s Spec) ndbmtd(n Node) Config {
	return Config{
		Node: n, Volume: NdbDir,
		Argv: []string{
			path.Join(s.programs(), string(Ndbmtd)), "--foreground", "--ndb-connectstring=" + s.Connectstring(),
			fmt.Sprintf("--ndb-nodeid=%d", n.ID), "--connect-retry-delay=1", fmt.Sprintf("--connect-retries=%d", waitSeconds),
		},
	}
}

func (s Spec) mysqld(n Node) Config {
	program := path.Join(s.programs(), string(Mysqld))
	c := Config{
		Node: n, Volume: MysqlDir,
		Argv:  []string{program, "--defaults-file=" + MyCnfPath},
		Files: []File{{Path: MyCnfPath, Content: s.myCnf(n), Mode: 0o644}},
		// The keyring's file would be 0640 otherwise, as all that the server
		// makes (manual, "Environment Variables").
		Env: []string{"UMASK=0600", "UMASK_DIR=0700"},
	}
	if !s.Profile.Keyring {
		return c
	}
	c.Folders = []string{KeyringDir}
	if !s.KeyringPlugin {
		c.Files = append(c.Files,
			File{Path: program + ".my", Content: []byte(keyringManifest), Mode: 0o444},
			s.componentConfig())
	}
	return c
}

// Spare is how a server of the release is started that belongs to no cluster: it
// is there for statements that would do harm. It has the side's certificate and
// gets its accounts; it has no NDB, and nothing to encrypt.
func (s Spec) Spare() Config {
	n := Node{Role: Mysqld, Name: "spare", Host: s.Name + "-spare"}
	return Config{
		Node: n, Volume: MysqlDir,
		Argv:  []string{path.Join(s.programs(), string(Mysqld)), "--defaults-file=" + MyCnfPath},
		Files: []File{{Path: MyCnfPath, Content: s.spareCnf(), Mode: 0o644}},
	}
}

// TLSFiles are the files of step 2 for a mysqld: the server's own, and at the
// replica a client's beside them.
func (s Spec) TLSFiles(a *secure.Authority, server, client secure.Certificate) []File {
	files := append([]File{certFile("ca.pem", a.CertPEM)}, s.ServerFiles(server)...)
	if s.Name == string(Replica) {
		files = append(files, certFile("client-cert.pem", client.CertPEM), keyFile("client-key.pem", client.KeyPEM))
	}
	return files
}

// ServerFiles are a server's certificate and key, where its my.cnf names them.
func (s Spec) ServerFiles(c secure.Certificate) []File {
	return []File{certFile("server-cert.pem", c.CertPEM), keyFile("server-key.pem", c.KeyPEM)}
}

// StrangeFiles are those of a server that another authority certified, with that
// authority beside the run's own, which stays where programs look for it.
func (s Spec) StrangeFiles(a *secure.Authority, c secure.Certificate) []File {
	return append(s.ServerFiles(c), certFile(path.Base(StrangeCAPath), a.CertPEM))
}

func certFile(name string, content []byte) File {
	return File{Path: path.Join(TLSDir, name), Content: content, Mode: 0o644}
}

func keyFile(name string, k secure.PrivateKey) File {
	return File{Path: path.Join(TLSDir, name), Content: k.Reveal(), Mode: 0o600, Own: true}
}

// check refuses what could not start.
func (s Spec) check() error {
	switch {
	case s.Release.IsZero():
		return errors.New("no release")
	case s.programs() == "" || s.Layout.Plugin == "":
		return errors.New("the image's layout is not known: no directory of programs or plugins")
	case s.ServerID == 0:
		return errors.New("server_id is 0: such a server refuses to replicate")
	case s.EncryptAtStart && !s.Profile.Keyring:
		return errors.New("binlog_encryption=ON without a keyring: mysqld would not start")
	case s.Profile.Keyring && s.KeyringPlugin && !s.Release.Has(release.KeyringPlugin):
		return fmt.Errorf("%s has no %s: take the component", s.Release, release.KeyringPlugin)
	case s.Profile.Keyring && !s.KeyringPlugin && !s.Release.Has(release.KeyringComponent):
		return fmt.Errorf("%s has no %s: take the plugin", s.Release, release.KeyringComponent)
	}
	return s.CheckNodes()
}

// CheckNodes tells what is wrong with the nodes: ids or names that are not their own,
// or a number of them in a role that the harness does not start.
func (s Spec) CheckNodes() error {
	ids, hosts, roles := map[int]string{}, map[string]string{}, map[Role]int{}
	for _, n := range s.Nodes {
		if other, taken := ids[n.ID]; taken {
			return fmt.Errorf("nodes %s and %s have the same id %d", other, n.Name, n.ID)
		}
		if other, taken := hosts[n.Host]; taken || n.Host == "" {
			return fmt.Errorf("node %s needs a HostName of its own: %q is that of %q", n.Name, n.Host, other)
		}
		if n.Role != Mgmd && n.Role != Ndbmtd && n.Role != Mysqld {
			return fmt.Errorf("node %s has no known role: %q", n.Name, n.Role)
		}
		ids[n.ID], hosts[n.Host] = n.Name, n.Name
		roles[n.Role]++
	}
	if roles[Mgmd] == 0 || roles[Mysqld] == 0 || roles[Ndbmtd] == 0 || roles[Ndbmtd]%NodeGroupSize != 0 {
		return fmt.Errorf("want at least one ndb_mgmd, one mysqld, and ndbmtds in pairs; there are %d, %d and %d",
			roles[Mgmd], roles[Mysqld], roles[Ndbmtd])
	}
	return nil
}
