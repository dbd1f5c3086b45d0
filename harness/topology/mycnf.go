package topology

import (
	"path"

	"ndbproof/harness/release"
)

// waitSeconds is how long a mysqld waits for its data nodes before it serves
// without them: longer than any start, so that a mysqld that answers is ready.
const waitSeconds = 600

// myCnf is a mysqld's option file, in the order of the procedure's steps. An
// option that a release does not know stops mysqld, so each is given only to
// releases that have it.
func (s Spec) myCnf(n Node) []byte {
	var b ini
	b.section("mysqld")
	s.serverOptions(&b)
	s.ndbOptions(&b, n)
	s.replicationOptions(&b)
	s.tlsOptions(&b)
	s.encryptionOptions(&b)
	if s.Name == string(Replica) {
		b.WriteString("\n# step 2: client files. Programs read these; the channel does not, it has its own.\n")
		b.section("client")
		b.set("ssl-ca", CAPath)
		b.set("ssl-cert", path.Join(TLSDir, "client-cert.pem"))
		b.set("ssl-key", path.Join(TLSDir, "client-key.pem"))
	}
	return []byte(b.String())
}

// spareCnf is the option file of a server outside of the cluster.
func (s Spec) spareCnf() []byte {
	w := s.Release.Words()
	var b ini
	b.section("mysqld")
	s.serverOptions(&b)
	b.WriteString("# half of the memory of a server that has no rows\n")
	b.set("performance_schema", "OFF")
	b.set("loose_ndbcluster", "OFF")
	b.WriteString("\n# what statements of replication are about\n")
	b.set("server_id", s.ServerID)
	b.set("log_bin", "binlog")
	b.set("relay_log", "relay")
	b.set(w.SkipReplicaStart, "ON")
	s.tlsOptions(&b)
	return []byte(b.String())
}

func (s Spec) serverOptions(b *ini) {
	l := s.Layout
	if dir := s.programs(); dir != standardBin {
		b.set("basedir", path.Dir(dir))
		b.set("plugin_dir", l.Plugin)
		b.set("lc_messages_dir", l.Share)
		b.set("character_sets_dir", path.Join(l.Share, "charsets"))
	}
	b.set("datadir", DataDir)
	b.set("socket", SocketPath)
	b.set("pid_file", path.Join(MysqlDir, "mysqld.pid"))
	b.set("port", MysqlPort)
	b.set("bind_address", "*")
	b.WriteString("# no second listener; a build may lack the X plugin\n")
	b.set("loose_mysqlx", "OFF")
	b.WriteString("# a TCP client never counts as localhost, so that root can log in by the socket only\n")
	b.set("skip_name_resolve", "ON")
	b.set("max_connections", 200)
	b.set("table_open_cache", 400)
	b.size("innodb_buffer_pool_size", s.Tuning.InnodbBufferPool)
	if s.Release.AtLeast(8, 0, 30) { // replaced innodb_log_file_size
		b.size("innodb_redo_log_capacity", s.Tuning.InnodbRedoLog)
	}
}

func (s Spec) ndbOptions(b *ini, n Node) {
	b.WriteString("\n# step 1: NDB\nndbcluster\n")
	b.set("ndb_connectstring", s.Connectstring())
	b.count("ndb_nodeid", n.ID) // without: any slot that is free
	b.set("ndb_wait_connected", waitSeconds)
	b.set("ndb_wait_setup", waitSeconds)
}

func (s Spec) replicationOptions(b *ini) {
	r, w := s.Release, s.Release.Words()
	b.WriteString("\n# replication\n")
	b.set("server_id", s.ServerID)
	b.set("log_bin", "binlog")
	b.set("relay_log", "relay")
	if !r.AtLeast(8, 0, 34) { // deprecated from there on; ROW is its default
		b.set("binlog_format", "ROW")
	}
	b.WriteString("# 0, the default, logs no row of NDB at all\n")
	b.set("ndb_log_bin", digit(s.Profile.NdbLogBin))
	b.set(w.LogReplicaUpdates, "ON")
	b.set("gtid_mode", "OFF")
	b.set("enforce_gtid_consistency", "OFF")
	b.set(w.SkipReplicaStart, "ON")
	if !r.AtLeast(8, 0, 33) {
		b.WriteString("# NDB applies in parallel from 8.0.33 on; the default is 4 from 8.0.27 on\n")
		b.set(w.ReplicaParallelWorkers, 0)
	}
}

func (s Spec) tlsOptions(b *ini) {
	b.WriteString("\n# step 2: secure connections\n")
	b.set("ssl_ca", CAPath)
	b.set("ssl_cert", path.Join(TLSDir, "server-cert.pem"))
	b.set("ssl_key", path.Join(TLSDir, "server-key.pem"))
	b.set("tls_version", "TLSv1.2,TLSv1.3")
	b.set("require_secure_transport", onOff(s.Profile.RequireSecureTransport))
	b.set("auto_generate_certs", "OFF")
}

func (s Spec) encryptionOptions(b *ini) {
	b.WriteString("\n# step 3: binary log and relay log encryption\n")
	if s.Profile.Keyring && s.KeyringPlugin {
		b.set("early_plugin_load", "keyring_file.so")
		b.set("keyring_file_data", pluginKeyring)
	}
	if s.Profile.BinlogEncryption && !s.EncryptAtStart {
		b.WriteString("# switched on by SQL after the start: mysqld would crash (" + release.F1.ID + ")\n")
	}
	b.set("binlog_encryption", onOff(s.EncryptAtStart))
}

func onOff(b bool) string {
	if b {
		return "ON"
	}
	return "OFF"
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
