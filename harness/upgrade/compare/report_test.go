package compare

import (
	"encoding/json"
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

func TestMarkdown(t *testing.T) {
	for name, r := range map[string]Report{
		"taken.md": taken(t), "not-taken.md": fallen(t), "rolled-back.md": rolledBack(t),
		"early.md": {From: "9.7.2", To: "9.7.4", Error: &evidence.Failure{Exit: evidence.ExitNotStarted, Where: "pair", Text: "no answer"}},
	} {
		r = Conclude(r)
		b, err := r.Markdown()
		require.NoError(t, err)
		got := string(b)
		assert.True(t, strings.HasPrefix(got, "# "+cell(r.Verdict.Headline)+"\n"), "%s: the verdict comes first", name)
		for _, section := range []string{"Steps", "Where the time went", "Differences between the releases", "Known defects", "How to reproduce it", "Not proven by this run"} {
			assert.Contains(t, got, "\n## "+section+"\n\n", name)
		}
		assert.NotContains(t, got, "\n\n\n", name)
		golden.Equal(t, "testdata/"+name, got)
	}
}

// Every row of a table has as many cells as its head, whatever is in it.
func TestTablesAreWhole(t *testing.T) {
	r := fallen(t)
	r.Differences[0].Name, r.Differences[0].To = "a|b`c", "<x>\n|"
	r.Steps[0].Title = "| <b>\nx"
	b, err := Conclude(r).Markdown()
	require.NoError(t, err)
	cells := 0
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells == 0 {
			cells = n
		}
		assert.Equal(t, cells, n, line)
	}
	assert.NotContains(t, string(b), "<b>")
}

func TestReportsAreReadAsTheyWereWritten(t *testing.T) {
	d := evidence.At(t.TempDir())
	for _, r := range []Report{taken(t), fallen(t), rolledBack(t), {Steps: []StepResult{{}}}} {
		r = Conclude(r)
		require.NoError(t, Write(d, r))
		got, err := Read(d.Path(ReportFile))
		require.NoError(t, err)
		want, err := json.Marshal(r)
		require.NoError(t, err)
		read, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(read))
		assert.NotContains(t, strings.ReplaceAll(string(want), `"error":null`, ""), "null", "lists are [] when empty")
		md, err := got.Markdown()
		require.NoError(t, err)
		first, err := r.Markdown()
		require.NoError(t, err)
		assert.Equal(t, string(first), string(md), "the report can be written from what was kept")
		assert.Equal(t, got.Verdict, Conclude(got).Verdict, "and judged again")
	}
	require.ErrorContains(t, Write(d, Report{}), "not concluded")
	require.NoError(t, d.JSON(ReportFile, map[string]string{"schema": "ndbproof/upgrade/1"}))
	_, err := Read(d.Path(ReportFile))
	require.ErrorContains(t, err, `: schema is "ndbproof/upgrade/1" and this version reads "ndbproof/upgrade/2": run again with this version, or read it with the one that wrote it`)
	require.NoError(t, d.Write(ReportFile, []byte("{")))
	_, err = Read(d.Path(ReportFile))
	require.Error(t, err)
	_, err = Read(d.Path("none"))
	require.Error(t, err)
}

// Both files are tried: a full disk costs as little as can be.
func TestWriteGoesOn(t *testing.T) {
	d := evidence.At(t.TempDir())
	require.NoError(t, d.Write(ReportFile+"/x", nil), "a folder is in the way")
	require.Error(t, Write(d, Conclude(taken(t))))
	assert.FileExists(t, d.Path(MarkdownFile))
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
