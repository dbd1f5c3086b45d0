package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/cluster"
	"ndbproof/harness/failure"
	"ndbproof/harness/poll"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
	"ndbproof/harness/upgrade/step"
)

// cause says why a node did not do what a step was about; nil when it was
// something else.
func (u *upgrading) cause(ctx context.Context, s plan.Step, err error) *compare.Cause {
	if c := deathOf(ctx, err); c != nil || failure.Interrupted(ctx) {
		return c
	}
	c := hang(s, err)
	if c != nil {
		c.Log = u.lastLines(ctx, s)
	}
	return c
}

// deathOf is that of a node, if that is what went wrong, or what else followed from.
func deathOf(ctx context.Context, err error) *compare.Cause {
	if d := failure.Death(ctx, err); d != nil {
		return causeOfDeath(d)
	}
	return nil
}

// hang says what did not come within its time: the fact that was waited for, or
// the action that did not end; nil for an error of another kind.
func hang(s plan.Step, err error) *compare.Cause {
	c := &compare.Cause{Kind: compare.Hung, Side: s.Side, Node: strings.Join(s.Nodes, ", ")}
	var waited *poll.Timeout
	var at *step.Failed
	switch {
	case errors.As(err, &waited):
		c.Fact = waited.What
		if waited.Last != nil {
			c.Reason = brief.Error(waited.Last)
		}
	case errors.Is(err, context.DeadlineExceeded) && errors.As(err, &at):
		c.Fact, c.Reason = fmt.Sprintf("the end of %s", at.Action), brief.Error(at.Err)
	case errors.Is(err, context.DeadlineExceeded):
		c.Fact, c.Reason = "an answer", brief.Error(err)
	default:
		return nil
	}
	return c
}

// lastLines are what the step's nodes have written last: it tells why they hang, if
// anything does.
func (u *upgrading) lastLines(ctx context.Context, s plan.Step) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var all []string
	for _, name := range s.Nodes {
		log, err := u.clusterOf(s.Side).Log(ctx, name)
		if err != nil {
			all = append(all, fmt.Sprintf("%s: its log cannot be read: %s", name, brief.Error(err)))
			continue
		}
		last := lines(string(u.Secrets.Redact(log)))
		all = append(all, last[max(0, len(last)-tailLines):]...)
	}
	return strings.Join(all, "\n")
}

// tailLines of a node's log are kept with a hang.
const tailLines = 20

// refusals are what the programs write when they do not take their configuration:
// mysqld (sql/mysqld.cc, mysys/my_getopt.cc), ndb_mgmd (ConfigInfo.cpp), data
// nodes (Configuration.cpp).
var configRefusals = []string{
	"unknown variable", "unknown option", "[ERROR] [MY-000067]", "Unknown parameter", "Could not load configuration",
	"Illegal configuration", "Configuration error", "invalid configuration", "Could not parse", "Can't start server : ",
}

// causeOfDeath tells a node's death in the words of a report.
func causeOfDeath(d *cluster.Death) *compare.Cause {
	c := &compare.Cause{
		Kind: compare.Died, Side: d.Side, Node: d.Node, Exit: d.Exit, Signal: d.Signal, At: d.At(), Stack: d.Stack,
		Defect: d.Defect, Log: d.Tail,
	}
	switch {
	case d.OOM:
		c.Kind = compare.Killed
	case d.Signal == "":
		for line := range strings.Lines(d.Tail) {
			for _, word := range configRefusals {
				if strings.Contains(line, word) {
					c.Kind, c.Reason = compare.Refused, strings.TrimSpace(line)
					return c
				}
			}
		}
	}
	return c
}
