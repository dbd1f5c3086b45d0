// Package step carries out the steps of a plan. Each action is a type of its own that
// owns what it sees and does; an action that needs what an earlier one has seen refers
// to that one.
package step

import (
	"context"
	"fmt"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/failure"
	"ndbproof/harness/load"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// Action is one thing that a step does.
type Action interface {
	Do(ctx context.Context) error
}

// Reporter is an Action that writes into the step's result.
type Reporter interface {
	Report(r *compare.StepResult)
}

// Starter is an Action that waits for nodes of a role to be up again.
type Starter interface {
	// Started gives how many seconds the start took; 0 before it is over.
	Started() float64
}

// Replacer is an Action that replaces nodes' containers.
type Replacer interface {
	// Logs are what the nodes had written, by name, redacted.
	Logs() map[string]string
}

// Scene is what the steps of one upgrade act on. None of it changes while they do.
type Scene struct {
	Pair    *cluster.Pair
	Writers *load.Team
	// Keep keeps what a node has written, below the run's folder, and gives it redacted.
	Keep func(name string, log []byte) (string, error)
	// Image is what a step gives a node, Spec how a step deploys its cluster.
	Image func(s plan.Step, node string) string
	Spec  func(s plan.Step) topology.Spec
	// Served is called when a step's mysqld serves; nil: nothing is done then.
	Served func(ctx context.Context, s plan.Step) error
}

// cluster of a step.
func (c Scene) cluster(s plan.Step) *cluster.Cluster {
	if s.Side == topology.Replica {
		return c.Pair.Replica
	}
	return c.Pair.Source
}

// Limit of a step's actions. A data node starts in well under a minute; writers and
// channel have as long as a restart may take.
const Limit = 6 * time.Minute

// Crew makes the actions of one upgrade's steps, and remembers the copies that earlier
// steps have kept.
type Crew struct {
	scene  Scene
	copies map[topology.NodeRef]*KeepCopy
}

// NewCrew is for the steps of one upgrade.
func NewCrew(s Scene) *Crew { return &Crew{scene: s, copies: map[topology.NodeRef]*KeepCopy{}} }

// Run carries out the actions of a step, within Limit, and gives those that were begun.
func (c *Crew) Run(ctx context.Context, s plan.Step) ([]Action, error) {
	ctx, done := poll.WithLimit(ctx, Limit, "step "+s.ID)
	defer done()
	w := wiring{crew: c, step: s}
	var begun []Action
	for _, name := range s.Actions {
		a, err := w.action(name)
		if err == nil {
			begun = append(begun, a)
			err = a.Do(ctx)
		}
		if err != nil {
			return begun, failure.CauseFirst(ctx, &Failed{s.ID, name, err})
		}
	}
	return begun, nil
}

// Failed is an action that failed.
type Failed struct {
	Step   string
	Action plan.Action
	Err    error
}

func (f *Failed) Error() string { return fmt.Sprintf("%s: %s: %v", f.Step, f.Action, f.Err) }
func (f *Failed) Unwrap() error { return f.Err }
