package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// fail notes what ended the run, and which steps were not reached.
func (r *runner) fail(ctx context.Context, err error) {
	if err == nil {
		return
	}
	if r.engine != nil {
		if gone := r.engine.Answers(ctx); gone != nil {
			r.stop(gone) // why else calls fail, said better
		}
	}
	f := r.failure(ctx, err)
	r.results.Error = f
	r.say("failure", topology.Side(f.Side), f.Node, f.Text)
	at := r.step
	r.leave(evidence.StepFailed)
	if at == 0 && len(r.results.Steps) == len(ProcedureSteps)-1 {
		return
	}
	for s := at + 1; s < len(ProcedureSteps); s++ {
		if !slices.ContainsFunc(r.results.Steps, func(x evidence.Step) bool { return x.Step == s }) {
			r.results.Steps = append(r.results.Steps, evidence.Step{Step: s, Title: ProcedureSteps[s], Status: evidence.StepNotReached})
		}
	}
}

// failure says what an error comes to: before the pair is up it could not start,
// after that nobody could look, unless a node has died or a claim is violated.
func (r *runner) failure(ctx context.Context, err error) *evidence.Failure {
	f := &evidence.Failure{Exit: evidence.ExitNotStarted, Where: r.phase, Text: reason(ctx, err)}
	if r.marker {
		f.Exit = evidence.ExitNotLooked
	}
	var d *cluster.Death
	if errors.As(err, &d) || errors.As(context.Cause(ctx), &d) {
		f.Side, f.Node = string(d.Side), d.Node
		if r.marker {
			f.Exit = evidence.ExitViolated
		}
	}
	var u unheld
	if errors.As(err, &u) && u.violated() {
		f.Exit = evidence.ExitViolated
	}
	return f
}

// unheld is the error of claims that did not hold where the run ends if they do not.
type unheld struct {
	phase string
	falls []evidence.Fall
}

func (u unheld) Error() string { return fmt.Sprintf("%s: %s", u.phase, fallen(u.falls)) }

func (u unheld) violated() bool {
	return slices.ContainsFunc(u.falls, func(f evidence.Fall) bool { return f.Status == evidence.Violated })
}

// reason gives a node's death or an interrupt alone: what else went wrong
// followed from it.
func reason(ctx context.Context, err error) string {
	var d *cluster.Death
	if errors.As(err, &d) {
		return d.Error()
	}
	if c := context.Cause(ctx); c != nil {
		return brief.Error(c)
	}
	return brief.Error(err)
}
