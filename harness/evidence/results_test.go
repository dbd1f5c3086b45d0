package evidence

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/golden"
)

// example is a run with something of everything.
func example() Results {
	r := Results{
		Run: "20261124T021500Z-9.7.4", Release: "9.7.4", Profile: Profile{Name: "published-2021"},
		Steps: []Step{{1, "clusters up", StepDone, 21.04}, {2, "TLS on both servers", StepDone, 0.2}, {3, "log encryption", StepFailed, 1}, {4, "mysqlds started", StepNotReached, 0}},
		Claims: []Outcome{
			{ID: "channel.certificates", Step: 2, Title: "The server certificates in use are the run's own", Status: Held, Seen: 2, Evidence: "claims/channel.certificates.json", Seconds: 0.31},
			{
				ID: "channel.tls", Step: 6, Title: "The running channel is TLS", Status: Violated, Seen: 1, Seconds: 0.05, Evidence: "claims/channel.tls.json",
				Violations: []Violation{{Code: "channel.tls.plain", Side: "source", Node: "sql", Text: "CONNECTION_TYPE is TCP/IP | want SSL/TLS"}, {Code: "channel.tls.no-cipher", Text: "no cipher"}},
			},
			{ID: "logs.relaylog-encrypted", Step: 7, Title: "Every relay log is encrypted", Status: NotLooked, Reason: "there was no relay log"},
			{ID: "logs.plugin", Step: 7, Title: "The keyring plugin is active", Status: NotApplicable, Reason: "needs keyring_file plugin"},
		},
		Gaps: []GapResult{
			{ID: "G1", Title: "data nodes' files are in clear", Status: GapOpen, Text: "marker seen in 3 redo files", Evidence: "gaps/g1.json"},
			{ID: "G2", Title: "NDB links are in clear", Status: GapOpen},
			{ID: "G5", Title: "the channel does not verify the source", Status: GapClosed, Text: "CA given, host name checked"},
		},
		Defects:  []DefectResult{{ID: "F1", Title: "the procedure as written crashes mysqld", Status: DefectNotTried, WorkedAround: true, Text: "encryption switched on at run time"}},
		Timings:  []Timing{{"image", 0.4}, {"marker", 23.61}, {"claims", 12}},
		Workload: &Workload{Database: "test1", Table: "t1", Seconds: 60, Wanted: 10000, Kinds: []WorkloadKind{{"insert", 12010, 12000, 12000}}},
		Provenance: Provenance{
			HostFacts: HostFacts{Commit: "0123456789abcdef0123456789abcdef01234567", Dirty: true, Kernel: "Linux 6.1.0", CPU: "AMD EPYC", CPUs: 2, MemoryBytes: 16 << 30},
			Command:   "ndbproof run --release 9.7.4", Seed: 1<<63 + 1,
			Start: moment, End: moment.Add(100 * time.Second),
			EngineVersion: "28.5.2", APIVersion: "1.51", StorageDriver: "overlay2",
			TarballSHA256: strings.Repeat("ab", 32), ImageID: "sha256:" + strings.Repeat("cd", 32), Listed: true, PeakMemoryBytes: 4700 << 20,
			Accounts: []Account{{"`ndbproof_admin`@`%`", "the harness's, local to each server, over TLS only"}},
			Nodes:    []NodeProvenance{{"source", "sql", "mysqld", "sha256:cd", strings.Repeat("ef", 32), []string{"nodes/source-sql/my.cnf", "nodes/source-sql/variables.json"}}},
		},
	}
	return Conclude(r, nil)
}

// early is a run that could not start.
func early() Results {
	return Conclude(Results{
		Run: "20261124T021500Z-9.7.4", Release: "9.7.4", Profile: Profile{Name: "published-2021"},
		Error: &Failure{Exit: ExitNotStarted, Where: "step 1", Side: "replica", Node: "ndb2", Text: "start ndbmtd:\nexited <1>"},
	}, nil)
}

// What the report's tests read is what a run keeps.
func TestResultsKept(t *testing.T) {
	d := begin(t)
	for name, r := range map[string]Results{"example": example(), "early": early(), "broken": broken()} {
		require.NoError(t, d.JSON(ResultsFile, r))
		got, err := os.ReadFile(d.Path(ResultsFile))
		require.NoError(t, err)
		golden.Equal(t, filepath.Join("testdata", name+".json"), string(got))
	}
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	d := begin(t)
	bare := early()
	bare.Workload, bare.Provenance.Nodes = &Workload{}, []NodeProvenance{{}}
	bare.Provenance.Build = &SourceBuild{}
	for _, r := range []Results{example(), early(), bare} {
		require.NoError(t, d.JSON(ResultsFile, r))
		got, err := Read(d.Path(ResultsFile))
		require.NoError(t, err)
		want, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(again))
		assert.NotContains(t, strings.ReplaceAll(strings.ReplaceAll(string(want), `"error":null`, ""), `"workload":null`, ""), "null", "lists are [] when empty")
	}
	require.NoError(t, d.JSON(ResultsFile, map[string]any{"schema": "ndbproof/results/1", "profile": "published-2021"}))
	_, err := Read(d.Path(ResultsFile))
	require.ErrorContains(t, err, `: schema is "ndbproof/results/1" and this version reads "ndbproof/results/2": run again with this version, or read it with the one that wrote it`)
	require.NoError(t, d.Write(ResultsFile, []byte("{")))
	_, err = Read(d.Path(ResultsFile))
	require.Error(t, err)
}
