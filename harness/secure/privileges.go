package secure

import (
	"strings"

	"ndbproof/harness/release"
)

// Kind is how it is shown that an account has not a privilege.
type Kind string

// Kinds of privileges, as seen from an account with REPLICATION SLAVE alone.
const (
	Granted   Kind = "granted"  // it has it: every account, or by the procedure
	IsRefused Kind = "refused"  // a statement is refused with an error
	IsHidden  Kind = "filtered" // a statement's answer is without something
	Unprobed  Kind = "no-probe" // nothing can be tried; the equality of grants covers it
)

// Privilege is what is known of one, under the name that SHOW PRIVILEGES prints,
// in capitals.
type Privilege struct {
	Name      string `json:"name"`
	Kind      Kind   `json:"kind"`
	Statement string `json:"statement,omitempty"` // of refused and filtered
	Errno     uint16 `json:"errno,omitempty"`     // of refused: exactly this one
	// Destructive tells that the statement would do harm if it were allowed.
	Destructive bool   `json:"destructive,omitempty"`
	Reason      string `json:"reason,omitempty"` // of no-probe and granted
}

// More error numbers with which a server refuses.
const (
	errRoutineUnseen uint16 = 1305 // ER_SP_DOES_NOT_EXIST: so it says of what one may not see
	errXA            uint16 = 1401 // ER_XAER_RMERR
	errProxy         uint16 = 1698 // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
	errTag           uint16 = 6038 // ER_EXPLICIT_GTID_TAG_ACCESS_DENIED
	errSpatial       uint16 = 6427 // ER_CMD_NEED_SUPER_OR_CREATE_SPATIAL_REFERENCE_SYSTEM
)

// Privileges is what is known of all privileges of 8.0, 8.4 and 9.7, those that
// components and plug-ins bring along too. Errors are those that 9.7.4 was seen
// to give. A privilege that is not among them is new in its release: a
// developer has to find out what it allows.
func Privileges(w release.Words) []Privilege {
	return append(append(staticPrivileges(w), administrative(w)...), unprobed()...)
}

// PrivilegeOf finds a privilege by its name.
func PrivilegeOf(all []Privilege, name string) (Privilege, bool) {
	for _, p := range all {
		if strings.EqualFold(p.Name, name) {
			return p, true
		}
	}
	return Privilege{}, false
}

func refusal(name, statement string, errno uint16) Privilege {
	return Privilege{Name: name, Kind: IsRefused, Statement: statement, Errno: errno}
}

// harmful is a refusal of what is tried on a server made for it, because an
// account might hold more than it should.
func harmful(name, statement string, errno uint16) Privilege {
	p := refusal(name, statement, errno)
	p.Destructive = true
	return p
}

// hidden is a statement whose answer has rows, and none for the account.
func hidden(name, statement string) Privilege {
	return Privilege{Name: name, Kind: IsHidden, Statement: statement}
}

