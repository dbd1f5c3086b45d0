package topology

import (
	"bytes"
	_ "embed"
	"fmt"
	"net"
	"path"
	"strings"
	"text/template"
	"time"

	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
)

// Material is what a bundle holds that must be new for each: certificates and
// passwords.
type Material struct {
	Authority   *secure.Authority
	Server      map[Side]secure.Certificate
	Client      secure.Certificate // the replica's
	Admin, Root map[Side]secret.Secret
	Replication secret.Secret
}

// NewMaterial makes it. now is the beginning of the certificates' seven days.
func NewMaterial(pair [2]Spec, now time.Time) (Material, error) {
	m := Material{
		Server: map[Side]secure.Certificate{},
		Admin:  map[Side]secret.Secret{}, Root: map[Side]secret.Secret{},
		Replication: secret.New(),
	}
	var err error
	if m.Authority, err = secure.NewAuthority("ndbproof compose authority", now); err != nil {
		return m, err
	}
	for _, s := range pair {
		side := Side(s.Name)
		m.Admin[side], m.Root[side] = secret.New(), secret.New()
		if m.Server[side], err = m.Authority.Issue(s.ServerSubject()); err != nil {
			return m, err
		}
	}
	m.Client, err = m.Authority.Issue(secure.Subject{CN: "replica client", Use: secure.Client})
	return m, err
}

// ServerSubject is what a cluster's server certificate is issued for: the names
// by which its mysqld is reached on the link, on its cluster's network, and at
// its door on the machine's own loopback address.
func (s Spec) ServerSubject() secure.Subject {
	names := []string{s.LinkHost(), "localhost"}
	for _, n := range s.Of(Mysqld) {
		names = append(names, n.Host)
	}
	return secure.Subject{CN: s.LinkHost(), Names: names, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Use: secure.Server}
}

// Channel is how the replica reaches this cluster, as the replica's profile has
// it (step 6). A replica that retries every second catches up at once when its
// source comes back.
func (s Spec) Channel(replica secure.Profile, password secret.Secret) secure.ChannelOptions {
	o := secure.ChannelOptions{
		Host: s.LinkHost(), Port: MysqlPort, User: secure.ReplicationUser, Password: password,
		TLS: replica.ChannelTLS, ConnectRetry: 1, RetryCount: 86400,
	}
	if replica.VerifyIdentity {
		o.CA, o.VerifyIdentity = CAPath, true
		o.Cert, o.Key = path.Join(TLSDir, "client-cert.pem"), path.Join(TLSDir, "client-key.pem")
	}
	return o
}

//go:embed bundle.md.tmpl
var readme string

// ComposeBundle gives compose.yaml, all that it mounts, the statements that
// remain, and a README.md with the commands. Paths are relative to the bundle's
// folder, which must be the writer's alone (0700): the folders in it are 0755,
// and the keys 0640, for the group in the options.
func ComposeBundle(pair [2]Spec, o ComposeOptions, m Material) ([]File, error) {
	compose, err := Compose(pair, o)
	if err != nil {
		return nil, err
	}
	text, err := bundleReadme(pair, o, m)
	if err != nil {
		return nil, fmt.Errorf("render the bundle's README.md: %w", err)
	}
	files := []File{
		{Path: "compose.yaml", Content: compose, Mode: 0o644},
		{Path: "README.md", Content: text, Mode: 0o644},
	}
	for _, s := range pair {
		mounted, err := s.mounted(m)
		if err != nil {
			return nil, err
		}
		files = append(append(files, mounted...), s.statements(m, pair[0])...)
	}
	return files, nil
}

func bundleReadme(pair [2]Spec, o ComposeOptions, m Material) ([]byte, error) {
	type row struct{ Name, Release, Image string }
	var rows []row
	for _, s := range pair {
		rows = append(rows, row{s.Name, s.Release.String(), o.Images[Side(s.Name)]})
	}
	t, err := template.New("README.md").Parse(readme)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Rows": rows, "Socket": SocketPath, "GID": o.GID, "Admin": secure.AdminUser, "Keyring": KeyringDir,
		"Until": m.Authority.Leaf.NotAfter.UTC().Format(time.DateOnly), "F1": release.F1.Title,
		"LateSource": pair[0].EncryptsLate(), "LateReplica": pair[1].EncryptsLate(),
	})
	return b.Bytes(), err
}

// mounted are the files that a cluster's nodes read.
func (s Spec) mounted(m Material) ([]File, error) {
	configs, err := s.Render()
	if err != nil {
		return nil, err
	}
	var out []File
	for _, c := range configs {
		all := c.Files
		if c.Node.Role == Mysqld {
			all = append(all, s.TLSFiles(m.Authority, m.Server[Side(s.Name)], m.Client)...)
		}
		for _, f := range all {
			mode := f.Mode
			if f.Own { // this machine does not know the servers' user; its further group is the writer's
				mode = 0o640
			}
			out = append(out, File{Path: bundlePath(s, c.Node, f.Path), Content: f.Content, Mode: mode})
		}
	}
	return out, nil
}

// statements are a cluster's SQL files, for its root on the socket.
func (s Spec) statements(m Material, source Spec) []File {
	side, w := Side(s.Name), s.Release.Words()
	script := func(name, text string) File {
		return File{Path: path.Join(s.Name, name), Content: []byte(text), Mode: 0o600}
	}
	var out []File
	if s.EncryptsLate() {
		out = append(out, script("encrypt.sql", encryptSQL(w)))
	}
	out = append(out, script("bootstrap.sql", secure.BootstrapSQL(s.Profile, m.Admin[side], m.Root[side])))
	if side == Source {
		return append(out,
			script("user1.sql", lines(secure.ReplicationUserSQL(m.Replication)...)),
			script("test1.sql", lines(
				"CREATE DATABASE test1",
				"CREATE TABLE test1.t1 (id INT NOT NULL PRIMARY KEY, v VARCHAR(64)) ENGINE=NDBCLUSTER",
				"INSERT INTO test1.t1 VALUES (1, 'written on the source')")))
	}
	return append(out,
		script("channel.sql", lines(secure.ChannelSQL(w, source.Channel(s.Profile, m.Replication)), w.StartReplica)),
		script("check.sql", lines("DO SLEEP(10)", w.ShowReplicaStatus, "SELECT * FROM test1.t1")))
}

// EncryptsLate tells whether log encryption is switched on by SQL.
func (s Spec) EncryptsLate() bool { return s.Profile.BinlogEncryption && !s.EncryptAtStart }

// encryptSQL works around F1: the injector's thread configures its cache at the
// first epoch that it logs; only then is it safe to encrypt, and the clear log
// goes. A row committed with sql_log_bin=0 does not do: NDB filters it out. The
// wait is for the epoch, which SQL by itself cannot wait for.
func encryptSQL(w release.Words) string {
	return lines(append([]string{
		"SET SESSION sql_log_bin=0",
		"CREATE DATABASE IF NOT EXISTS ndbproof",
		"CREATE TABLE IF NOT EXISTS ndbproof.start (id INT NOT NULL PRIMARY KEY) ENGINE=NDBCLUSTER",
		"SET SESSION sql_log_bin=1",
		"REPLACE INTO ndbproof.start VALUES (1)",
		"DO SLEEP(5)",
	}, secure.EncryptNewSQL(w)...)...)
}

// lines writes statements one to a line.
func lines(statements ...string) string { return strings.Join(statements, ";\n") + ";\n" }
