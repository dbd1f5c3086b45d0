package cluster

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

func f1Log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/f1.log")
	require.NoError(t, err)
	return string(b)
}

// A real end of 9.7.4's mysqld.
func TestPostmortemOfF1(t *testing.T) {
	d := postmortem(f1Log(t))
	assert.Equal(t, "11", d.Signal)
	assert.Equal(t, release.F1.ID, d.Defect)
	require.Len(t, d.Stack, 8)
	assert.Equal(t, "<unknown>", d.Stack[0])
	assert.Equal(t, "_ZN13MYSQL_BIN_LOG19flush_thread_cachesEP3THD", d.Stack[7])
	d.Side, d.Node, d.Exit = topology.Source, "sql", 2
	assert.EqualError(t, &d, "source sql died (exit 2, got signal 11): known defect F1, in _ZN29IO_CACHE_binlog_cache_storage22setup_ciphers_passwordEv")
}

// What lacks one part of F1's signature is not F1.
func TestPostmortemOfOthers(t *testing.T) {
	elsewhere := strings.ReplaceAll(f1Log(t), "setup_ciphers_password", "somewhere_else")
	d := postmortem(elsewhere)
	assert.Empty(t, d.Defect)
	assert.Equal(t, "11", d.Signal)
	assert.ErrorContains(t, &d, ": in _ZN29IO_CACHE_binlog_cache_storage22somewhere_elseEv")

	d = postmortem(strings.ReplaceAll(f1Log(t), "got signal 11", "got signal 6"))
	assert.Empty(t, d.Defect)
	assert.Equal(t, "6", d.Signal)

	d = postmortem("one\ntwo\nthree\n")
	assert.Empty(t, d.Signal)
	assert.Empty(t, d.Stack)
	assert.Equal(t, "one\ntwo\nthree", d.Tail)
}

// The tail is what people read; it is not the whole log.
func TestPostmortemKeepsTheEnd(t *testing.T) {
	d := postmortem(strings.Repeat("a line\n", 100) + "the end\n")
	assert.Equal(t, 30, strings.Count(d.Tail, "\n")+1)
	assert.True(t, strings.HasSuffix(d.Tail, "\nthe end"))
}

func TestDeathNamesItsCause(t *testing.T) {
	for want, d := range map[string]Death{
		"replica ndb2 died (exit 0)":                                              {Side: topology.Replica, Node: "ndb2"},
		"replica ndb2 died (exit 137, killed for want of memory)":                 {Side: topology.Replica, Node: "ndb2", Exit: 137, OOM: true},
		"replica ndb2 died (exit 1): the last line":                               {Side: topology.Replica, Node: "ndb2", Exit: 1, Tail: "before\nthe last line"},
		"source sql died (exit 2, got signal 6): in my_abort":                     {Side: topology.Source, Node: "sql", Exit: 2, Signal: "6", Stack: []string{"<unknown>", "my_abort"}, Tail: "x"},
		"source sql died (exit 2): in real":                                       {Side: topology.Source, Node: "sql", Exit: 2, Stack: []string{"my_print_stacktrace", "handle_fatal_signal", "<unknown>", "real"}},
		"source sql died (exit 2): x":                                             {Side: topology.Source, Node: "sql", Exit: 2, Stack: []string{"<unknown>", "handle_fatal_signal", "<unknown>"}, Tail: "x"},
		"source sql died (exit 2, got signal 11): known defect F1":                {Side: topology.Source, Node: "sql", Exit: 2, Signal: "11", Defect: "F1", Tail: "x"},
		"source sql died (exit 2, got signal 11): known defect F1, in the_cipher": {Side: topology.Source, Node: "sql", Exit: 2, Signal: "11", Defect: "F1", Stack: []string{"the_cipher"}},
	} {
		assert.EqualError(t, &d, want)
	}
}
