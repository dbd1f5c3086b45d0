package compare

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNormalise(t *testing.T) {
	for text, want := range map[string]string{
		"/usr/local/mysql/bin/mysqld (mysqld 9.7.2-cluster) starting as process 1": "<path> (mysqld <version>) starting as process #",
		"Binlog: Starting log at epoch 107374182407":                               "Binlog: Starting log at epoch #",
		"epoch 25/7, and/or": "epoch #/#, and/or",
		"CA certificate /etc/mysql/ca.pem is self signed.":                                         "CA certificate <path> is self signed.",
		"connect to source-sql, source.link:3306, 172.18.0.5:40112":                                "connect to <host>, <host>:#, <address>:#",
		"uuid 3f06a5a2-e9e5-11f0-8de9-0242ac120002 at 2026-11-24T02:15:00.1Z":                      "uuid <uuid> at <time>",
		"Signal SIGSEGV at address 0x7fb26b4a351b on 0123456789ab":                                 "Signal SIGSEGV at address <hex> on <hex>",
		"Server upgrade from '90702' to '90704' completed.":                                        "Server upgrade from '#' to '#' completed.",
		"mysql-9.7.4 ndb-9.7.4-fix1, utf8mb4, binlog.000003 #ib_16384_0, ndb12 took 3.5 s,  twice": "mysql-<version> ndb-<version>, utf8mb4, binlog.# #ib_#_#, ndb# took # s, twice",
	} {
		assert.Equal(t, want, normalise(text))
	}
}

// Lines as 8.0 and as 9.7 write them, all of them as found in logs.
func TestLinesOfLogs(t *testing.T) {
	for line, want := range map[string]message{
		"2026-11-24 02:15:00 [ndbd] ALERT    -- Node 3: Forced node shutdown completed.": {
			isError, "", "Node #: Forced node shutdown completed.", "Node 3: Forced node shutdown completed.",
		},
		"2026-11-26T16:18:36.926246Z [MgmtSrvr] WARNING  -- Node 5: index 21 stats version 0": {
			isWarning, "", "Node #: index # stats version #", "Node 5: index 21 stats version 0",
		},
		"2026-11-26T16:18:38.076668Z [ndbd] INFO     -- Ndb started in foreground": {isNote, "", "Ndb started in foreground", "Ndb started in foreground"},
		"2026-11-26T16:18:38.076668+01:00 [ndbd] INFO     -- Ndb started":          {isNote, "", "Ndb started", "Ndb started"},
		"2026-11-24T02:15:03.123456Z 0 [Warning] [MY-011070] [Server] 'x' is deprecated": {
			isWarning, "MY-011070", "'x' is deprecated", "'x' is deprecated",
		},
	} {
		got, ok := parse(line)
		require.True(t, ok, line)
		assert.Equal(t, want, got)
	}
	for _, line := range []string{"", "MySQL Cluster Management Server mysql-9.7.2 ndb-9.7.2", `{"prio":2,"msg":"x"}`} {
		_, ok := parse(line)
		assert.False(t, ok, line)
	}
}

func TestNormalisingAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := normalise(rapid.StringMatching(`[ 0-9a-fx./:'<>#_zZ-]{0,40}`).Draw(t, "text"))
		require.Equal(t, once, normalise(once))
	})
}

