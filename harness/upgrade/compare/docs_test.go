package compare

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
)

// documented gives the first column of the table in a section of
// docs/upgrade.md, without its back quotes, in order.
func documented(t *testing.T, section string) []string {
	t.Helper()
	b, err := os.ReadFile("../../../docs/upgrade.md")
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(b), "\n## "+section+"\n")
	require.True(t, ok, "no section %q", section)
	text, _, _ := strings.Cut(after, "\n## ")
	var keys []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// paths gives every key of a type's JSON, in the order of its fields, as the
// document writes them. What results.json has as well is described there.
func paths(typ reflect.Type, prefix string) []string {
	switch typ.Kind() {
	case reflect.Pointer:
		return paths(typ.Elem(), prefix)
	case reflect.Slice:
		return paths(typ.Elem(), strings.TrimSuffix(prefix, ".")+"[].")
	case reflect.Struct:
	default:
		return nil
	}
	if typ == reflect.TypeFor[time.Time]() || typ == reflect.TypeFor[evidence.Outcome]() || typ == reflect.TypeFor[evidence.GapResult]() {
		return nil
	}
	var out []string
	for f := range typ.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, prefix+key)
		out = append(out, paths(f.Type, prefix+key+".")...)
	}
	return out
}

func TestEveryKeyIsDocumentedInOrder(t *testing.T) {
	assert.Equal(t, paths(reflect.TypeFor[Report](), ""), documented(t, "upgrade.json"))
	assert.Equal(t, paths(reflect.TypeFor[Snapshot](), ""), documented(t, "upgrade/from.json"))
}

func TestEveryFileIsDocumented(t *testing.T) {
	assert.Equal(t, []string{MarkdownFile, ReportFile, FromFile, ToFile}, documented(t, "Files"))
	b, err := os.ReadFile("../../../docs/results.md")
	require.NoError(t, err)
	for _, name := range []string{MarkdownFile, ReportFile} {
		assert.Contains(t, string(b), "| `"+name+"` |", "the folder's table of files")
	}
}

func TestEveryAreaIsDocumentedInOrder(t *testing.T) {
	var names []string
	for _, a := range areas {
		names = append(names, string(a))
	}
	assert.Equal(t, names, documented(t, "Differences"))
}

func TestOutcomesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../../docs/upgrade.md")
	require.NoError(t, err)
	for _, s := range []string{
		"`mended`", "`not tried (worked around)`", "`still there (seen)`", "`seen, although it is not known of this release`",
		"`absent`", "`not tried`", "`not expected, not tried`", "`" + Schema + "`", "`" + Absent + "`",
		"`" + string(Died) + "`", "`" + string(Killed) + "`", "`" + string(Refused) + "`", "`" + string(Hung) + "`",
	} {
		assert.Contains(t, string(b), s)
	}
}
