package secure

import (
	"fmt"

	"ndbproof/harness/release"
)

// Error numbers with which a server refuses.
const (
	errDatabase  uint16 = 1044 // ER_DBACCESS_DENIED_ERROR
	errAccount   uint16 = 1045 // ER_ACCESS_DENIED_ERROR
	errThread    uint16 = 1095 // ER_KILL_DENIED_ERROR
	errTable     uint16 = 1142 // ER_TABLEACCESS_DENIED_ERROR
	errPrivilege uint16 = 1227 // ER_SPECIFIC_ACCESS_DENIED_ERROR
	errRoutine   uint16 = 1370 // ER_PROCACCESS_DENIED_ERROR
	errSeveral   uint16 = 3630 // ER_PERSIST_ONLY_ACCESS_DENIED_ERROR
)

// Probe is a statement that the channel's account must be refused.
type Probe struct {
	Statement string `json:"statement"`
	Errno     uint16 `json:"errno"`     // exactly this one
	Privilege string `json:"privilege"` // the least that would allow it
	// Destructive tells that the statement would do harm if it were allowed: it is
	// tried on a server made for it. All others do nothing to speak of then.
	Destructive bool `json:"destructive,omitempty"`
}

// Answer is a statement that the account may run, and what its answer must be
// without.
type Answer struct {
	Statement string `json:"statement"`
	// Empty means no row, or a single NULL; else no row may hold one of Absent.
	Empty  bool     `json:"empty,omitempty"`
	Absent []string `json:"absent,omitempty"`
	Filter string   `json:"filter"` // the privilege that would show more
}

// Refused is what an account with REPLICATION SLAVE and nothing else is refused
// at a server that has the table test1.t1, with the error that 9.7.4 was seen to
// give for each. peer is the id of a connection of another account, for KILL, on
// the server that destructive ones are tried on.
func Refused(w release.Words, peer uint64) []Probe {
	all := append(replicationProbes(w), serverProbes(peer)...)
	all = append(all, accountProbes()...)
	return append(all, dataProbes()...)
}

// Ends tells whether a statement ends the server where it is allowed.
func Ends(statement string) bool { return statement == "SHUTDOWN" || statement == "RESTART" }

// Allowed is what the account may do: REPLICATION SLAVE reads all rows of all
// databases through the binary log (gap G7).
func Allowed(w release.Words) []string {
	return []string{"SHOW BINLOG EVENTS LIMIT 1", "SHOW RELAYLOG EVENTS LIMIT 1", w.ShowReplicas}
}

// Filtered is what the account may ask, and gets nothing of others by.
func Filtered() []Answer {
	return []Answer{
		{Statement: "SHOW DATABASES", Absent: []string{"mysql", "ndbinfo", "ndbproof", "sys", "test1"}, Filter: "SHOW DATABASES"},
		{Statement: "SHOW PROCESSLIST", Absent: []string{AdminUser, Root, "system user"}, Filter: "PROCESS"},
		{Statement: "SELECT LOAD_FILE('/etc/passwd')", Empty: true, Filter: "FILE"},
		{Statement: "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema')", Empty: true, Filter: "SELECT"},
		{Statement: "SELECT DISTINCT GRANTEE FROM information_schema.USER_PRIVILEGES", Absent: []string{AdminUser, Root}, Filter: "SELECT on mysql"},
		{Statement: "SHOW OPEN TABLES FROM test1", Empty: true, Filter: "SELECT"},
	}
}

func replicationProbes(w release.Words) []Probe {
	list := func(statements ...string) (out []Probe) {
		for _, s := range statements {
			out = append(out, Probe{Statement: s, Errno: errPrivilege, Privilege: w.ReplicationClient})
		}
		return out
	}
	admin := func(s string) Probe {
		return Probe{Statement: s, Errno: errPrivilege, Privilege: w.ReplicationAdmin, Destructive: true}
	}
	return append(list("SHOW BINARY LOGS", w.ShowBinaryLogStatus, w.ShowReplicaStatus),
		admin(w.ChangeSource+" "+w.Option+"CONNECT_RETRY=60"),
		admin("CHANGE REPLICATION FILTER REPLICATE_DO_DB=(none)"),
		admin(w.StartReplica),
		admin(w.StopReplica),
		Probe{Statement: w.ResetReplicaAll, Errno: errPrivilege, Privilege: "RELOAD", Destructive: true},
		Probe{Statement: w.ResetBinaryLogs, Errno: errPrivilege, Privilege: "RELOAD", Destructive: true},
		Probe{Statement: "PURGE BINARY LOGS BEFORE '1970-01-02'", Errno: errPrivilege, Privilege: "BINLOG_ADMIN"},
		Probe{Statement: "BINLOG ''", Errno: errPrivilege, Privilege: "BINLOG_ADMIN"},
		Probe{Statement: "FLUSH BINARY LOGS", Errno: errPrivilege, Privilege: "RELOAD"},
		Probe{Statement: "SET SESSION sql_log_bin=0", Errno: errPrivilege, Privilege: "SESSION_VARIABLES_ADMIN"},
		Probe{Statement: "SET SESSION gtid_next='AUTOMATIC'", Errno: errPrivilege, Privilege: "SESSION_VARIABLES_ADMIN"},
		Probe{Statement: "SET GLOBAL binlog_encryption=ON", Errno: errPrivilege, Privilege: "SYSTEM_VARIABLES_ADMIN"},
		Probe{Statement: "ALTER INSTANCE ROTATE BINLOG MASTER KEY", Errno: errPrivilege, Privilege: "BINLOG_ENCRYPTION_ADMIN"},
	)
}

