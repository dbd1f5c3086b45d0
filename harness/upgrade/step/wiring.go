package step

import (
	"fmt"

	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/plan"
)

// wiring makes the actions of one step, in their order, and hands to each the earlier
// ones whose state it needs.
type wiring struct {
	crew  *Crew
	step  plan.Step
	pause *StopWriters
	stop  *StopNode
	start *StartNode
	fence *CommitFence
}

// action makes an action by its name.
func (w *wiring) action(name plan.Action) (Action, error) {
	at := on{w.crew.scene, w.step}
	switch name {
	case plan.StopWriters:
		w.pause = &StopWriters{on: at}
		return w.pause, nil
	case plan.LetWriters:
		return need(w.pause, name, &LetWriters{on: at, Pause: w.pause})
	case plan.StopNode:
		w.stop = &StopNode{on: at}
		return w.stop, nil
	case plan.ReplaceNode:
		return &ReplaceNode{on: at}, nil
	case plan.StartNode:
		w.start = &StartNode{on: at}
		return w.start, nil
	case plan.AwaitStarted:
		return need(w.start, name, &AwaitStarted{on: at, Start: w.start})
	case plan.AwaitServing:
		return w.awaitServing(at)
	case plan.KeepCopy:
		return need(w.stop, name, &KeepCopy{on: at, Stop: w.stop, kept: w.crew.copies})
	case plan.RestoreCopy:
		return &RestoreCopy{on: at}, nil
	case plan.MigrateKeyring:
		return &MigrateKeyring{on: at}, nil
	default:
		return w.ofPair(at, name)
	}
}

// ofPair makes an action about the channel, or a second mysqld.
func (w *wiring) ofPair(at on, name plan.Action) (Action, error) {
	switch name {
	case plan.LogRow:
		return &LogRow{at}, nil
	case plan.EncryptLogs:
		return &EncryptLogs{at}, nil
	case plan.PurgeClear:
		return &PurgeClear{at}, nil
	case plan.CatchUp:
		return &CatchUp{at}, nil
	case plan.StopReplica:
		return &StopReplica{at}, nil
	case plan.StartReplica:
		return &StartReplica{at}, nil
	case plan.CommitFence:
		w.fence = &CommitFence{on: at}
		return w.fence, nil
	case plan.Repoint:
		return need(w.fence, name, &Repoint{on: at, Fence: w.fence})
	case plan.RepointApplied:
		return &RepointApplied{at}, nil
	case plan.StartSecond:
		return &StartSecond{at}, nil
	case plan.WriteToSecond:
		return &WriteToSecond{at}, nil
	case plan.WriteToOwn:
		return &WriteToOwn{at}, nil
	case plan.DropSecond:
		return &DropSecond{at}, nil
	default:
		return nil, fmt.Errorf("unknown action %q", name)
	}
}

// need refuses an action whose step lacks an earlier one that it needs.
func need[T any](before *T, name plan.Action, a Action) (Action, error) {
	if before == nil {
		return nil, fmt.Errorf("%s needs %T before it in the step", name, before)
	}
	return a, nil
}

// awaitServing reads the logs of the release before, or those that the copy was kept
// with.
func (w *wiring) awaitServing(at on) (Action, error) {
	a := &AwaitServing{on: at, Start: w.start, Stop: w.stop}
	if w.step.Does(plan.RestoreCopy) {
		a.Copy = w.crew.copies[topology.NodeRef{Side: w.step.Side, Node: w.step.Nodes[0]}]
	}
	if w.stop == nil {
		return need(w.stop, plan.AwaitServing, a)
	}
	return need(w.start, plan.AwaitServing, a)
}

// on is the step that an action belongs to, and what it acts on.
type on struct {
	scene Scene
	step  plan.Step
}
