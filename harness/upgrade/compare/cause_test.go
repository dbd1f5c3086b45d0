package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

func TestCause(t *testing.T) {
	const at = "2026-11-24T02:15:00.123456Z 0 "
	for want, c := range map[string]Cause{
		"source sql died (exit 2, got signal 11) in setup_ciphers_password, known defect F1": {Kind: Died, Side: topology.Source, Node: "sql", Exit: 2, Signal: "11", At: "setup_ciphers_password", Defect: "F1", Reason: "mysqld got signal 11 ;"},
		"replica ndb1 was killed for want of memory (exit 137)":                              {Kind: Killed, Side: topology.Replica, Node: "ndb1", Exit: 137},
		"source sql hung: NDB takes writes did not come: stored grants: not initialized":     {Kind: Hung, Side: topology.Source, Node: "sql", Fact: "NDB takes writes", Reason: "stored grants:\n not initialized", Log: at + "[ERROR] [MY-000001] [Server] other"},
		"source sql refused its configuration (exit 1): unknown variable 'keyring_file_data=x'.": {Kind: Died, Side: topology.Source, Node: "sql", Exit: 1, Log: strings.Join([]string{
			at + "[Warning] [MY-011070] [Server] unknown option, says a warning",
			at + "[ERROR] [MY-000067] [Server] unknown variable 'keyring_file_data=x'.",
			at + "[ERROR] [MY-010119] [Server] Aborting",
		}, "\n")},
		"source sql died (exit 1): Invalid MySQL server upgrade: Cannot upgrade from 80044 to 90704.": {Kind: Died, Side: topology.Source, Node: "sql", Exit: 1, Log: strings.Join([]string{
			at + "[ERROR] [MY-014060] [Server] Invalid MySQL server upgrade: Cannot upgrade from 80044 to 90704.",
			at + "[ERROR] [MY-010119] [Server] Aborting",
		}, "\n")},
		"source ndb2 refused its configuration (exit 0): 2026-11-24 02:15:00 Forced node shutdown completed. Caused by error 2350: 'Invalid configuration received from Management Server(Configuration error). Permanent error, external action needed'.": {Kind: Died, Side: topology.Source, Node: "ndb2", Log: "2026-11-24 02:15:00 Forced node shutdown completed. Caused by error 2350: 'Invalid configuration received from Management Server(Configuration error). Permanent error, external action needed'."},
		"source ndb2 died (exit 0): Caused by error 2341: 'Internal program error'":                    {Kind: Died, Side: topology.Source, Node: "ndb2", Log: "2026-11-24 02:15:00 [ndbd] ALERT    -- Node 3: Forced node shutdown completed. Caused by error 2341: 'Internal program error'."},
		"replica mgm refused its configuration (exit 1): Error line 7: [DB] Unknown parameter: NoSuch": {Kind: Died, Side: topology.Replica, Node: "mgm", Exit: 1, Log: "Warning line 3: [DB] X is depricated\nError line 7: [DB] Unknown parameter: NoSuch\nError line 7: Could not parse name-value pair in config file."},
		"source sql died (exit 2, got signal 6)":                                                       {Kind: Died, Side: topology.Source, Node: "sql", Exit: 2, Signal: "6", Log: at + "[ERROR] [MY-000067] [Server] unknown option '--x'."},
		"source sql died (exit 1)":                                                                     {Kind: Died, Side: topology.Source, Node: "sql", Exit: 1},
	} {
		assert.Equal(t, want, c.Explain().String())
		assert.Equal(t, c.Explain(), c.Explain().Explain())
	}
}

func TestCheckPrograms(t *testing.T) {
	node := func(name, sha, version string) Program { return Program{topology.Source, name, sha, version} }
	old := []Program{node("ndb1", "aaaaaaaaaaaaaaaa", "9.7.2"), node("ndb2", "aaaaaaaaaaaaaaaa", "9.7.2")}
	want := []Program{node("ndb1", "bbbbbbbbbbbbbbbb", "9.7.4"), node("ndb2", "bbbbbbbbbbbbbbbb", "9.7.4")}

	assert.Equal(t, Check{ID: "programs", Title: programsTitle, Status: evidence.Held, Seen: 2}, CheckPrograms(want, want, old))
	for text, got := range map[string][]Program{
		"source ndb2 still runs the old program (9.7.2, sha256 aaaaaaaaaaaa; expected sha256 bbbbbbbbbbbb)": {want[0], old[1]},
		"source ndb2 runs another program (9.7.4, sha256 cccc; expected sha256 bbbbbbbbbbbb)":               {want[0], node("ndb2", "cccc", "9.7.4")},
		"source ndb2 runs the right program, and reports version 9.7.2 instead of 9.7.4":                    {want[0], node("ndb2", want[1].SHA256, "9.7.2")},
		"source ndb2: its program could not be told":                                                        {want[0], node("ndb2", "", "9.7.4")},
		"source ndb2 was not seen":              {want[0]},
		"source ndb3 is not a node of the plan": {want[0], want[1], node("ndb3", "b", "9.7.4")},
	} {
		c := CheckPrograms(got, want, old)
		assert.Equal(t, evidence.Violated, c.Status, text)
		assert.Equal(t, text, c.Text)
	}
	assert.Equal(t, evidence.NotLooked, CheckPrograms(nil, want, old).Status)
	assert.Equal(t, evidence.NotLooked, CheckPrograms(want, nil, old).Status)
}
