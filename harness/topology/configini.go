package topology

import (
	"fmt"
	"strconv"
	"strings"
)

// Mebibytes is a size as config.ini and my.cnf take it: 64M.
type Mebibytes int

func (m Mebibytes) String() string { return strconv.Itoa(int(m)) + "M" }

// Tuning is what a cluster's size is made of. A zero field leaves the server
// its own default.
type Tuning struct {
	DataMemory           Mebibytes `json:"data_memory_mib"` // for rows and indexes, each data node
	SharedGlobalMemory   Mebibytes `json:"shared_global_memory_mib"`
	TransactionMemory    Mebibytes `json:"transaction_memory_mib"` // 143M when NDB computes it
	LongMessageBuffer    Mebibytes `json:"long_message_buffer_mib"`
	RedoBuffer           Mebibytes `json:"redo_buffer_mib"`
	DiskPageBufferMemory Mebibytes `json:"disk_page_buffer_memory_mib"`
	// The redo log of a data node is four parts of so many files of this size.
	NoOfFragmentLogFiles int       `json:"no_of_fragment_log_files"` // 3 or more
	FragmentLogFileSize  Mebibytes `json:"fragment_log_file_size_mib"`
	// Heartbeats in milliseconds: a node that missed four is taken for dead.
	HeartbeatIntervalDbDb  int    `json:"heartbeat_interval_db_db_ms"`
	HeartbeatIntervalDbAPI int    `json:"heartbeat_interval_db_api_ms"`
	ThreadConfig           string `json:"thread_config"` // of ndbmtd
	// InnoDB's, in each mysqld: its data dictionary and ndb_binlog_index.
	InnodbBufferPool Mebibytes `json:"innodb_buffer_pool_mib"`
	InnodbRedoLog    Mebibytes `json:"innodb_redo_log_mib"`
}

// defaultTuning is a cluster of which two fit a machine of two cores, beside
// other work: data nodes of one thread, heartbeats for a slow machine. A bench
// with more rows gives more DataMemory and redo log.
func defaultTuning() Tuning {
	return Tuning{
		DataMemory: 64, SharedGlobalMemory: 32, TransactionMemory: 24,
		LongMessageBuffer: 4, RedoBuffer: 8, DiskPageBufferMemory: 4,
		NoOfFragmentLogFiles: 3, FragmentLogFileSize: 4,
		HeartbeatIntervalDbDb: 15000, HeartbeatIntervalDbAPI: 15000,
		ThreadConfig:     "recv={count=1},main={count=0},rep={count=0},ldm={count=0}",
		InnodbBufferPool: 64, InnodbRedoLog: 32,
	}
}

// ini writes sections of name=value lines.
type ini struct{ strings.Builder }

func (b *ini) section(name string) { fmt.Fprintf(b, "[%s]\n", name) }

func (b *ini) set(name string, value any) { fmt.Fprintf(b, "%s=%v\n", name, value) }

// size sets what is not left to the server.
func (b *ini) size(name string, m Mebibytes) {
	if m > 0 {
		b.set(name, m)
	}
}

func (b *ini) count(name string, n int) {
	if n > 0 {
		b.set(name, n)
	}
}

// NodeGroupSize is how many data nodes hold the same rows: a node group.
const NodeGroupSize = 2

// configINI is what the management node gives to all others. A parameter that
// a release does not know stops ndb_mgmd. Source of the releases in which
// parameters came: manual, mysql-cluster-ndbd-definition (TransactionMemory;
// threads with a count of 0), mysql-cluster-tcp-definition.
func (s Spec) configINI() []byte {
	var b ini
	b.section("ndbd default")
	b.set("NoOfReplicas", NodeGroupSize)
	b.set("DataDir", NdbDir)
	b.set("ServerPort", DataPort)
	b.set("StopOnError", 1)
	s.tune(&b)
	if s.Release.AtLeast(8, 0, 22) {
		b.section("tcp default")
		b.set("AllowUnresolvedHostnames", 1)
	}
	for _, n := range s.Nodes {
		b.section(map[Role]string{Mgmd: "ndb_mgmd", Ndbmtd: "ndbd", Mysqld: "mysqld"}[n.Role])
		b.set("NodeId", n.ID)
		b.set("HostName", n.Host)
		if n.Role == Mgmd {
			b.set("DataDir", NdbDir)
		}
	}
	b.WriteString(strings.Repeat("[api]\n", apiSlots))
	return []byte(b.String())
}

func (s Spec) tune(b *ini) {
	t := s.Tuning
	b.size("DataMemory", t.DataMemory)
	b.size("SharedGlobalMemory", t.SharedGlobalMemory)
	if s.Release.AtLeast(8, 0, 19) {
		b.size("TransactionMemory", t.TransactionMemory)
	}
	b.size("LongMessageBuffer", t.LongMessageBuffer)
	b.size("RedoBuffer", t.RedoBuffer)
	b.size("DiskPageBufferMemory", t.DiskPageBufferMemory)
	b.count("NoOfFragmentLogFiles", t.NoOfFragmentLogFiles)
	b.size("FragmentLogFileSize", t.FragmentLogFileSize)
	b.count("HeartbeatIntervalDbDb", t.HeartbeatIntervalDbDb)
	b.count("HeartbeatIntervalDbApi", t.HeartbeatIntervalDbAPI)
	if t.ThreadConfig != "" && s.Release.AtLeast(8, 0, 23) {
		b.set("ThreadConfig", t.ThreadConfig)
	}
}
