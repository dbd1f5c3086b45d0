package upgrade

import "ndbproof/harness/topology"

// CauseKind is how a node failed.
type CauseKind string

// Ways in which a node fails.
const (
	Died    CauseKind = "died"    // by a signal, or by itself
	Killed  CauseKind = "killed"  // by the kernel, for want of memory (OOMKilled, as the engine says)
	Refused CauseKind = "refused" // it did not take its configuration
	Hung    CauseKind = "hung"    // a readiness fact did not come
)

// Cause is why a node did not do what a step was about.
type Cause struct {
	Kind   CauseKind     `json:"kind"`
	Side   topology.Side `json:"side"`
	Node   string        `json:"node"`
	Exit   int           `json:"exit"`             // of its program; mysqld handles signals itself and exits 2, an ndbd angel exits 0
	Signal string        `json:"signal,omitempty"` // "11", as its log says
	At     string        `json:"at,omitempty"`     // the innermost frame of the stack with a name
	Stack  []string      `json:"stack,omitempty"`  // as its log has it, innermost first
	Fact   string        `json:"fact,omitempty"`   // of a hang: which readiness fact did not come
	Reason string        `json:"reason,omitempty"` // the last that was seen of it, or what it wrote itself
	Defect string        `json:"defect,omitempty"` // id of the known defect that its log shows
	Log    string        `json:"log,omitempty"`    // the last lines of its log
}