// What is new is shown once for all nodes, where it was seen; what some node
// wrote under the old release is not new at another.
func TestNewMessages(t *testing.T) {
	const at, later = "2026-11-24T02:15:00.123456Z 0 ", "2026-11-25 12:00:00 "
	for name, c := range map[string]struct {
		node  string
		lines []string
		want  []Difference
	}{
		"known, but for numbers": {"source sql", []string{at + "[Warning] [MY-010068] [Server] CA certificate /other/ca.pem is self signed."}, nil},
		"known of another node":  {"replica sql", []string{at + "[Warning] [MY-010068] [Server] CA certificate /etc/ca.pem is self signed."}, nil},
		"a note of a known code": {"source sql", []string{at + "[System] [MY-010866] [NDB] Binlog: something else"}, nil},
		"chatter of NDB":         {"source ndb1", []string{later + "[ndbd] INFO     -- Start phase 101 completed"}, nil},
		"no message":             {"source sql", []string{"stack_bottom = 7fb5d668cbf0 thread_stack 0x100000", ""}, nil},
		"a note of a new code": {"source sql", []string{at + "[Note] [MY-019999] [Server] Hello 1", at + "[Note] [MY-019999] [Server] Hello 2"}, []Difference{
			{Area: AreaMessage, Where: "source sql", Name: "[Note] [MY-019999]", From: Absent, To: "Hello 1"},
		}},
		"a warning of a known code": {"source sql", []string{at + "[Warning] [MY-010068] [Server] CA certificate is odd"}, []Difference{
			{Area: AreaMessage, Where: "source sql", Name: "[Warning] [MY-010068] CA certificate is odd", From: Absent, To: "CA certificate is odd"},
		}},
		"an error": {"source sql", []string{at + "[ERROR] [MY-010584] [Repl] Error 7 on thread 12"}, []Difference{
			{Area: AreaMessage, Where: "source sql", Name: "[Error] [MY-010584] Error # on thread #", From: Absent, To: "Error 7 on thread 12"},
		}},
		"a warning of NDB": {"source ndb1", []string{later + "[ndbd] ALERT    -- Node 2: Forced node shutdown"}, []Difference{
			{Area: AreaMessage, Where: "source ndb1", Name: "[Error] Node #: Forced node shutdown", From: Absent, To: "Node 2: Forced node shutdown"},
		}},
		"a signal": {"source sql", []string{"2026-11-24T02:47:13Z UTC - mysqld got signal 11 ;"}, []Difference{
			{Area: AreaMessage, Where: "source sql", Name: "[Error] mysqld got signal # ;", From: Absent, To: "mysqld got signal 11 ;"},
		}},
		"a deprecation": {"source sql", []string{at + "[Warning] [MY-011070] [Server] 'binlog_format' is deprecated and will be removed in a future release."}, []Difference{
			{
				Area: AreaDeprecation, Where: "source sql", Name: "[Warning] [MY-011070] 'binlog_format' is deprecated and will be removed in a future release.",
				From: Absent, To: "'binlog_format' is deprecated and will be removed in a future release.",
			},
		}},
		"a deprecation, in a note": {"source ndb1", []string{later + "[MgmtSrvr] INFO     -- at line 3: [DB] X is depricated"}, []Difference{
			{Area: AreaDeprecation, Where: "source ndb1", Name: "[Note] at line #: [DB] X is depricated", From: Absent, To: "at line 3: [DB] X is depricated"},
		}},
		"every upgrade says so": {"source sql", []string{at + "[System] [MY-013381] [Server] Server upgrade from '90702' to '90704' completed."}, []Difference{
			{
				Area: AreaMessage, Where: "source sql", Name: "[Note] [MY-013381]", From: Absent, To: "Server upgrade from '90702' to '90704' completed.",
				Ignored: "every upgrade of a server says that it is one",
			},
		}},
	} {
		got := Compare(snapshot(), changed(t, func(s *Snapshot) { s.Messages[c.node] = append(s.Messages[c.node], c.lines...) }), Reviewed())
		assert.Equal(t, c.want, got, name)
	}
	got := Compare(snapshot(), changed(t, func(s *Snapshot) {
		for n := range s.Messages {
			s.Messages[n] = append(s.Messages[n], at+"[ERROR] [MY-010584] [Repl] Error on "+n)
		}
	}), nil)
	require.Len(t, got, 3, "the text differs in more than numbers")
	got = Compare(snapshot(), changed(t, func(s *Snapshot) {
		s.Messages["replica sql"] = append(s.Messages["replica sql"], at+"[ERROR] [MY-010584] [Repl] Error on thread 3")
		s.Messages["source sql"] = append(s.Messages["source sql"], at+"[ERROR] [MY-010584] [Repl] Error on thread 4")
	}), nil)
	require.Equal(t, []Difference{{
		Area: AreaMessage, Where: "replica sql, source sql", Name: "[Error] [MY-010584] Error on thread #", From: Absent, To: "Error on thread 3",
	}}, got)
}
