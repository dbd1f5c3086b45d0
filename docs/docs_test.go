// Package docs holds documents for people; its tests hold them to the tree.
package docs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documents gives the text of every Markdown file of the repository, by its
// path from the root. Results and the releases' own files are not ours.
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

var link = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)

// Every relative link leads to a file or folder that is there.
func TestLinksLeadSomewhere(t *testing.T) {
	seen := 0
	for p, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			_, err := os.Stat(filepath.Join("..", filepath.Dir(p), m[1]))
			assert.NoError(t, err, "%s links to %s", p, m[1])
		}
	}
	assert.Greater(t, seen, 10, "links that were looked at")
}

var (
	target = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	called = regexp.MustCompile("(?m)(?:`|^ {4}|(?:run|&&): )make ([a-z][a-z -]*[a-z])")
)

// Every target that a document or a workflow calls is in the Makefile, and
// every target stands in its help.
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
// was rejected, and stands in the index.
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