func serverProbes(peer uint64) []Probe {
	return []Probe{
		{Statement: "RESTART", Errno: errPrivilege, Privilege: "SHUTDOWN", Destructive: true},
		{Statement: "SHUTDOWN", Errno: errPrivilege, Privilege: "SHUTDOWN", Destructive: true},
		{Statement: fmt.Sprintf("KILL %d", peer), Errno: errThread, Privilege: "CONNECTION_ADMIN", Destructive: true},
		{Statement: "SHOW ENGINE INNODB STATUS", Errno: errPrivilege, Privilege: "PROCESS"},
		{Statement: "FLUSH PRIVILEGES", Errno: errPrivilege, Privilege: "RELOAD", Destructive: true},
		{Statement: "FLUSH TABLES WITH READ LOCK", Errno: errPrivilege, Privilege: "RELOAD", Destructive: true},
		{Statement: "FLUSH STATUS", Errno: errPrivilege, Privilege: "RELOAD", Destructive: true},
		{Statement: "SET GLOBAL max_connect_errors=100", Errno: errPrivilege, Privilege: "SYSTEM_VARIABLES_ADMIN"},
		{Statement: "SET GLOBAL require_secure_transport=ON", Errno: errPrivilege, Privilege: "SYSTEM_VARIABLES_ADMIN"},
		{Statement: "SET PERSIST max_connect_errors=100", Errno: errPrivilege, Privilege: "SYSTEM_VARIABLES_ADMIN", Destructive: true},
		{Statement: "SET PERSIST_ONLY max_connect_errors=100", Errno: errSeveral, Privilege: "PERSIST_RO_VARIABLES_ADMIN", Destructive: true},
		{Statement: "ALTER INSTANCE RELOAD TLS", Errno: errPrivilege, Privilege: "CONNECTION_ADMIN"},
		{Statement: "ALTER INSTANCE ROTATE INNODB MASTER KEY", Errno: errPrivilege, Privilege: "ENCRYPTION_KEY_ADMIN", Destructive: true},
		{Statement: "INSTALL COMPONENT 'file://component_none'", Errno: errTable, Privilege: "INSERT on mysql.component"},
		{Statement: "UNINSTALL COMPONENT 'file://component_none'", Errno: errTable, Privilege: "DELETE on mysql.component"},
		{Statement: "INSTALL PLUGIN ndbproof_none SONAME 'none.so'", Errno: errTable, Privilege: "INSERT on mysql.plugin"},
		{Statement: "CREATE FUNCTION ndbproof_none RETURNS STRING SONAME 'none.so'", Errno: errDatabase, Privilege: "INSERT on mysql"},
		{Statement: "CLONE LOCAL DATA DIRECTORY '/none/none'", Errno: errPrivilege, Privilege: "BACKUP_ADMIN"},
		{Statement: "LOCK INSTANCE FOR BACKUP", Errno: errPrivilege, Privilege: "BACKUP_ADMIN"},
		{Statement: "CREATE SERVER ndbproof_none FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'none')", Errno: errPrivilege, Privilege: "SUPER", Destructive: true},
		{Statement: "SELECT 1 INTO OUTFILE '/none/none'", Errno: errPrivilege, Privilege: "FILE"},
		{Statement: "LOAD DATA INFILE '/none/none' INTO TABLE test1.t1", Errno: errAccount, Privilege: "FILE"},
	}
}

