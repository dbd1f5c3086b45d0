package release

// Words are a release's names for the statements, columns and variables of
// replication. Since 8.0.22 they change from MASTER and SLAVE to SOURCE and
// REPLICA, piece by piece: whole statements, no terminating semicolon.
type Words struct {
	StartReplica, StopReplica   string // both threads
	StartReceiver, StopReceiver string
	StartApplier, StopApplier   string
	ShowReplicaStatus           string
	ResetReplicaAll             string
	ShowReplicas                string // asked of a source
	ChangeSource                string // followed by a list of options
	Option                      string // what an option's name begins with: SOURCE_ or MASTER_
	GetPublicKey                string // the option that asks the source for its RSA key

	Columns
	Variables

	ResetBinaryLogs     string
	ShowBinaryLogStatus string
	PositionWait        string // function: (file, position, seconds)

	// What an idle channel's threads say that they do.
	ReceiverWaits string // of the receiver, in IOState
	ApplierWaits  string // of the applier, in SQLState
	DumpWaits     string // of the source's dump thread, in SHOW PROCESSLIST

	// Privileges. Their names have not changed so far.
	ReplicationSlave  string // to read a source's binary log
	ReplicationClient string // to see positions and status
	ReplicationAdmin  string // to configure, start and stop a channel
}

// Columns are those of SHOW REPLICA STATUS. Names without an old word in them
// (Last_IO_Errno) are the same everywhere and stand here to be together.
type Columns struct {
	IORunning, SQLRunning              string // Yes, No, Connecting
	IOState, SQLState                  string
	LastIOErrno, LastIOError           string
	LastSQLErrno, LastSQLError         string
	SourceHost, SourceUser, SourcePort string
	SourceLogFile, ReadSourceLogPos    string // received so far
	RelaySourceLogFile                 string // with ExecSourceLogPos: applied so far
	ExecSourceLogPos                   string
	RelayLogFile                       string
	SecondsBehind                      string // of the applier behind what was logged; NULL when it does not run
	SSLAllowed, SSLCAFile, SSLVerify   string
}

// Variables are names of system variables, as a my.cnf and SET GLOBAL take them.
type Variables struct {
	SkipReplicaStart       string
	LogReplicaUpdates      string
	ReplicaParallelWorkers string
	ReplicaNetTimeout      string
	ReplicaSkipErrors      string
	ReplicaSkipCounter     string // how many transactions the applier is to leave out
}

// Words gives the release's names. Sources: the reference manual of 8.0 for
// CHANGE REPLICATION SOURCE TO (8.0.23), of replica_* variables and of thread
// states (8.0.26); of 8.4 for what was removed. 8.0.22 has REPLICA in some
// statements, but not yet SOURCE in CHANGE: it is given the old words
// throughout, which it knows as well, so that statements and columns agree.
func (r Release) Words() Words {
	w := replicaWords
	if !r.Has(ReplicaWords) {
		w = slaveWords
	}
	w.Variables, w.PositionWait = slaveVariables, "MASTER_POS_WAIT"
	w.ReceiverWaits = "Waiting for master to send event"
	w.ApplierWaits = "Slave has read all relay log; waiting for more updates"
	w.DumpWaits = "Master has sent all binlog to slave; waiting for more updates"
	if r.Has(ReplicaVariables) {
		w.Variables, w.PositionWait = replicaVariables, "SOURCE_POS_WAIT"
		w.ReceiverWaits = "Waiting for source to send event"
		w.ApplierWaits = "Replica has read all relay log; waiting for more updates"
		w.DumpWaits = "Source has sent all binlog to replica; waiting for more updates"
	}
	w.ResetBinaryLogs, w.ShowBinaryLogStatus = "RESET MASTER", "SHOW MASTER STATUS"
	if r.Has(BinaryLogStatus) {
		w.ResetBinaryLogs, w.ShowBinaryLogStatus = "RESET BINARY LOGS AND GTIDS", "SHOW BINARY LOG STATUS"
	}
	w.ReplicationSlave, w.ReplicationClient = "REPLICATION SLAVE", "REPLICATION CLIENT"
	w.ReplicationAdmin = "REPLICATION_SLAVE_ADMIN"
	return w
}

