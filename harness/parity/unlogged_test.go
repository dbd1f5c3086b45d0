package parity

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRulesOfNdbReplication(t *testing.T) {
	for _, c := range []struct {
		what  string
		rules []rule
		out   bool
	}{
		{"none", nil, false},
		{"another table", []rule{{"d", "u", false, true}}, false},
		{"another database", []rule{{"e", "t1", false, true}}, false},
		{"this one", []rule{{"d", "t1", false, true}}, true},
		{"all tables", []rule{{"d", "%", false, true}}, true},
		{"all tables of all databases", []rule{{"%", "%", false, true}}, true},
		{"a character", []rule{{"d", "t_", false, true}}, true},
		{"a rule that does not forbid", []rule{{"d", "t1", false, false}}, false},
		{"all but this", []rule{{"d", "%", false, true}, {"d", "t1", false, false}}, false},
		{"this, on this server only", []rule{{"d", "t1", false, false}, {"d", "t1", true, true}}, true},
	} {
		assert.Equal(t, c.out, ruledOut("d.t1", c.rules), c.what)
	}
	assert.False(t, like("t10", "t_"))
	assert.True(t, like("", "%"))
	assert.True(t, like("abcabd", "%ab_"))
}
