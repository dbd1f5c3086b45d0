// Package docs holds documents for people; its tests hold them to the tree.
package docs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/procedure"
	"ndbproof/harness/secure"
)

// documents gives the text of every Markdown file of the repository, by its
// path from the root. Results and the releases' own files are none of the repository's.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (p == ".git" || p == "bin" || p == "build" || p == "images/bundles" || e.Name() == "testdata" || strings.HasPrefix(p, "results/")):
			return fs.SkipDir
		case e.Type().IsRegular() && filepath.Ext(p) == ".md":
			b, err := os.ReadFile(filepath.Join("..", p))
			all[p] = string(b)
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, all, "README.md")
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	fence   = regexp.MustCompile("(?s)```.*?```")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// Every relative link leads to a file or folder that is there, and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	texts := documents(t)
	seen := 0
	for p, text := range texts {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			to := p
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(p), m[1])
			}
			_, err := os.Stat(filepath.Join("..", to))
			assert.NoError(t, err, "%s links to %s", p, m[1])
			if m[2] != "" {
				assert.Contains(t, anchors(texts[to]), m[2], "%s links to a heading of %s", p, to)
			}
		}
	}
	assert.Greater(t, seen, 10, "links that were looked at")
}

// anchors are those of the headings of a document, as hosts of repositories make them:
// lower case, spaces as hyphens, and nothing but letters, digits, hyphens, underscores.
func anchors(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return all
}

var (
	target = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	called = regexp.MustCompile("(?m)(?:`|^ {4}|(?:run|&&): )make ([a-z][a-z -]*[a-z])")
)

// Every target that a document or a workflow calls is in the Makefile, and
// its help lists every target.
func TestTargetsAreThere(t *testing.T) {
	b, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	var targets []string
	for _, m := range target.FindAllStringSubmatch(string(b), -1) {
		targets = append(targets, m[1])
		assert.Regexp(t, `(?m)^`+m[1]+`:.*## .`, string(b), "%s is not in make help", m[1])
	}
	texts := documents(t)
	for _, f := range []string{".ci/run", ".github/workflows/ci.yml", ".github/workflows/nightly.yml"} {
		b, err := os.ReadFile("../" + f)
		require.NoError(t, err)
		texts[f] = string(b)
	}
	seen := 0
	for p, text := range texts {
		for _, m := range called.FindAllStringSubmatch(text, -1) {
			for _, name := range strings.Fields(m[1]) {
				seen++
				assert.Contains(t, targets, name, "%s: make %s", p, m[1])
			}
		}
	}
	assert.Greater(t, seen, 10, "calls that were looked at")
}

// Every decision says what it is about, what was decided, what follows and what
// was rejected, and the index lists it.
func TestDecisionsAreWhole(t *testing.T) {
	texts := documents(t)
	index := texts["docs/adr/README.md"]
	pages := 0
	for _, p := range slices.Sorted(maps.Keys(texts)) {
		name := strings.TrimPrefix(p, "docs/adr/")
		if name == p || name == "README.md" {
			continue
		}
		pages++
		for _, part := range []string{"Context", "Decision", "Consequences", "Rejected"} {
			assert.Contains(t, texts[p], "\n**"+part+".**", p)
		}
		assert.Contains(t, index, "("+name+")")
	}
	assert.Positive(t, pages)
}

// table gives the cells of each row of the first table after a heading, without the
// table's own heading.
func table(t *testing.T, text, after string) [][]string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n"+after+"\n")
	require.True(t, ok, "no heading %q", after)
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
			}
			rows = append(rows, cells)
		case strings.HasPrefix(line, "#") || len(rows) > 0:
			require.Greater(t, len(rows), 2, "rows of the table after %q", after)
			return rows[2:]
		}
	}
	require.Greater(t, len(rows), 2, "rows of the table after %q", after)
	return rows[2:]
}

// The README lists the steps of the procedure, as the harness carries them out.
func TestStepsAreThoseOfTheProcedure(t *testing.T) {
	var want [][]string
	for _, s := range procedure.Steps {
		want = append(want, []string{strconv.Itoa(s.Number), s.Title})
	}
	assert.Equal(t, want, table(t, documents(t)["README.md"], "## The eight steps of the procedure"))
}

