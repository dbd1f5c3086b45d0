package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/golden"
)

func TestTheTableFitsTheTerminal(t *testing.T) {
	for width, name := range map[int]string{0: "table.txt", 80: "table-80.txt"} {
		var b bytes.Buffer
		require.NoError(t, Table(&b, kept(t, "example"), width))
		if width > 0 {
			for l := range strings.Lines(b.String()) {
				assert.LessOrEqual(t, len([]rune(strings.TrimRight(l, "\n"))), width)
			}
		}
		golden.Equal(t, "testdata/"+name, b.String())
	}
	var b bytes.Buffer
	require.NoError(t, Table(&b, kept(t, "early"), 80))
	assert.Empty(t, b.String(), "nothing to show, no empty tables")
	require.NoError(t, Table(&b, kept(t, "example"), 1), "a width that nothing fits")
}
