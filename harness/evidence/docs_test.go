package evidence

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documented gives the first column of the table in a section of
// docs/results.md, without its back quotes, in order.
func documented(t *testing.T, section string) []string {
	t.Helper()
	b, err := os.ReadFile("../../docs/results.md")
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
// document writes them: "claims[].violations[].code".
func paths(typ reflect.Type, prefix string) []string {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() == reflect.Slice {
		return paths(typ.Elem(), strings.TrimSuffix(prefix, ".")+"[].")
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
		return nil
	}
	var out []string
	for f := range typ.Fields() {
		if f.Anonymous {
			out = append(out, paths(f.Type, prefix)...)
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, prefix+key)
		out = append(out, paths(f.Type, prefix+key+".")...)
	}
	return out
}

func TestEveryKeyIsDocumentedInOrder(t *testing.T) {
	assert.Equal(t, paths(reflect.TypeFor[Results](), ""), documented(t, "results.json"))
	assert.Equal(t, paths(reflect.TypeFor[Event](), ""), documented(t, "timeline.jsonl"))
}

func TestTopLevelKeys(t *testing.T) {
	var top []string
	for _, p := range documented(t, "results.json") {
		if !strings.ContainsAny(p, ".[") {
			top = append(top, p)
		}
	}
	for _, key := range []string{"schema", "verdict", "exit", "release", "profile", "claims", "gaps", "defects", "timings", "provenance"} {
		assert.True(t, slices.Contains(top, key), "readers count on %s", key)
	}
}

func TestEveryFileIsDocumented(t *testing.T) {
	files := documented(t, "Files")
	for _, name := range []string{ResultsFile, SummaryFile, JUnitFile, TimelineFile, ManifestFile} {
		assert.Contains(t, files, name)
	}
	b, err := os.ReadFile("../../docs/results.md")
	require.NoError(t, err)
	for _, s := range []string{"`" + reserve + "`", "`" + Latest + "`", "`" + Schema + "`"} {
		assert.Contains(t, strings.ReplaceAll(string(b), "results/"+Latest, Latest), s)
	}
}
