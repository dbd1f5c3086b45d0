package table

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDraw(t *testing.T) {
	rows := [][]string{{"a", "one two three four five six seven eight\n(nine)"}, {"b", ""}}
	wide := Draw([]string{"step", "what"}, rows, 0)
	assert.Contains(t, wide, "one two three four five six seven eight\n")
	assert.Contains(t, wide, "│ (nine)\n")
	narrow := Draw([]string{"step", "what"}, rows, 34)
	for l := range strings.Lines(narrow) {
		assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(l, "\n"))), 34, l)
	}
	assert.Contains(t, narrow, "│ (nine)\n")
	assert.Contains(t, narrow, "\n b    │\n")
}