// staticPrivileges are those with a column in mysql.user.
func staticPrivileges(w release.Words) []Privilege {
	return []Privilege{
		{Name: "USAGE", Kind: Granted, Reason: "every account has it, and it allows nothing"},
		{Name: "REPLICATION SLAVE", Kind: Granted, Reason: "by the procedure; it reads all rows through the binary log (gap G7)"},
		harmful("ALTER", "ALTER TABLE test1.t1 COMMENT ''", errTable),
		refusal("ALTER ROUTINE", "ALTER PROCEDURE test1.none COMMENT ''", errRoutine),
		harmful("CREATE", "CREATE TABLE test1.none (id INT PRIMARY KEY)", errTable),
		harmful("CREATE ROLE", "CREATE ROLE ndbproof_none", errPrivilege),
		harmful("CREATE ROUTINE", "CREATE PROCEDURE test1.none() SELECT 1", errDatabase),
		refusal("CREATE TABLESPACE", "DROP TABLESPACE ndbproof_none", errPrivilege),
		refusal("CREATE TEMPORARY TABLES", "CREATE TEMPORARY TABLE test1.none (id INT)", errDatabase),
		harmful("CREATE USER", "CREATE USER ndbproof_none", errPrivilege),
		harmful("CREATE VIEW", "CREATE VIEW test1.none AS SELECT 1", errTable),
		refusal("DELETE", "DELETE FROM test1.t1 WHERE FALSE", errTable),
		refusal("DROP", "DROP DATABASE ndbproof_none", errDatabase),
		refusal("DROP ROLE", "DROP ROLE ndbproof_none", errPrivilege),
		refusal("EVENT", "SHOW EVENTS FROM test1", errDatabase),
		refusal("EXECUTE", "CALL test1.none()", errRoutine),
		refusal("FILE", "SELECT 1 INTO OUTFILE '/none/none'", errPrivilege),
		harmful("GRANT OPTION", "GRANT SELECT ON *.* TO user1", errAccount),
		harmful("INDEX", "CREATE INDEX none ON test1.t1 (id)", errTable),
		refusal("INSERT", "INSERT INTO test1.t1 SELECT * FROM test1.t1 WHERE FALSE", errTable),
		refusal("LOCK TABLES", "LOCK TABLES test1.t1 READ", errDatabase),
		refusal("PROCESS", "SHOW ENGINE INNODB STATUS", errPrivilege),
		harmful("PROXY", "GRANT PROXY ON root@localhost TO user1", errProxy),
		refusal("RELOAD", "FLUSH BINARY LOGS", errPrivilege),
		refusal("REPLICATION CLIENT", w.ShowBinaryLogStatus, errPrivilege),
		refusal("SELECT", "SELECT * FROM test1.t1 LIMIT 1", errTable),
		hidden("SHOW DATABASES", "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('mysql', 'ndbinfo', 'ndbproof', 'sys', 'test1')"),
		harmful("SHUTDOWN", "SHUTDOWN", errPrivilege),
		harmful("SUPER", "CREATE SERVER ndbproof_none FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'none')", errPrivilege),
		hidden("TRIGGER", "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS"), // the server's own, in sys
		refusal("UPDATE", "UPDATE test1.t1 SET id=id WHERE FALSE", errTable),
	}
}

