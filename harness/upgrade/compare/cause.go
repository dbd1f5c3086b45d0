package compare

import (
	"fmt"
	"regexp"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/topology"
)

// CauseKind is how a node failed.
type CauseKind string

// Ways in which a node fails.
const (
	Died    CauseKind = "died"    // by a signal, or by itself
	Killed  CauseKind = "killed"  // by the kernel, for want of memory (OOMKilled, as the engine says)
	Refused CauseKind = "refused" // it did not take its configuration
	Hung    CauseKind = "hung"    // a readiness fact, or the end of an action, did not come
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
	Fact   string        `json:"fact,omitempty"`   // of a hang: which readiness fact did not come, or the end of which action
	Reason string        `json:"reason,omitempty"` // the last that was seen of it, or what it wrote itself
	Defect string        `json:"defect,omitempty"` // id of the known defect that its log shows
	Log    string        `json:"log,omitempty"`    // the last lines of its log; of a hang those of all nodes of the step
}

// Explain gives c with the reason that its log tells, where it has none, and as
// refused when the log says that the configuration was. What killed it, and what
// it hung at, the log does not know better.
func (c Cause) Explain() Cause {
	said, refused := lastWords(c.Log)
	if c.Reason == "" && c.Kind != Hung {
		c.Reason = said
	}
	if c.Kind == Died && c.Signal == "" && refused {
		c.Kind, c.Reason = Refused, said
	}
	return c
}

// String is the cause in one line, for the verdict.
func (c Cause) String() string {
	s := strings.TrimSpace(string(c.Side) + " " + c.Node)
	switch c.Kind {
	case Killed:
		s += fmt.Sprintf(" was killed for want of memory (exit %d)", c.Exit)
	case Refused:
		s += fmt.Sprintf(" refused its configuration (exit %d)", c.Exit)
	case Hung:
		s += " hung: " + c.Fact + " did not come"
	default:
		s += fmt.Sprintf(" died (exit %d", c.Exit)
		if c.Signal != "" {
			s += ", got signal " + c.Signal
		}
		s += ")"
	}
	if c.At != "" {
		s += " in " + c.At
	}
	if c.Defect != "" {
		s += ", known defect " + c.Defect
	}
	if c.Reason != "" && c.Signal == "" {
		s += ": " + brief.Line(c.Reason)
	}
	return s
}

var (
	// Words of mysqld (mysys/my_getopt.cc), ndb_mgmd (reportError and what calls it, in
	// src/mgmsrv/InitConfigFileParser.cpp) and ndbmtd (exit code 2350, ndbd_exit_codes.h).
	ofConfiguration = regexp.MustCompile(`(?i)unknown (?:variable|option|parameter)|ambiguous option|error while setting value|illegal (?:\w+ )?value|error line \d+:|invalid configuration|configuration error`)
	// Storage nodes end their log with the error's number and text.
	forced = regexp.MustCompile(`Caused by error \d+: '[^']*'`)
)

// lastWords gives the error that tells most in a log: the first that is about
// the configuration, else a data node's own reason, else the last error but the
// one that says that the server ends.
func lastWords(log string) (said string, refused bool) {
	for line := range strings.Lines(log) {
		m, ok := parse(line)
		if !ok {
			m = message{text: strings.TrimSpace(line)}
		}
		switch {
		case ofConfiguration.MatchString(m.text) && (!ok || m.severity == isError):
			return m.text, true
		case m.severity == isError && m.text != "Aborting":
			said = m.text
		}
	}
	if why := forced.FindString(log); why != "" {
		said = why
	}
	return said, false
}
