package compare

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/golden"
)

// rolledBack is an upgrade that was undone, and not compared.
func rolledBack(t *testing.T) Report {
	t.Helper()
	r := taken(t)
	return Report{
		Run: r.Run, From: r.From, To: r.To, RollbackAt: "replica.ndb1", Profile: r.Profile,
		Steps: r.Steps, Rows: r.Rows, Builds: r.Builds, Defects: r.Defects, Command: r.Command + " --rollback-at replica.ndb1",
	}
}

// What the report's tests read is what a run keeps.
func TestReportsKept(t *testing.T) {
	d := evidence.At(t.TempDir())
	for name, r := range map[string]Report{
		"taken": taken(t), "not-taken": fallen(t), "rolled-back": rolledBack(t),
		"early": {From: "9.7.2", To: "9.7.4", Error: &evidence.Failure{Exit: evidence.ExitNotStarted, Where: "pair", Text: "no answer"}},
	} {
		require.NoError(t, d.JSON(ReportFile, Conclude(r)))
		got, err := os.ReadFile(d.Path(ReportFile))
		require.NoError(t, err)
		golden.Equal(t, "testdata/"+name+".json", string(got))
	}
}

func TestReportsAreReadAsTheyWereWritten(t *testing.T) {
	d := evidence.At(t.TempDir())
	for _, r := range []Report{taken(t), fallen(t), rolledBack(t), {Steps: []StepResult{{}}}} {
		r = Conclude(r)
		require.NoError(t, d.JSON(ReportFile, r))
		got, err := Read(d.Path(ReportFile))
		require.NoError(t, err)
		want, err := json.Marshal(r)
		require.NoError(t, err)
		read, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(read))
		assert.NotContains(t, strings.ReplaceAll(string(want), `"error":null`, ""), "null", "lists are [] when empty")
		assert.Equal(t, got.Verdict, Conclude(got).Verdict, "and judged again")
	}
	require.NoError(t, d.JSON(ReportFile, map[string]string{"schema": "ndbproof/upgrade/1"}))
	_, err := Read(d.Path(ReportFile))
	require.ErrorContains(t, err, `: schema is "ndbproof/upgrade/1" and this version reads "ndbproof/upgrade/2": run again with this version, or read it with the one that wrote it`)
	require.NoError(t, d.Write(ReportFile, []byte("{")))
	_, err = Read(d.Path(ReportFile))
	require.Error(t, err)
	_, err = Read(d.Path("none"))
	require.Error(t, err)
}

// What was kept of two releases gives the same differences again.
func TestSnapshotsAreReadAsTheyWereKept(t *testing.T) {
	d := evidence.At(t.TempDir())
	require.NoError(t, Keep(d, FromFile, snapshot()))
	require.NoError(t, Keep(d, ToFile, next(t)))
	from, err := ReadSnapshot(d, FromFile)
	require.NoError(t, err)
	to, err := ReadSnapshot(d, ToFile)
	require.NoError(t, err)
	assert.Equal(t, Compare(snapshot(), next(t), Reviewed()), Compare(from, to, Reviewed()))
	_, err = ReadSnapshot(d, "none")
	require.Error(t, err)
	require.NoError(t, d.Write(ToFile, []byte("{")))
	_, err = ReadSnapshot(d, ToFile)
	require.ErrorContains(t, err, ToFile)
}

func TestChecksOfClaims(t *testing.T) {
	o := evidence.Outcome{ID: "c", Title: "t", Status: evidence.Violated, Seen: 3, Seconds: 1, Violations: []evidence.Violation{{Code: "x", Text: "y"}, {Code: "z", Text: "u"}}}
	assert.Equal(t, Check{ID: "c", Title: "t", Status: evidence.Violated, Seen: 3, Seconds: 1, Text: "y (x); u (z)"}, CheckOf(o))
	assert.Empty(t, CheckOf(evidence.Outcome{Status: evidence.Held}).Text)
}
