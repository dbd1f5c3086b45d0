package report

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/golden"
	"ndbproof/harness/upgrade/compare"
)

// keptUpgrade reads the report of an upgrade that the tests of compare keep.
func keptUpgrade(t *testing.T, name string) compare.Report {
	t.Helper()
	r, err := compare.Read("../upgrade/compare/testdata/" + name + ".json")
	require.NoError(t, err)
	return r
}

func TestUpgrade(t *testing.T) {
	for _, name := range []string{"taken", "not-taken", "rolled-back", "early"} {
		r := keptUpgrade(t, name)
		got, err := Upgrade(r)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(got, "# "+cell(r.Verdict.Headline)+"\n"), "%s: the verdict comes first", name)
		for _, section := range []string{"Steps", "Where the time went", "Differences between the releases", "Known defects", "How to reproduce it", "Not proven by this run"} {
			assert.Contains(t, got, "\n## "+section+"\n\n", name)
		}
		assert.NotContains(t, got, "\n\n\n", name)
		golden.Equal(t, "testdata/upgrade/"+name+".md", got)
	}
}

// Every row of a table has as many cells as its head, whatever is in it.
func TestTablesAreWhole(t *testing.T) {
	r := keptUpgrade(t, "not-taken")
	r.Differences[0].Name, r.Differences[0].To = "a|b`c", "<x>\n|"
	r.Steps[0].Title = "| <b>\nx"
	b, err := Upgrade(compare.Conclude(r))
	require.NoError(t, err)
	cells := 0
	for line := range strings.Lines(b) {
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
	assert.NotContains(t, b, "<b>")
}

// Both files are tried: a full disk costs as little as can be.
func TestWriteUpgradeGoesOn(t *testing.T) {
	d := evidence.At(t.TempDir())
	require.NoError(t, d.Write(compare.ReportFile+"/x", nil), "a folder is in the way")
	require.Error(t, WriteUpgrade(d, keptUpgrade(t, "taken")))
	assert.FileExists(t, d.Path(compare.MarkdownFile))
	require.ErrorContains(t, WriteUpgrade(d, compare.Report{}), "not concluded")
}

func TestEverySectionIsDocumentedInOrder(t *testing.T) {
	b, err := Upgrade(keptUpgrade(t, "not-taken"))
	require.NoError(t, err)
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(b, -1) {
		sections = append(sections, m[1])
	}
	doc, err := os.ReadFile("../../docs/upgrade.md")
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(doc), "\n## upgrade.md\n")
	require.True(t, ok)
	text, _, _ := strings.Cut(after, "\n## ")
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		documented = append(documented, m[1])
	}
	assert.Equal(t, sections, documented)
}
