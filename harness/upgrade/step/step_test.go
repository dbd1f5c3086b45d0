package step

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/load"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// Every action of every plan has a type, and finds before it what it needs.
func TestEveryPlanIsWired(t *testing.T) {
	from, to := release.MustParse("9.7.2"), release.MustParse("9.7.4")
	source := topology.Standard(topology.Source, from, release.Layout{}, secure.Published2021())
	replica := topology.Standard(topology.Replica, from, release.Layout{}, secure.Published2021())
	seen := map[plan.Action]bool{}
	for _, o := range []plan.Options{
		{}, {PerGroup: true}, {PerGroup: true, RollbackAt: "source.sql", Copies: true}, {SpareSQL: true},
	} {
		p, err := plan.New(source, replica, to, o)
		require.NoError(t, err)
		crew := NewCrew(Scene{})
		for _, s := range p.Steps {
			w := wiring{crew: crew, step: s}
			for _, name := range s.Actions {
				a, err := w.action(name)
				require.NoError(t, err, "%s %s", s.ID, name)
				require.NotNil(t, a)
				seen[name] = true
			}
		}
	}
	assert.Len(t, seen, 22, "all but that of a keyring's plugin: %v", seen)
}

// An action whose step lacks an earlier one that it needs is refused, and not carried
// out with nothing.
func TestActionsNeedWhatComesBefore(t *testing.T) {
	for name, want := range map[plan.Action]string{
		plan.LetWriters: "*step.StopWriters", plan.AwaitStarted: "*step.StartNode", plan.AwaitServing: "*step.StopNode",
		plan.KeepCopy: "*step.StopNode", plan.Repoint: "*step.CommitFence",
	} {
		w := wiring{crew: NewCrew(Scene{}), step: plan.Step{ID: "source.sql", Nodes: []string{"sql"}}}
		_, err := w.action(name)
		require.ErrorContains(t, err, string(name)+" needs "+want)
	}
	w := wiring{crew: NewCrew(Scene{})}
	_, err := w.action("fly")
	require.EqualError(t, err, `unknown action "fly"`)
}

// A step that fails names itself, the action and the cause, and gives what was begun.
func TestRunNamesTheActionThatFailed(t *testing.T) {
	scene := Scene{Writers: load.NewTeam(load.TeamOptions{})}
	s := plan.Step{ID: "source.sql", Actions: []plan.Action{plan.StopWriters, plan.LetWriters, "fly", plan.CatchUp}}
	begun, err := NewCrew(scene).Run(t.Context(), s)
	require.Len(t, begun, 2)
	require.EqualError(t, err, `source.sql: fly: unknown action "fly"`)
	var r compare.StepResult
	begun[1].(Reporter).Report(&r)
	assert.GreaterOrEqual(t, r.WritersStoodMS, int64(0))

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a node died"))
	_, err = NewCrew(scene).Run(ctx, s)
	require.ErrorContains(t, err, "a node died; at the same time: source.sql: fly")
}
