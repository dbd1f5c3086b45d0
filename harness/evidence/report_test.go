package evidence

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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

func TestSummary(t *testing.T) {
	for name, r := range map[string]Results{"summary.md": example(), "summary-early.md": early()} {
		got, err := Summary(r)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(got, "# "+cell(r.Verdict.Headline)+"\n"), "the verdict comes first")
		assert.Contains(t, got, "\n## Not proven by this run\n")
		assert.NotContains(t, got, "\n\n\n")
		golden.Equal(t, "testdata/"+name, got)
	}
}

// Who reads the summary sees what the build was made of.
func TestSummaryTellsHowTheBuildWasMade(t *testing.T) {
	r := example()
	r.Provenance.Listed = false
	r.Provenance.Build = &SourceBuild{How: BuiltFromSource, Package: "mysql-source", Version: "9.7.4-2"}
	got, err := Summary(r)
	require.NoError(t, err)
	assert.Contains(t, got, "\n| Release | 9.7.4, built from source |\n")
	assert.Contains(t, got, "\n| Build | built from source, Debian's mysql-source 9.7.4-2 |\n")
	r.Provenance.Build.Patches = []SourcePatch{{"f1.patch", "ab"}, {"f2.patch", "cd"}}
	got, err = Summary(r)
	require.NoError(t, err)
	assert.Contains(t, got, "\n| Release | 9.7.4, unlisted build |\n")
	assert.Contains(t, got, "\n| Build | built from source, Debian's mysql-source 9.7.4-2, patched with f1.patch (sha256 ab), f2.patch (sha256 cd) |\n")
}

func TestUnprovenFollowsTheGaps(t *testing.T) {
	titles := func(r Results) (out []string) {
		for _, l := range unproven(r) {
			out = append(out, l.What())
		}
		return out
	}
	r := Results{}
	assert.Contains(t, titles(r), "Data below the logs.")
	assert.NotContains(t, titles(r), "The procedure as written.")
	assert.Equal(t, "Anything.", titles(r)[0], "no claim held")
	assert.NotContains(t, titles(Results{Claims: claims(1)}), "Anything.")
	r.Gaps = []GapResult{{ID: "G1", Status: GapClosed}, {ID: "G6", Status: GapClosed}}
	r.Defects = []DefectResult{f1}
	assert.NotContains(t, titles(r), "Data below the logs.", "a profile that closes G1 is not said to leave it open")
	assert.Contains(t, titles(r), "What the channel's account reads.", "G7 is still open")
	assert.Contains(t, titles(r), "The procedure as written.")
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	d := begin(t)
	bare := early()
	bare.Workload, bare.Provenance.Nodes = &Workload{}, []NodeProvenance{{}}
	bare.Provenance.Build = &SourceBuild{}
	for _, r := range []Results{example(), early(), bare} {
		require.NoError(t, Report(d, r))
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

func TestReportGoesOnWhenAFileCannotBeWritten(t *testing.T) {
	d := begin(t)
	full(t, d, SummaryFile)
	err := Report(d, example())
	require.ErrorIs(t, err, syscall.ENOSPC)
	_, err = Read(d.Path(ResultsFile))
	require.NoError(t, err)
	assert.FileExists(t, d.Path(JUnitFile))
	assert.NoFileExists(t, d.Path(reserve), "the space held back is given to the results")
	require.ErrorContains(t, Report(d, Results{}), "not concluded")
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JUnit(&b, example()))
	golden.Equal(t, "testdata/junit.xml", b.String())
	suite := parse(t, b.Bytes())
	assert.Equal(t, [4]int{5, 2, 1, 1}, [4]int{suite.Tests, suite.Failures, suite.Errors, suite.Skipped})
}

func parse(t require.TestingT, b []byte) junit.Testsuites {
	var s junit.Testsuites
	require.NoError(t, xml.Unmarshal(b, &s))
	return s
}

// A CI that reads junit.xml alone comes to the same verdict as the exit code.
func TestJUnitFailsExactlyWhenTheRunDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Results
		status := rapid.SampledFrom([]Status{Held, Held, Violated, NotLooked, NotApplicable, ""})
		for _, s := range rapid.SliceOfN(status, 0, 4).Draw(t, "claims") {
			r.Claims = append(r.Claims, Outcome{ID: "c", Status: s})
		}
		if rapid.Bool().Draw(t, "defect") {
			r.Defects = []DefectResult{f1}
		}
		if rapid.Bool().Draw(t, "error") {
			r.Error = &Failure{Exit: rapid.SampledFrom([]Exit{0, 1, 3, 4}).Draw(t, "exit"), Text: "x"}
		}
		accept := rapid.SampledFrom([][]string{nil, {"F1"}}).Draw(t, "accept")
		r = Conclude(r, accept)
		var b bytes.Buffer
		require.NoError(t, JUnit(&b, r))
		s := parse(t, b.Bytes())
		if (s.Failures+s.Errors > 0) != (r.Exit != ExitHeld) {
			t.Fatalf("exit %d, but\n%s", r.Exit, b.String())
		}
	})
}
