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

// operations reads docs/operations.md.
func operations(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../../docs/operations.md")
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

// docs/operations.md lists every command and every flag of it, with its
// default, and none that is not there.
func TestOperationsListsEveryFlag(t *testing.T) {
	doc := operations(t)
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
		assert.True(t, ok, "%s --%s is not in docs/operations.md", c.Name(), f.Name)
		delete(documented, "--"+f.Name)
		switch f.DefValue {
		case "", "0", "false", "[]":
		default:
			assert.Contains(t, row, "`"+f.DefValue+"`", "%s --%s: its default", c.Name(), f.Name)
		}
	})
	assert.Empty(t, documented, "documented for %s, but there is no such flag", c.Name())
}

// The codes are a promise to whoever scripts the command; 0 to 5 are all.
func TestOperationsListsEveryExitCode(t *testing.T) {
	documented := rows(section(operations(t), "## Exit codes"))
	for e := evidence.ExitHeld; e <= evidence.ExitWorkedAround; e++ {
		row := documented[strconv.Itoa(int(e))]
		word, _, _ := strings.Cut(e.String(), ",")
		assert.True(t, strings.HasPrefix(row, word), "exit %d: %q does not begin with %q", e, row, word)
	}
	assert.Equal(t, "exit 6", evidence.Exit(6).String(), "a code that docs/operations.md does not list")
}