var replicaWords = Words{
	StartReplica: "START REPLICA", StopReplica: "STOP REPLICA",
	StartReceiver: "START REPLICA IO_THREAD", StopReceiver: "STOP REPLICA IO_THREAD",
	StartApplier: "START REPLICA SQL_THREAD", StopApplier: "STOP REPLICA SQL_THREAD",
	ShowReplicaStatus: "SHOW REPLICA STATUS", ResetReplicaAll: "RESET REPLICA ALL", ShowReplicas: "SHOW REPLICAS",
	ChangeSource: "CHANGE REPLICATION SOURCE TO", Option: "SOURCE_", GetPublicKey: "GET_SOURCE_PUBLIC_KEY",
	Columns: Columns{
		IORunning: "Replica_IO_Running", SQLRunning: "Replica_SQL_Running",
		IOState: "Replica_IO_State", SQLState: "Replica_SQL_Running_State",
		LastIOErrno: "Last_IO_Errno", LastIOError: "Last_IO_Error",
		LastSQLErrno: "Last_SQL_Errno", LastSQLError: "Last_SQL_Error",
		SourceHost: "Source_Host", SourceUser: "Source_User", SourcePort: "Source_Port",
		SourceLogFile: "Source_Log_File", ReadSourceLogPos: "Read_Source_Log_Pos",
		RelaySourceLogFile: "Relay_Source_Log_File", ExecSourceLogPos: "Exec_Source_Log_Pos",
		RelayLogFile: "Relay_Log_File", SecondsBehind: "Seconds_Behind_Source",
		SSLAllowed: "Source_SSL_Allowed", SSLCAFile: "Source_SSL_CA_File", SSLVerify: "Source_SSL_Verify_Server_Cert",
	},
}

var slaveWords = Words{
	StartReplica: "START SLAVE", StopReplica: "STOP SLAVE",
	StartReceiver: "START SLAVE IO_THREAD", StopReceiver: "STOP SLAVE IO_THREAD",
	StartApplier: "START SLAVE SQL_THREAD", StopApplier: "STOP SLAVE SQL_THREAD",
	ShowReplicaStatus: "SHOW SLAVE STATUS", ResetReplicaAll: "RESET SLAVE ALL", ShowReplicas: "SHOW SLAVE HOSTS",
	ChangeSource: "CHANGE MASTER TO", Option: "MASTER_", GetPublicKey: "GET_MASTER_PUBLIC_KEY",
	Columns: Columns{
		IORunning: "Slave_IO_Running", SQLRunning: "Slave_SQL_Running",
		IOState: "Slave_IO_State", SQLState: "Slave_SQL_Running_State",
		LastIOErrno: "Last_IO_Errno", LastIOError: "Last_IO_Error",
		LastSQLErrno: "Last_SQL_Errno", LastSQLError: "Last_SQL_Error",
		SourceHost: "Master_Host", SourceUser: "Master_User", SourcePort: "Master_Port",
		SourceLogFile: "Master_Log_File", ReadSourceLogPos: "Read_Master_Log_Pos",
		RelaySourceLogFile: "Relay_Master_Log_File", ExecSourceLogPos: "Exec_Master_Log_Pos",
		RelayLogFile: "Relay_Log_File", SecondsBehind: "Seconds_Behind_Master",
		SSLAllowed: "Master_SSL_Allowed", SSLCAFile: "Master_SSL_CA_File", SSLVerify: "Master_SSL_Verify_Server_Cert",
	},
}

var replicaVariables = Variables{
	SkipReplicaStart: "skip_replica_start", LogReplicaUpdates: "log_replica_updates",
	ReplicaParallelWorkers: "replica_parallel_workers",
	ReplicaNetTimeout:      "replica_net_timeout", ReplicaSkipErrors: "replica_skip_errors",
	ReplicaSkipCounter: "sql_replica_skip_counter",
}

var slaveVariables = Variables{
	SkipReplicaStart: "skip_slave_start", LogReplicaUpdates: "log_slave_updates",
	ReplicaParallelWorkers: "slave_parallel_workers",
	ReplicaNetTimeout:      "slave_net_timeout", ReplicaSkipErrors: "slave_skip_errors",
	ReplicaSkipCounter: "sql_slave_skip_counter",
}
