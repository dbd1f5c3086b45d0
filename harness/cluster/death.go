package cluster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// Death is the end of a node that the harness did not ask for.
type Death struct {
	Side   topology.Side `json:"side"`
	Node   string        `json:"node"`
	Exit   int           `json:"exit"`
	OOM    bool          `json:"oom_killed"`
	Signal string        `json:"signal,omitempty"` // "11", as the server's own handler says
	Stack  []string      `json:"stack,omitempty"`  // the innermost frames, as the server printed them
	Tail   string        `json:"tail,omitempty"`   // last lines of its log
	Defect string        `json:"defect,omitempty"` // the known defect that its log shows
}

func (d *Death) Error() string {
	s := fmt.Sprintf("%s %s died (exit %d", d.Side, d.Node, d.Exit)
	if d.OOM {
		s += ", killed for want of memory"
	}
	if d.Signal != "" {
		s += ", got signal " + d.Signal
	}
	s += ")"
	at := d.At()
	switch {
	case d.Defect != "" && at != "":
		s += ": known defect " + d.Defect + ", in " + at
	case d.Defect != "":
		s += ": known defect " + d.Defect
	case at != "":
		s += ": in " + at
	case d.Tail != "":
		s += ": " + brief.Last(d.Tail)
	}
	return s
}

// NodeDied marks the error as the death of a node.
func (*Death) NodeDied() {}

// lastEntry gives the last entry of a data node's error log. The file is a ring
// (ErrorReporter.cpp): its first line tells where the next entry goes, and each
// entry ends with ***EOM***.
func lastEntry(ring string) string {
	entries := strings.Split(ring, "***EOM***")
	last, latest := "", time.Time{}
	for _, e := range entries {
		_, when, found := strings.Cut(e, "Time: ")
		when, _, _ = strings.Cut(when, "\n")
		at, err := time.Parse("Monday 2 January 2006 - 15:04:05", strings.TrimSpace(when))
		if found && err == nil && !at.Before(latest) {
			last, latest = strings.TrimSpace(e), at
		}
	}
	return last
}

// handler is the server's own, which prints the stack: the frames above it are
// about printing.
const handler = "handle_fatal_signal"

// At is the innermost frame with a name below the handler; "" when there is no
// stack. The frame right below it is the kernel's trampoline, without a name.
func (d *Death) At() string {
	handled := slices.IndexFunc(d.Stack, func(f string) bool { return strings.Contains(f, handler) })
	for _, f := range d.Stack[handled+1:] {
		if f != "<unknown>" {
			return f
		}
	}
	return ""
}

var (
	gotSignal = regexp.MustCompile(`got (?:signal|exception) (\S+)`)
	frame     = regexp.MustCompile(`(?m)^\s*(?:#\d+\s+)?0x[0-9a-f]+ (.+)$`)
)

// postmortem reads a server's log for the cause of its end.
func postmortem(log string) Death {
	var d Death
	if m := gotSignal.FindStringSubmatch(log); m != nil {
		d.Signal = strings.TrimSuffix(m[1], ";")
	}
	for _, m := range frame.FindAllStringSubmatch(log, 24) {
		d.Stack = append(d.Stack, strings.TrimSpace(m[1]))
	}
	for _, known := range release.Defects() {
		if known.Shown(log) {
			d.Defect = known.ID
		}
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	d.Tail = strings.Join(lines[max(0, len(lines)-30):], "\n")
	return d
}

// watch tells of every node of this run that dies without our asking, until
// ctx ends or the engine goes away.
func watch(ctx context.Context, e *engine.Run, find func(side, node string) *Node, died func(*Death)) {
	ends := e.Ends(ctx, labelNode)
	go func() {
		for end := range ends {
			n := find(end.Labels[labelSide], end.Labels[labelNode])
			if n == nil || n.id != end.ID || n.leaving.Load() || n.running(ctx) {
				continue
			}
			died(n.autopsy(ctx))
		}
	}()
}

// autopsy asks the engine and the log why the node ended. Of a container that
// was started more than once only what it wrote since the last start counts: an
// earlier end may have had another cause.
func (n *Node) autopsy(ctx context.Context) *Death {
	end, _ := n.cluster.engine.Inspect(ctx, n.id) // zero when the engine does not say
	log, err := n.logsOf(ctx, engine.LogRange{Tail: "400", Since: end.Started})
	if err != nil {
		log = "its log could not be read: " + err.Error()
	}
	// A data node says why in a file (ndbd_exit_codes.h), of which the last entry
	// is its own.
	if n.Role == topology.Ndbmtd {
		if b, err := n.read(ctx, fmt.Sprintf("%s/ndb_%d_error.log", topology.NdbDir, n.ID), 0); err == nil {
			log += "\n" + lastEntry(string(b))
		}
	}
	d := postmortem(log)
	d.Side, d.Node, d.Exit, d.OOM = n.Side, n.Name, end.Exit, end.OOM
	return &d
}
