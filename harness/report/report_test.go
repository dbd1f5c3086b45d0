package report

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ndbproof/harness/evidence"
	"ndbproof/harness/golden"
)

var f1 = evidence.DefectResult{ID: "F1", Title: "the procedure as written crashes mysqld", Status: evidence.DefectNotTried, WorkedAround: true}

// kept reads the results of a run that the tests of evidence keep: "example" has
// something of everything, "early" could not start, "broken" has a matrix.
func kept(t require.TestingT, name string) evidence.Results {
	r, err := evidence.Read(filepath.Join("../evidence/testdata", name+".json"))
	require.NoError(t, err)
	return r
}

func TestSummary(t *testing.T) {
	for name, r := range map[string]evidence.Results{"summary.md": kept(t, "example"), "summary-early.md": kept(t, "early")} {
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
	r := kept(t, "example")
	r.Provenance.Listed = false
	r.Provenance.Build = &evidence.SourceBuild{How: evidence.BuiltFromSource, Package: "mysql-source", Version: "9.7.4-2"}
	got, err := Summary(r)
	require.NoError(t, err)
	assert.Contains(t, got, "\n| Release | 9.7.4, built from source |\n")
	assert.Contains(t, got, "\n| Build | built from source, Debian's mysql-source 9.7.4-2 |\n")
	r.Provenance.Build.Patches = []evidence.SourcePatch{{Name: "f1.patch", SHA256: "ab"}, {Name: "f2.patch", SHA256: "cd"}}
	got, err = Summary(r)
	require.NoError(t, err)
	assert.Contains(t, got, "\n| Release | 9.7.4, unlisted build |\n")
	assert.Contains(t, got, "\n| Build | built from source, Debian's mysql-source 9.7.4-2, patched with f1.patch (sha256 ab), f2.patch (sha256 cd) |\n")
}

func TestUnprovenFollowsTheGaps(t *testing.T) {
	titles := func(r evidence.Results) (out []string) {
		for _, l := range unproven(r) {
			out = append(out, l.What)
		}
		return out
	}
	r := evidence.Results{}
	assert.Contains(t, titles(r), "Data below the logs.")
	assert.NotContains(t, titles(r), "The procedure as written.")
	assert.Equal(t, "Anything.", titles(r)[0], "no claim held")
	assert.NotContains(t, titles(evidence.Results{Claims: []evidence.Outcome{{Status: evidence.Held}}}), "Anything.")
	r.Gaps = []evidence.GapResult{{ID: "G1", Status: evidence.GapClosed}, {ID: "G6", Status: evidence.GapClosed}}
	r.Defects = []evidence.DefectResult{f1}
	assert.NotContains(t, titles(r), "Data below the logs.", "a profile that closes G1 is not said to leave it open")
	assert.Contains(t, titles(r), "What the channel's account reads.", "G7 is still open")
	assert.Contains(t, titles(r), "The procedure as written.")
}

func TestMatrixForPeople(t *testing.T) {
	r := kept(t, "broken")
	md, err := Summary(r)
	require.NoError(t, err)
	golden.Equal(t, "testdata/summary-sabotage.md", md)
	assert.NotContains(t, md, "\n\n\n")
	for width, name := range map[int]string{0: "table-sabotage.txt", 100: "table-sabotage-100.txt"} {
		var b bytes.Buffer
		require.NoError(t, Table(&b, r, width))
		golden.Equal(t, "testdata/"+name, b.String())
	}
}

// A full disk costs one file, and gets the space that was held back for the others.
func TestWriteGoesOnWhenAFileCannotBeWritten(t *testing.T) {
	d, err := evidence.Create(filepath.Join(t.TempDir(), "results"), time.Now(), "9.7.4")
	require.NoError(t, err)
	files := func() int {
		all, err := os.ReadDir(d.Root())
		require.NoError(t, err)
		return len(all)
	}
	require.Equal(t, 1, files(), "the reserve alone")
	require.NoError(t, os.Symlink("/dev/full", d.Path(evidence.SummaryFile)))
	require.ErrorIs(t, Write(d, kept(t, "example")), syscall.ENOSPC)
	_, err = evidence.Read(d.Path(evidence.ResultsFile))
	require.NoError(t, err)
	assert.FileExists(t, d.Path(evidence.JUnitFile))
	assert.Equal(t, 3, files(), "the space held back is given to the results")
	require.ErrorContains(t, Write(d, evidence.Results{}), "not concluded")
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JUnit(&b, kept(t, "example")))
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
		var r evidence.Results
		status := rapid.SampledFrom([]evidence.Status{evidence.Held, evidence.Held, evidence.Violated, evidence.NotLooked, evidence.NotApplicable, ""})
		for _, s := range rapid.SliceOfN(status, 0, 4).Draw(t, "claims") {
			r.Claims = append(r.Claims, evidence.Outcome{ID: "c", Status: s})
		}
		if rapid.Bool().Draw(t, "defect") {
			r.Defects = []evidence.DefectResult{f1}
		}
		if rapid.Bool().Draw(t, "sabotage") {
			rows := make([]evidence.SabotageRow, rapid.IntRange(0, 2).Draw(t, "rows"))
			for i := range rows {
				caught := rapid.Bool().Draw(t, "caught")
				rows[i] = evidence.SabotageRow{Done: true, Healed: true, Caught: caught}
			}
			s := evidence.Sabotage{Rows: rows}.Scored(rapid.IntRange(len(rows), 2).Draw(t, "of"))
			r.Sabotage = &s
		}
		if rapid.Bool().Draw(t, "error") {
			r.Error = &evidence.Failure{Exit: rapid.SampledFrom([]evidence.Exit{0, 1, 3, 4}).Draw(t, "exit"), Text: "x"}
		}
		accept := rapid.SampledFrom([][]string{nil, {"F1"}}).Draw(t, "accept")
		r = evidence.Conclude(r, accept)
		var b bytes.Buffer
		require.NoError(t, JUnit(&b, r))
		s := parse(t, b.Bytes())
		if (s.Failures+s.Errors > 0) != (r.Exit != evidence.ExitHeld) {
			t.Fatalf("exit %d, but\n%s", r.Exit, b.String())
		}
	})
}
