package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/procedure"
	"ndbproof/harness/topology"
)

// limitClaim is that of looking for one claim, beside the time that writers take.
const limitClaim = 10 * time.Minute

// judged is what a run found out about its pair.
type judged struct {
	claims   []evidence.Outcome
	gaps     []evidence.GapResult
	workload *evidence.Workload
	sabotage *evidence.Sabotage
	upgrade  *evidence.Upgrade
}

// judge judges the pair that was launched: by an upgrade, or by steps 7 and 8 and, where
// it is asked for, by sabotage after them.
func judge(ctx context.Context, a order, f found, l *living) (judged, error) {
	if a.Upgrade.To != "" {
		a.journal.Leave(evidence.StepDone)
		return upgradePair(ctx, a, f, l)
	}
	j, err := check(ctx, a, f, l)
	if err == nil && a.Sabotage != "" {
		j.sabotage, err = breakPair(ctx, a, f, l, j.claims)
	}
	return j, err
}

// check is steps 7 and 8: the inserts begin, the claims are judged while they go on, and
// those of step 8 come last.
func check(ctx context.Context, a order, f found, l *living) (j judged, err error) {
	enter(a, procedure.Checks)
	step := procedure.Checks
	if err := write(ctx, a, f, l, load.Mixed()); err != nil {
		return j, err
	}
	defer func() { j.workload = endWriters(a, l) }()
	for _, c := range all.For(a.promised) {
		if c.Step == procedure.Inserts && step != procedure.Inserts && ctx.Err() == nil {
			step = procedure.Inserts
			enter(a, step)
		}
		o := lookFor(ctx, a, c, l.bench().Subject, f.dir)
		j.claims = append(j.claims, o)
		if ctx.Err() == nil { // else the run reports the interruption once, at the end
			a.journal.Claim(o)
		}
		a.journal.Say("claim", "", "", fmt.Sprintf("%s %s", o.ID, o.Status))
	}
	j.gaps = all.Gaps(j.claims, f.dir)
	if ctx.Err() != nil {
		return j, context.Cause(ctx)
	}
	return j, nil
}

// lookFor looks for one claim, for as long as the writers may take.
func lookFor(ctx context.Context, a order, c claim.Claim, s claim.Subject, dir *evidence.Dir) evidence.Outcome {
	return claim.RunWithin(ctx, limitClaim+a.Duration, c, s, dir, a.promised)
}

// bench is the pair at hand and the writers beside it, as claims look at it and as
// sabotages change it.
func (l *living) bench() claim.Bench {
	p := l.pair
	return claim.Bench{
		Subject:  claim.Subject{Spec: p.Spec, Channel: p.Channel, Keys: p, Files: p, Host: p, Wire: p, Disks: p, Writers: l.team},
		Operator: p,
	}
}

// write begins to write to the pair at hand: the procedure's inserts, and another
// workload beside them.
func write(ctx context.Context, a order, f found, l *living, beside load.Workload) error {
	channel := l.pair.Channel
	before, err := channel.Applied(ctx)
	if err != nil {
		return err
	}
	db, sever, err := l.pair.Writing()
	if err != nil {
		return err
	}
	first := 1
	if l.team != nil {
		first = l.team.NextLedger()
	}
	l.team = load.NewTeam(load.TeamOptions{
		Rows: a.Rows, Rate: a.Rate, Duration: a.Duration, Seed: a.Seed, First: first, Before: uint64(before), Dir: f.dir,
		Sever: sever, Lag: channel.Behind,
		Applied: func(ctx context.Context) (uint64, error) {
			e, err := channel.Applied(ctx)
			return uint64(e), err
		},
	})
	return l.team.Start(ctx, db, load.Inserts(), beside)
}

// endWriters ends what writes to the pair, and gives what was written.
func endWriters(a order, l *living) *evidence.Workload {
	if err := l.team.Close(); err != nil {
		a.journal.Say("workload", topology.Source, "", brief.Error(err))
	}
	return l.team.Written()
}

// errNotHeld: on a pair that did not hold nothing could be learnt from breaking it.
var errNotHeld = errors.New("break the pair on purpose: its claims must hold before")