// The README names the version of Go that the module needs.
func TestVersionOfGoIsNamed(t *testing.T) {
	b, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(string(b))
	require.NotNil(t, version)
	assert.Contains(t, documents(t)["README.md"], "Go "+version[1]+" or later")
}

var elapsed = regexp.MustCompile(`^ *\d+\.\d+s  `)

// What the README shows of a run is in the kept sample, but for the times.
func TestExcerptIsOfTheSample(t *testing.T) {
	b, err := os.ReadFile("sample/output.txt")
	require.NoError(t, err)
	kept := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		kept[strings.Join(strings.Fields(elapsed.ReplaceAllString(line, "")), " ")] = true
	}
	_, after, ok := strings.Cut(documents(t)["README.md"], "\n## What comes out\n")
	require.True(t, ok)
	_, block, ok := strings.Cut(after, "\n```\n")
	require.True(t, ok)
	block, _, _ = strings.Cut(block, "```")
	lines := strings.Split(strings.TrimSpace(block), "\n")
	assert.Greater(t, len(lines), 5)
	for _, line := range lines {
		assert.True(t, kept[strings.Join(strings.Fields(line), " ")], "not in docs/sample/output.txt: %s", line)
	}
}

// The example that the page for developers shows is the one that is compiled.
func TestExampleIsTheOneThatIsCompiled(t *testing.T) {
	b, err := os.ReadFile("../scenarios/example_test.go")
	require.NoError(t, err)
	_, after, ok := strings.Cut(documents(t)["docs/developer.md"], "\n```go\n")
	require.True(t, ok)
	shown, _, _ := strings.Cut(after, "```\n")
	assert.Equal(t, string(b), shown)
}

// Every flag of the scenarios is in the page for developers, with its default, and no
// other is.
func TestFlagsOfTheScenariosAreListed(t *testing.T) {
	b, err := os.ReadFile("../harness/harness.go")
	require.NoError(t, err)
	rows := map[string]string{}
	for _, r := range table(t, documents(t)["docs/developer.md"], "## Flags of the scenarios") {
		rows[strings.TrimPrefix(r[0], "-")] = r[1]
	}
	flags := regexp.MustCompile(`flag\.\w+\("([a-z-]+)", ("[^"]*"|false|secure\.DefaultProfile)`).FindAllStringSubmatch(string(b), -1)
	assert.NotEmpty(t, flags)
	for _, f := range flags {
		row, ok := rows[f[1]]
		assert.True(t, ok, "-%s is not in docs/developer.md", f[1])
		delete(rows, f[1])
		if d := strings.Trim(strings.Replace(f[2], "secure.DefaultProfile", secure.DefaultProfile, 1), `"`); d != "" && d != "false" {
			assert.Equal(t, d, row, "-%s: its default", f[1])
		}
	}
	assert.Empty(t, rows, "documented, but there is no such flag")
}

// vague are words that a reader has to read twice: they name no actor.
var vague = regexp.MustCompile(`(?i)\b(nobody|somebody|whoever|meanwhile|is told|can be had|stands in|of ours|so wished)\b`)

// Code names the actor as well: comments, messages and templates.
func TestCodeNamesTheActor(t *testing.T) {
	looked := 0
	root := os.DirFS("..")
	require.NoError(t, fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name := d.Name(); name == ".git" || name == "results" || name == "bin" || name == "build" {
				return fs.SkipDir
			}
			return nil
		case filepath.Ext(p) != ".go" && filepath.Ext(p) != ".tmpl" && filepath.Ext(p) != ".sh":
			return nil
		}
		b, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		looked++
		for n, line := range strings.Split(string(b), "\n") {
			if !strings.HasPrefix(line, "var vague =") {
				assert.Empty(t, vague.FindString(line), "%s:%d", p, n+1)
			}
		}
		return nil
	}))
	assert.Greater(t, looked, 300)
}

// Documents name the actor. The sample is what the program prints.
func TestDocumentsNameTheActor(t *testing.T) {
	for p, text := range documents(t) {
		if strings.HasPrefix(p, "docs/sample/") {
			continue
		}
		for n, line := range strings.Split(text, "\n") {
			assert.Empty(t, vague.FindString(line), "%s:%d", p, n+1)
			assert.Less(t, len(line), 1000, "%s:%d: a paragraph that wants to be a list", p, n+1)
		}
	}
}
