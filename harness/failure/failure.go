// Package failure says what an error that ended a run comes to: a node's death, an
// interrupt, claims that did not hold, or something that could not be done.
package failure

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
)

// Unheld is the error of claims that did not hold where the run ends if they do not.
type Unheld struct {
	Phase string
	Falls []evidence.Fall
}

func (u Unheld) Error() string { return fmt.Sprintf("%s: %s", u.Phase, evidence.FallWords(u.Falls)) }

func (u Unheld) violated() bool {
	return slices.ContainsFunc(u.Falls, func(f evidence.Fall) bool { return f.Status == evidence.Violated })
}

// Of says what an error comes to that ended a run in a phase: before the marker row the
// run could not start, after it something could not be looked at, unless a node has
// died or a claim is violated.
func Of(ctx context.Context, err error, phase string, marker bool) *evidence.Failure {
	f := &evidence.Failure{Exit: evidence.ExitNotStarted, Where: phase, Text: Reason(ctx, err)}
	if marker {
		f.Exit = evidence.ExitNotLooked
	}
	if d := Death(ctx, err); d != nil {
		f.Side, f.Node = string(d.Side), d.Node
		if marker {
			f.Exit = evidence.ExitViolated
		}
	}
	var u Unheld
	if errors.As(err, &u) && u.violated() {
		f.Exit = evidence.ExitViolated
	}
	return f
}

// Death is that of a node, if that is what went wrong, or what the error followed from;
// else nil.
func Death(ctx context.Context, err error) *cluster.Death {
	var d *cluster.Death
	if errors.As(err, &d) || errors.As(context.Cause(ctx), &d) {
		return d
	}
	return nil
}

// Interrupted tells that the run was ended from outside: by a signal, without the
// engine, for want of room. A node that died ends it, too, but from within.
func Interrupted(ctx context.Context) bool {
	var d *cluster.Death
	return ctx.Err() != nil && !errors.As(context.Cause(ctx), &d)
}

// Reason gives a node's death or an interrupt alone: what else went wrong followed from
// it.
func Reason(ctx context.Context, err error) string {
	var d *cluster.Death
	if errors.As(err, &d) {
		return d.Error()
	}
	if c := context.Cause(ctx); c != nil {
		return brief.Error(c)
	}
	return brief.Error(err)
}

// CauseFirst lets the cause of a cancelled context travel with the error.
func CauseFirst(ctx context.Context, err error) error {
	if c := context.Cause(ctx); err != nil && c != nil && !errors.Is(err, c) {
		return fmt.Errorf("%w; at the same time: %w", c, err)
	}
	return err
}
