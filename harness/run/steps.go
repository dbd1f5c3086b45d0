package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

// Limits of the phases, far above what they take on a slow machine.
const (
	limitStart  = 8 * time.Minute
	limitClaims = 10 * time.Minute
)

// carryOut goes through the procedure and judges the claims.
func (r *runner) carryOut(ctx context.Context) error {
	start, done := poll.WithLimit(ctx, limitStart, "bringing the pair up")
	r.deaths.tell(r.stop)
	err := r.bringUp(start, func() { r.pair.Watch(ctx, r.deaths.died) })
	done()
	switch {
	case err != nil:
	case r.Upgrade.To != "":
		r.leave(evidence.StepDone)
		err = r.upgradePair(ctx)
	default:
		err = r.check(ctx)
	}
	if err == nil && r.Sabotage != "" {
		err = r.sabotage(ctx)
	}
	return causeFirst(ctx, err)
}

// deaths passes the death of a node on to whoever is at work.
type deaths struct {
	mu sync.Mutex
	to context.CancelCauseFunc
}

// tell has the deaths from now on told to somebody.
func (d *deaths) tell(to context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = to
}

func (d *deaths) died(x *cluster.Death) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.to != nil {
		d.to(x)
	}
}

// causeFirst lets the cause of a cancelled context travel with the error.
func causeFirst(ctx context.Context, err error) error {
	if c := context.Cause(ctx); err != nil && c != nil && !errors.Is(err, c) {
		return fmt.Errorf("%w; meanwhile: %w", c, err)
	}
	return err
}

// bringUp is steps 1 to 6, to the marker row on the replica. watch is called
// when there are nodes to watch.
func (r *runner) bringUp(ctx context.Context, watch func()) error {
	var begun time.Time
	err := r.launch(ctx, watch, func(step int) {
		if step == 1 {
			begun = time.Now()
		}
		r.enter(step)
	})
	if err != nil {
		return err
	}
	r.marker = true
	r.time("marker", time.Since(begun))
	r.say("marker", topology.Replica, "sql", "the marker row is on the replica")
	return nil
}

// launch makes a pair, and tells of each step of the procedure when it begins.
// What can start together does: the files of steps 2 and 3 lie in the nodes
// before their programs start, and the mysqlds wait for their data nodes by
// themselves.
func (r *runner) launch(ctx context.Context, watch func(), step func(int)) error {
	probe, err := images.EnsureProbe(ctx, r.objects, images.Options{Say: r.progress.Note})
	if err != nil {
		return err
	}
	step(1)
	source, replica := r.specs()
	keys, err := cluster.NewKeys(r.secrets, source, replica)
	if err != nil {
		return err
	}
	r.pair, err = cluster.LaunchPair(ctx, source, replica, cluster.Options{
		Engine: r.objects, Image: r.image.Ref, Tools: r.image.ToolsRef, Probe: probe,
		Keys: keys, Secrets: r.secrets, Say: r.say,
	})
	if err != nil {
		return err
	}
	watch()
	if err := r.pair.Both(func(c *cluster.Cluster) error { return c.Started(ctx) }); err != nil {
		return err
	}
	step(2)
	r.progress.Note("certificates of the run's own CA, in place before the servers started")
	step(3)
	r.progress.Note(r.howEncrypted())
	step(4)
	if err := r.pair.Both(func(c *cluster.Cluster) error {
		if err := c.Serving(ctx); err != nil {
			return err
		}
		return c.Encrypt(ctx)
	}); err != nil {
		return err
	}
	step(5)
	if err := r.pair.Channel.CreateAccount(ctx); err != nil {
		return err
	}
	step(6)
	return r.pair.Channel.Open(ctx)
}

// specs are the two clusters as they are deployed.
func (r *runner) specs() (source, replica topology.Spec) {
	p := secure.Weaken(r.promised, r.Deploy...)
	source = topology.Standard(topology.Source, r.image.Release, r.image.Layout, p)
	replica = topology.Standard(topology.Replica, r.image.Release, r.image.Layout, p)
	if r.AsWritten {
		source.EncryptAtStart, replica.EncryptAtStart = p.BinlogEncryption, p.BinlogEncryption
	}
	return source, replica
}

func (r *runner) howEncrypted() string {
	if s, _ := r.specs(); s.EncryptAtStart {
		return "binlog_encryption=ON in my.cnf, as the procedure has it"
	}
	return "keyring in place; encryption follows at run time, because this release has known defect F1"
}

// check is steps 7 and 8: the inserts begin, the claims are judged while they
// go on, and those of step 8 come last.
func (r *runner) check(ctx context.Context) error {
	r.enter(7)
	defer r.stopWriters()
	if err := r.startWriters(ctx, load.Inserts(), load.Mixed()); err != nil {
		return err
	}
	for _, c := range all.For(r.promised) {
		if c.Step == 8 && r.step != 8 && ctx.Err() == nil {
			r.enter(8)
		}
		o := r.judge(ctx, c, r.bench().Subject, r.dir)
		r.results.Claims = append(r.results.Claims, o)
		if ctx.Err() == nil { // else it is told once, at the end
			r.progress.Claim(o)
		}
		r.say("claim", "", "", fmt.Sprintf("%s %s", o.ID, o.Status))
	}
	r.results.Gaps = all.Gaps(r.results.Claims, r.dir)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (r *runner) judge(ctx context.Context, c claim.Claim, s claim.Subject, dir *evidence.Dir) evidence.Outcome {
	if ctx.Err() != nil {
		return evidence.Outcome{
			ID: c.ID, Step: c.Step, Title: c.Title, Status: evidence.NotLooked,
			Reason: "the run had ended: " + context.Cause(ctx).Error(),
		}
	}
	limit := limitClaims + r.Duration
	ctx, done := poll.WithLimit(ctx, limit, "looking for "+c.ID)
	defer done()
	return claim.Run(ctx, c, s, dir, r.promised)
}
