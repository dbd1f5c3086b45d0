package claim

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/evidence"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
)

// RunWithin is Run with a limit. Where ctx has ended already the claim is not-looked,
// and says why.
func RunWithin(ctx context.Context, limit time.Duration, c Claim, s Subject, dir *evidence.Dir, promised secure.Profile) Outcome {
	if ctx.Err() != nil {
		return Outcome{
			ID: c.ID, Step: c.Step, Title: c.Title, Status: NotLooked,
			Reason: "the run had ended: " + context.Cause(ctx).Error(),
		}
	}
	ctx, done := poll.WithLimit(ctx, limit, "looking for "+c.ID)
	defer done()
	return Run(ctx, c, s, dir, promised)
}

// RunAll looks for claims: for those that only read all at once, and then for the
// others in turn, because they write rows, log in, or stop threads. The outcomes are in
// the order of the claims.
func RunAll(ctx context.Context, claims []Claim, s Subject, dir *evidence.Dir, promised secure.Profile, limit func(Claim) time.Duration) []Outcome {
	outcomes := make([]Outcome, len(claims))
	look := func(i int) {
		limited, done := poll.WithLimit(ctx, limit(claims[i]), "looking for "+claims[i].ID)
		defer done()
		outcomes[i] = Run(limited, claims[i], s, dir, promised)
	}
	var g errgroup.Group
	for i, c := range claims {
		if c.Effect == Reads {
			g.Go(func() error { look(i); return nil })
		}
	}
	_ = g.Wait() // outcomes hold what went wrong
	for i, c := range claims {
		if c.Effect != Reads {
			look(i)
		}
	}
	return outcomes
}

// Short claims disturb nothing and do not take long.
func (c Claim) Short() bool { return c.Effect <= Connects && !c.Long }

// Limits of looking for a claim beside others.
const (
	LimitShort = 30 * time.Second
	LimitLong  = 3 * time.Minute
)

// Limit is how long looking for the claim may take.
func (c Claim) Limit() time.Duration {
	if c.Short() {
		return LimitShort
	}
	return LimitLong
}