// administrative are dynamic privileges that a statement tells.
func administrative(w release.Words) []Privilege {
	return []Privilege{
		harmful("APPLICATION_PASSWORD_ADMIN", "ALTER USER 'user1'@'%' DISCARD OLD PASSWORD", errPrivilege),
		refusal("BACKUP_ADMIN", "LOCK INSTANCE FOR BACKUP", errPrivilege),
		refusal("BINLOG_ADMIN", "BINLOG ''", errPrivilege),
		harmful("BINLOG_ENCRYPTION_ADMIN", "ALTER INSTANCE ROTATE BINLOG MASTER KEY", errPrivilege),
		harmful("CLONE_ADMIN", "CLONE INSTANCE FROM none@none:3306 IDENTIFIED BY 'none'", errPrivilege),
		refusal("CONNECTION_ADMIN", "ALTER INSTANCE RELOAD TLS", errPrivilege),
		refusal("CREATE_SPATIAL_REFERENCE_SYSTEM", "DROP SPATIAL REFERENCE SYSTEM IF EXISTS 1000000", errSpatial),
		harmful("ENCRYPTION_KEY_ADMIN", "ALTER INSTANCE ROTATE INNODB MASTER KEY", errPrivilege),
		harmful("FLUSH_OPTIMIZER_COSTS", "FLUSH OPTIMIZER_COSTS", errPrivilege),
		harmful("FLUSH_PRIVILEGES", "FLUSH PRIVILEGES", errPrivilege),
		harmful("FLUSH_STATUS", "FLUSH STATUS", errPrivilege),
		harmful("FLUSH_TABLES", "FLUSH TABLES", errPrivilege),
		harmful("FLUSH_USER_RESOURCES", "FLUSH USER_RESOURCES", errPrivilege),
		refusal("GROUP_REPLICATION_ADMIN", "STOP GROUP_REPLICATION", errPrivilege),
		refusal("INNODB_REDO_LOG_ARCHIVE", "DO innodb_redo_log_archive_start('none')", errPrivilege),
		refusal("INNODB_REDO_LOG_ENABLE", "ALTER INSTANCE ENABLE INNODB REDO_LOG", errPrivilege),
		refusal("MANAGE_DATA_MASKING_POLICY", "DROP MASKING POLICY ndbproof_none", errPrivilege),
		harmful("OPTIMIZE_LOCAL_TABLE", "OPTIMIZE LOCAL TABLE test1.t1", errPrivilege),
		harmful("PERSIST_RO_VARIABLES_ADMIN", "SET PERSIST_ONLY max_connect_errors=100", errSeveral),
		refusal("REPLICATION_APPLIER", "SET SESSION original_commit_timestamp=1", errPrivilege),
		harmful("REPLICATION_SLAVE_ADMIN", w.StopReplica, errPrivilege),
		refusal("RESOURCE_GROUP_ADMIN", "DROP RESOURCE GROUP ndbproof_none", errPrivilege),
		refusal("RESOURCE_GROUP_USER", "SET RESOURCE GROUP USR_default", errPrivilege),
		harmful("ROLE_ADMIN", "GRANT ndbproof_none TO user1", errPrivilege),
		refusal("SESSION_VARIABLES_ADMIN", "SET SESSION sql_log_bin=0", errPrivilege),
		refusal("SHOW_ROUTINE", "SHOW CREATE FUNCTION sys.extract_schema_from_file_name", errRoutineUnseen),
		refusal("SYSTEM_VARIABLES_ADMIN", "SET GLOBAL max_connect_errors=100", errPrivilege),
		refusal("TRANSACTION_GTID_TAG", "SET SESSION gtid_next='AUTOMATIC:none'", errTag),
		refusal("XA_RECOVER_ADMIN", "XA RECOVER", errXA),
	}
}

// reasons why nothing can be tried, and the privileges that they hold for.
var reasons = map[string][]string{
	"it counts only beside another privilege, whose lack is what the server names": {
		"AUTHENTICATION_POLICY_ADMIN", "PASSWORDLESS_USER_ADMIN", "REFERENCES", "SHOW VIEW", "TABLE_ENCRYPTION_ADMIN",
	},
	"it is about who stands as the definer of a view or routine, and the account may create neither": {
		"ALLOW_NONEXISTENT_DEFINER", "SET_ANY_DEFINER", "SET_USER_ID",
	},
	"it allows no statement: it protects an account from others, or says that NDB shares it": {
		"NDB_STORED_USER", "SYSTEM_USER",
	},
	"it lets a session past a plug-in or component that the procedure does not have, or administers one": {
		"AUDIT_ABORT_EXEMPT", "AUDIT_ADMIN", "EXPORT_QUERY_RESULTS", "FIREWALL_ADMIN", "FIREWALL_EXEMPT", "FIREWALL_USER",
		"MASKING_DICTIONARIES_ADMIN", "OPTION_TRACKER_OBSERVER", "OPTION_TRACKER_UPDATER", "SENSITIVE_VARIABLES_OBSERVER",
		"SKIP_QUERY_REWRITE", "TELEMETRY_LOG_ADMIN", "TP_CONNECTION_ADMIN", "VECTOR_STORE_LOAD_EXEC", "VERSION_TOKEN_ADMIN",
	},
	"it is for sessions of the servers themselves, or on a port that nothing listens at (traffic.sockets)": {
		"GROUP_REPLICATION_STREAM", "SERVICE_CONNECTION_ADMIN",
	},
}

func unprobed() []Privilege {
	var all []Privilege
	for reason, names := range reasons {
		for _, n := range names {
			all = append(all, Privilege{Name: n, Kind: Unprobed, Reason: reason})
		}
	}
	return all
}
