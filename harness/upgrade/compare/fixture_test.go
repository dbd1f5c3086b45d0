package compare

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// snapshot is a pair under one release, with something of everything.
func snapshot() Snapshot {
	vars := func() map[string]string {
		return map[string]string{
			"version": "9.7.2-cluster", "hostname": "0123456789ab", "server_uuid": "3f06a5a2-e9e5-11f0-8de9-0242ac120002",
			"require_secure_transport": "ON", "tls_version": "TLSv1.2,TLSv1.3", "ssl_cipher": "", "binlog_encryption": "ON",
			"ndb_log_bin": "ON", "max_connections": "151", "performance_schema_error_size": "5812",
		}
	}
	config := func() map[string]string {
		return map[string]string{"DataMemory": "67108864", "RequireTls": "0", "TransactionMemory": "0"}
	}
	return Snapshot{
		Release: "9.7.2",
		Claims: []evidence.Outcome{
			{ID: "channel.tls", Step: 6, Title: "The running channel is TLS", Status: evidence.Held, Seen: 1},
			{ID: "logs.binlog-encrypted", Step: 7, Title: "Every binary log is encrypted", Status: evidence.Held, Seen: 4},
			{ID: "logs.plugin", Step: 7, Title: "The keyring plugin is active", Status: evidence.NotApplicable, Reason: "needs keyring_file plugin"},
		},
		Gaps: []evidence.GapResult{
			{ID: "G1", Title: "data nodes' files hold rows in clear", Status: evidence.GapOpen, Text: "row values are readable on 8 data nodes", Evidence: "claims/rest.markers.json"},
			{ID: "G5", Title: "the channel does not check its source's certificate", Status: evidence.GapClosed, Text: "CA given", Evidence: "claims/channel.tls.json"},
		},
		Variables: map[string]map[string]string{"source sql": vars(), "replica sql": vars()},
		Config:    map[string]map[string]string{"source ndb1": config(), "source ndb2": config(), "replica ndb1": config()},
		Grants: map[string][]string{
			"source user1@%":            {"GRANT USAGE ON *.* TO `user1`@`%`", "GRANT SELECT, INSERT, UPDATE, DELETE ON `test1`.* TO `user1`@`%`"},
			"source replication_user@%": {"GRANT REPLICATION SLAVE ON *.* TO `replication_user`@`%`"},
			"replica user1@%":           {"GRANT USAGE ON *.* TO `user1`@`%`"},
		},
		Privileges: map[string][]string{"source": {"Select", "Insert", "REPLICATION_SLAVE_ADMIN"}},
		TLS: []Negotiated{
			{topology.Source, "client", "TLSv1.3", "TLS_AES_256_GCM_SHA384"},
			{topology.Source, "client", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
			{topology.Source, "channel", "TLSv1.3", "TLS_AES_256_GCM_SHA384"},
		},
		Components: map[string][]string{"source": {"Component_name component_keyring_file", "Component_status Active", "Version 1.0", "file://component_validate_password"}},
		Plugins:    map[string][]string{"source": {"ndbcluster 1.0 ACTIVE", "caching_sha2_password 1.0 ACTIVE", "mysql_native_password 1.1 DISABLED"}},
		Messages: map[string][]string{
			"source sql": {
				"2026-11-24T02:15:00.123456Z 0 [System] [MY-010116] [Server] /usr/local/mysql/bin/mysqld (mysqld 9.7.2-cluster) starting as process 1",
				"2026-11-24T02:15:01.123456Z 0 [Warning] [MY-010068] [Server] CA certificate /etc/mysql/ca.pem is self signed.",
				"2026-11-24T02:15:02.123456Z 4 [System] [MY-010866] [NDB] Binlog: Starting log at epoch 107374182407",
			},
			"replica sql": {"2026-11-24T02:15:02.123456Z 4 [System] [MY-010866] [NDB] Binlog: Starting log at epoch 107374182408"},
			"source ndb1": {"2026-11-24T02:15:00.123456Z [ndbd] WARNING  -- Ndb kernel thread 3 is stuck in: Job Handling elapsed=101"},
		},
		StartSeconds: map[string]float64{"source mgm": 1, "source ndb1": 20, "source sql": 6},
		Throughput:   800, LagSeconds: 0.4,
	}
}

// changed is the snapshot of the fixture with a change.
func changed(t require.TestingT, change func(*Snapshot)) Snapshot {
	s := again(t, snapshot())
	change(&s)
	return s
}

// again is a copy that shares nothing, made as a reader of the files makes it.
func again[T any](t require.TestingT, v T) T {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	var out T
	require.NoError(t, json.Unmarshal(b, &out))
	return out
}

var moment = time.Date(2026, 11, 24, 2, 15, 0, 0, time.UTC)

// taken is the report of an upgrade that is taken, not concluded yet.
func taken(t require.TestingT) Report {
	programs := []Program{{topology.Replica, "mgm", strings.Repeat("ab", 32), "9.7.4"}, {topology.Source, "sql", strings.Repeat("cd", 32), "9.7.4"}}
	held := Check{ID: "programs", Title: programsTitle, Status: evidence.Held, Seen: 2, Seconds: 0.4}
	r := Report{
		Run: "20261124T021500Z-9.7.4", From: "9.7.2", To: "9.7.4", Profile: "published-2021", Second: true,
		Builds: []Build{
			{Release: "9.7.2", TarballSHA256: strings.Repeat("12", 32), ImageID: "sha256:" + strings.Repeat("34", 32), Listed: true},
			{Release: "9.7.4", ImageID: "sha256:" + strings.Repeat("56", 32), Listed: true},
		},
		Steps: []StepResult{
			{ID: "replica.mgm", Title: "replica ndb_mgmd, with --reload", Status: evidence.StepDone, Seconds: 4.2, Checks: []Check{held}, Programs: programs},
			{ID: "replica.ndb1", Title: "replica data node 2", Status: evidence.StepDone, Seconds: 36.4, ReplicationOutageMS: 240, WriteOutageMS: 12, Checks: []Check{held, {ID: "parity", Title: "Rows are the same", Status: evidence.Held, Seen: 4100}}},
			{ID: "source.sql", Title: "source mysqld", Status: evidence.StepDone, Seconds: 21, WriteOutageMS: 1200, ReplicationOutageMS: 1400, WritersStoodMS: 1950, AwayMS: 9150, Checks: []Check{held, {ID: "logs.plugin", Status: evidence.NotApplicable}}},
		},
		Rows: 41000, Seconds: map[string]float64{"pair start": 31, "steps": 61.6, "all claims": 120.5},
		Defects: []Defect{{ID: "F1", Title: release.F1.Title, ExpectedFrom: true, ExpectedTo: true, Status: evidence.DefectNotTried, WorkedAround: true, Text: "encryption switched on at run time"}},
		Command: "ndbproof run --from 9.7.2 --to 9.7.4", Start: moment, End: moment.Add(12 * time.Minute),
	}
	return r.Between(snapshot(), next(t), Reviewed())
}

// next is the pair of the fixture under a release with nothing to complain of.
func next(t require.TestingT) Snapshot {
	return changed(t, func(s *Snapshot) {
		s.Release = "9.7.4"
		for _, v := range s.Variables {
			v["version"], v["hostname"], v["performance_schema_error_size"] = "9.7.4-cluster", "ba9876543210", "5814"
		}
		s.Variables["source sql"]["max_connections"] = "200"
		s.Privileges["source"] = append(s.Privileges["source"], "AUDIT|ADMIN")
		s.Messages["source sql"] = append(s.Messages["source sql"],
			"2026-11-24T02:25:02.123456Z 4 [System] [MY-013381] [Server] Server upgrade from '90702' to '90704' completed.",
			"2026-11-24T02:25:03.123456Z 0 [Warning] [MY-011070] [Server] 'binlog_format' is deprecated and will be removed in a future release.")
		s.StartSeconds["source sql"] = 7.5
	})
}

// fallen is the report of an upgrade that is not taken.
func fallen(t require.TestingT) Report {
	r := taken(t)
	r.To, r.Builds[1].Release, r.Builds[1].Listed = "9.7.5", "9.7.5", false
	r.Steps[1].Checks = append(r.Steps[1].Checks, Check{ID: "running", Title: "Threads run"})
	r.Steps[2] = StepResult{
		ID: "source.sql", Title: "source mysqld", Status: evidence.StepFailed, Seconds: 130, WriteOutageMS: 128000,
		Error: "start mysqld of source sql on 9.7.5: it died",
		Cause: &Cause{
			Kind: Died, Side: topology.Source, Node: "sql", Exit: 2, Signal: "11", At: "setup_ciphers_password", Defect: "F1",
			Stack: []string{"handle_fatal_signal", "<unknown>", "setup_ciphers_password"}, Log: "mysqld got signal 11 ;\nSignal SIGSEGV",
		},
	}
	r.Steps = append(r.Steps, StepResult{ID: "source.claims", Title: "all claims", Status: evidence.StepNotReached})
	r.RowsLost = 2
	r.Defects = []Defect{{ID: "F1", Title: release.F1.Title, ExpectedFrom: true, ExpectedTo: false, Status: evidence.DefectSeen, Text: "source sql died in it"}}
	return r.Between(snapshot(), changed(t, func(s *Snapshot) {
		s.Claims[1].Status, s.Claims[1].Violations = evidence.Violated, []evidence.Violation{{Code: "logs.binlog-encrypted.clear", Side: "source", Node: "sql", Text: "binlog.000004 is in clear"}}
		s.Grants["source user1@%"] = []string{"GRANT USAGE ON *.* TO `user1`@`%`", "GRANT SELECT, INSERT, UPDATE, DELETE, DROP ON `test1`.* TO `user1`@`%`"}
		s.Variables["source sql"]["binlog_encryption"] = "OFF"
		for _, n := range s.Config {
			n["TransactionMemory"] = "1|2"
		}
		s.StartSeconds["source ndb1"] = 61
		for _, v := range s.Variables {
			v["version"], v["init_connect"] = "9.7.5-cluster", ""
		}
	}), Reviewed())
}
