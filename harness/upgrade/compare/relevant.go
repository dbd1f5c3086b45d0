package compare

// Reasons of relevant, where several settings have the same one.
const (
	plainWay  = "it decides whether clients may come without TLS"
	howStrong = "it decides how strong TLS is, and with whose certificates"
	atRest    = "it decides what is encrypted on disk"
	whoMay    = "it decides who may log in, and with what"
	whatIsLog = "it decides what is replicated; what is not logged is lost without an error"
	nodeTLS   = "it decides whether links between NDB nodes are TLS"
	keyring   = "without its keyring a server cannot read its own logs"
)

// relevant are the settings whose effective value is a part of the protection,
// or of what is replicated. The upgrade is not taken when a new release changes
// or drops one of them, whichever way: that is for a person to judge, who puts it
// into ignored.json with the reason. Sources: reference manual, "Server System
// Variables", "Using Encrypted Connections", "Encrypting Binary Log Files and
// Relay Log Files", "NDB Cluster System Variables", "TLS Link Encryption for NDB
// Cluster", "MySQL Keyring Component Installation".
var relevant = []Rule{
	{Area: AreaVariable, Name: "require_secure_transport", Reason: plainWay},
	{Area: AreaVariable, Name: "tls_*", Reason: howStrong},
	{Area: AreaVariable, Name: "ssl_*", Reason: howStrong},
	{Area: AreaVariable, Name: "admin_tls_*", Reason: howStrong},
	{Area: AreaVariable, Name: "admin_ssl_*", Reason: howStrong},
	{Area: AreaVariable, Name: "auto_generate_certs", Reason: howStrong},
	{Area: AreaVariable, Name: "binlog_encryption", Reason: atRest},
	{Area: AreaVariable, Name: "binlog_rotate_encryption_master_key_at_startup", Reason: atRest},
	{Area: AreaVariable, Name: "default_table_encryption", Reason: atRest},
	{Area: AreaVariable, Name: "table_encryption_privilege_check", Reason: atRest},
	{Area: AreaVariable, Name: "innodb_redo_log_encrypt", Reason: atRest},
	{Area: AreaVariable, Name: "innodb_undo_log_encrypt", Reason: atRest},
	{Area: AreaVariable, Name: "server_uuid", Reason: "it names the master keys of log encryption; another one means another data directory"},
	{Area: AreaVariable, Name: "authentication_policy", Reason: whoMay},
	{Area: AreaVariable, Name: "default_authentication_plugin", Reason: whoMay},
	{Area: AreaVariable, Name: "caching_sha2_password_*", Reason: whoMay},
	{Area: AreaVariable, Name: "check_proxy_users", Reason: whoMay},
	{Area: AreaVariable, Name: "mandatory_roles", Reason: whoMay},
	{Area: AreaVariable, Name: "activate_all_roles_on_login", Reason: whoMay},
	{Area: AreaVariable, Name: "partial_revokes", Reason: whoMay},
	{Area: AreaVariable, Name: "password_*", Reason: whoMay},
	{Area: AreaVariable, Name: "default_password_lifetime", Reason: whoMay},
	{Area: AreaVariable, Name: "disconnect_on_expired_password", Reason: whoMay},
	{Area: AreaVariable, Name: "validate_password*", Reason: whoMay},
	{Area: AreaVariable, Name: "skip_networking", Reason: whoMay},
	{Area: AreaVariable, Name: "skip_name_resolve", Reason: "it decides which host an account's client is taken to come from"},
	{Area: AreaVariable, Name: "local_infile", Reason: "it lets a server ask clients for their files"},
	{Area: AreaVariable, Name: "secure_file_priv", Reason: "it decides where accounts with FILE read and write"},
	{Area: AreaVariable, Name: "log_bin", Reason: whatIsLog},
	{Area: AreaVariable, Name: "sql_log_bin", Reason: whatIsLog},
	{Area: AreaVariable, Name: "ndb_log_bin", Reason: whatIsLog},
	{Area: AreaVariable, Name: "ndb_log_updated_only", Reason: whatIsLog},
	{Area: AreaVariable, Name: "ndb_log_update_as_write", Reason: whatIsLog},
	{Area: AreaVariable, Name: "ndb_log_update_minimal", Reason: whatIsLog},
	{Area: AreaVariable, Name: "ndb_log_empty_epochs", Reason: whatIsLog},
	{Area: AreaVariable, Name: "binlog_format", Reason: whatIsLog},
	{Area: AreaVariable, Name: "binlog_row_image", Reason: whatIsLog},
	{Area: AreaVariable, Name: "relay_log_recovery", Reason: "it decides what a replica that has crashed applies twice, or never"},
	{Area: AreaVariable, Name: "replica_skip_errors", Reason: "an error that the applier passes over is a row lost"},
	{Area: AreaVariable, Name: "slave_skip_errors", Reason: "an error that the applier passes over is a row lost"},
	{Area: AreaConfig, Name: "RequireTls", Reason: nodeTLS},
	{Area: AreaConfig, Name: "RequireCertificate", Reason: nodeTLS},
	{Area: AreaConfig, Name: "RequireLinkTls", Reason: nodeTLS},
	{Area: AreaConfig, Name: "EncryptedFileSystem", Reason: atRest},
	{Area: AreaConfig, Name: "RequireEncryptedBackup", Reason: atRest},
	{Area: AreaComponent, Name: "file://*", Reason: "what was installed as a component (passwords, audit) is a part of the protection"},
	{Area: AreaComponent, Name: "Component_name", Reason: keyring},
	{Area: AreaComponent, Name: "Component_status", Reason: keyring},
	{Area: AreaComponent, Name: "Implementation_name", Reason: keyring},
	{Area: AreaComponent, Name: "Data_file", Reason: keyring},
	{Area: AreaPlugin, Name: "ndbcluster", Reason: "without it there is no NDB"},
	{Area: AreaPlugin, Name: "caching_sha2_password", Reason: whoMay},
}
