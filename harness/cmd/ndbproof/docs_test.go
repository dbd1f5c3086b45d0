package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
)

// document reads a document by its path from the root.
func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../../" + name)
	require.NoError(t, err)
	return string(b)
}

// section is the text between a heading and the next one of any level.
func section(doc, heading string) string {
	_, after, _ := strings.Cut(doc, "\n"+heading+"\n")
	text, _, _ := strings.Cut(after, "\n#")
	return text
}

// rows gives the cells after the first of a section's table by the first, which
// is without its back quotes.
func rows(text string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `?([^`|]+?)`? \\| (.*) \\|$").FindAllStringSubmatch(text, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// docs/operator.md lists every command and every flag of it, with its
// default, and none that is not there.
func TestOperatorListsEveryFlag(t *testing.T) {
	doc := document(t, "docs/operator.md")
	commands := rows(section(doc, "## Commands"))
	delete(commands, "Command")
	delete(commands, "---")
	for _, c := range command().Commands() {
		assert.Contains(t, commands, "ndbproof "+c.Name())
		delete(commands, "ndbproof "+c.Name())
		assertFlags(t, c, rows(section(doc, "### ndbproof "+c.Name())))
	}
	assert.Empty(t, commands, "documented, but there is no such command")
}

func assertFlags(t *testing.T, c *cobra.Command, documented map[string]string) {
	t.Helper()
	delete(documented, "Flag")
	delete(documented, "---")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		row, ok := documented["--"+f.Name]
		assert.True(t, ok, "%s --%s is not in docs/operator.md", c.Name(), f.Name)
		delete(documented, "--"+f.Name)
		switch f.DefValue {
		case "", "0", "false", "[]":
		default:
			assert.Contains(t, row, "`"+f.DefValue+"`", "%s --%s: its default", c.Name(), f.Name)
		}
	})
	assert.Empty(t, documented, "documented for %s, but there is no such flag", c.Name())
}

// The codes are a promise to every script that calls the command; 0 to 5 are all. Each
// document that lists them says the same.
func TestEveryExitCodeIsListed(t *testing.T) {
	for _, name := range []string{"README.md", "docs/operator.md", "docs/results.md"} {
		documented := rows(section(document(t, name), "## Exit codes"))
		delete(documented, "Exit")
		delete(documented, "---:")
		assert.Len(t, documented, int(evidence.ExitWorkedAround)+1, name)
		for e := evidence.ExitHeld; e <= evidence.ExitWorkedAround; e++ {
			row := documented[strconv.Itoa(int(e))]
			word, _, _ := strings.Cut(e.String(), ",")
			assert.True(t, strings.HasPrefix(row, word), "%s: exit %d: %q does not begin with %q", name, e, row, word)
		}
	}
	assert.Equal(t, "exit 6", evidence.Exit(6).String(), "a code that no document lists")
}
