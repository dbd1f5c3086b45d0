// Package compare judges the upgrade of a running pair from one release to
// another: the difference between what the pair was like under each, the
// verdict, and its report. It is pure: it asks no server, and what it is given
// can be judged again.
package compare

import (
	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// Snapshot is what a pair is like under one release, while nothing goes on but
// the load. Nodes are named "source sql", "replica ndb1". Nil and empty are the
// same: nothing was seen there, and what was not seen is never taken.
type Snapshot struct {
	Release string               `json:"release"` // "9.7.4"
	Claims  []evidence.Outcome   `json:"claims"`  // all claims, not the quick ones only
	Gaps    []evidence.GapResult `json:"gaps"`
	// Variables are performance_schema.global_variables, by mysqld and name.
	Variables map[string]map[string]string `json:"variables"`
	// Config is ndbinfo.config_values by data node and by the name that
	// ndbinfo.config_params gives to the parameter.
	Config map[string]map[string]string `json:"config"`
	// Grants are the lines of SHOW GRANTS, by side and account: "source user1@%".
	Grants     map[string][]string `json:"grants"`
	Privileges map[string][]string `json:"privileges"` // the first column of SHOW PRIVILEGES, by side
	TLS        []Negotiated        `json:"tls"`
	// Components are, by side, lines "name value": of mysql.component the
	// component_urn with an empty value, of performance_schema.keyring_component_status
	// key and value.
	Components map[string][]string `json:"components"`
	Plugins    map[string][]string `json:"plugins"` // "name version status", of information_schema.PLUGINS, by side
	// Messages are the raw lines of a node's error log since this release was
	// started there; of a data node and a management node, of its own log.
	Messages map[string][]string `json:"messages"`
	// StartSeconds are from a start to all readiness facts, by role: the median of
	// its nodes' starts.
	StartSeconds map[string]float64 `json:"start_seconds"`
	Throughput   float64            `json:"throughput"`  // acknowledged inserts a second, as fast as it goes; 0: not measured
	LagSeconds   float64            `json:"lag_seconds"` // mean of what the replica says in whole seconds, at the load's own pace
}

// Negotiated is a TLS session that really came about. Several with the same
// Side and Who are several sessions: of a client one for each suite that it offered
// and the server took.
type Negotiated struct {
	Side    topology.Side `json:"side"`    // of the server
	Who     string        `json:"who"`     // "client" or "channel"
	Version string        `json:"version"` // "TLSv1.3"
	Suite   string        `json:"suite"`   // "TLS_AES_256_GCM_SHA384"
}