func accountProbes() []Probe {
	create := func(s, p string) Probe {
		return Probe{Statement: s, Errno: errPrivilege, Privilege: p, Destructive: true}
	}
	return []Probe{
		create("CREATE USER ndbproof_none", "CREATE USER"),
		create("DROP USER ndbproof_none", "CREATE USER"),
		create("ALTER USER root@localhost ACCOUNT UNLOCK", "CREATE USER"),
		create("CREATE ROLE ndbproof_none", "CREATE ROLE"),
		create("DROP ROLE ndbproof_none", "DROP ROLE"),
		{Statement: "GRANT SELECT ON *.* TO user1", Errno: errAccount, Privilege: "SELECT with GRANT OPTION", Destructive: true},
		{Statement: "GRANT REPLICATION SLAVE ON *.* TO root@localhost", Errno: errAccount, Privilege: "GRANT OPTION", Destructive: true},
		{Statement: "GRANT REPLICATION_SLAVE_ADMIN ON *.* TO user1", Errno: errPrivilege, Privilege: "GRANT OPTION", Destructive: true},
		{Statement: "REVOKE REPLICATION SLAVE ON *.* FROM user1", Errno: errAccount, Privilege: "GRANT OPTION", Destructive: true},
		{Statement: "SET PASSWORD FOR root@localhost = 'none'", Errno: errDatabase, Privilege: "UPDATE on mysql", Destructive: true},
		{Statement: "SHOW GRANTS FOR root@localhost", Errno: errTable, Privilege: "SELECT on mysql"},
		{Statement: "SHOW CREATE USER root@localhost", Errno: errDatabase, Privilege: "SELECT on mysql"},
	}
}

func dataProbes() []Probe {
	p := func(s string, errno uint16, privilege string) Probe {
		return Probe{Statement: s, Errno: errno, Privilege: privilege}
	}
	harm := func(q Probe) Probe { q.Destructive = true; return q }
	return []Probe{
		p("USE test1", errDatabase, "any on test1"),
		p("USE mysql", errDatabase, "any on mysql"),
		p("SHOW TABLES FROM test1", errDatabase, "any on test1"),
		p("SHOW CREATE TABLE test1.t1", errTable, "any on test1.t1"),
		p("SELECT * FROM test1.t1 LIMIT 1", errTable, "SELECT"),
		p("INSERT INTO test1.t1 SELECT * FROM test1.t1 WHERE FALSE", errTable, "INSERT"),
		p("UPDATE test1.t1 SET id=id WHERE FALSE", errTable, "UPDATE"),
		p("DELETE FROM test1.t1 WHERE FALSE", errTable, "DELETE"),
		p("SELECT * FROM mysql.ndb_apply_status", errTable, "SELECT"),
		p("SELECT * FROM mysql.ndb_binlog_index LIMIT 1", errTable, "SELECT"),
		p("SELECT * FROM mysql.user", errTable, "SELECT"),
		p("SELECT * FROM mysql.slave_master_info", errTable, "SELECT"),
		p("SELECT * FROM ndbinfo.transporters LIMIT 1", errTable, "SELECT"),
		p("SELECT * FROM performance_schema.keyring_keys", errTable, "SELECT"),
		p("SELECT * FROM performance_schema.threads LIMIT 1", errTable, "SELECT"),
		p("SELECT * FROM performance_schema.replication_connection_configuration", errTable, "SELECT"),
		p("LOCK TABLES test1.t1 READ", errDatabase, "LOCK TABLES"),
		p("CHECKSUM TABLE test1.t1", errTable, "SELECT"),
		p("CALL test1.none()", errRoutine, "EXECUTE"),
		p("DROP DATABASE ndbproof_none", errDatabase, "DROP"),
		harm(p("CREATE DATABASE ndbproof_none", errDatabase, "CREATE")),
		harm(p("CREATE TABLE test1.none (id INT PRIMARY KEY)", errTable, "CREATE")),
		harm(p("ALTER TABLE test1.t1 COMMENT ''", errTable, "ALTER")),
		harm(p("TRUNCATE TABLE test1.t1", errTable, "DROP")),
		harm(p("DROP TABLE test1.t1", errTable, "DROP")),
		harm(p("CREATE INDEX none ON test1.t1 (id)", errTable, "INDEX")),
		harm(p("CREATE VIEW test1.none AS SELECT 1", errTable, "CREATE VIEW")),
		harm(p("CREATE PROCEDURE test1.none() SELECT 1", errDatabase, "CREATE ROUTINE")),
		harm(p("CREATE EVENT test1.none ON SCHEDULE AT '2100-01-01' DO SELECT 1", errDatabase, "EVENT")),
	}
}
