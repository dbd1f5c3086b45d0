package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/lock"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
)

// sabotage runs the matrix on the pair whose claims have just been judged, with
// its inserts at an end. On a pair that did not hold nothing could be learnt.
func (r *runner) sabotage(ctx context.Context) error {
	r.leave(evidence.StepDone)
	if falls := evidence.Falls(r.results.Claims); len(falls) > 0 {
		return fmt.Errorf("break the pair on purpose: its claims must hold before: %s", fallen(falls))
	}
	rows := all.Matrix(r.promised, r.image.Release)
	if r.Sabotage == SabotageOne {
		rows = all.OneEach(rows)
	}
	scratch, err := lock.Folder("sabotage")
	if err != nil {
		return fmt.Errorf("make a folder for what claims see: %w", err)
	}
	defer scratch.Release() //nolint:errcheck // what is left of it is swept
	m := &matrix{
		bench: r.bench(), catchUp: catchUp, claims: all.For(r.promised), promised: r.promised,
		scratch: evidence.At(scratch.Path), before: r.ready, deaths: &r.deaths,
		group: func(effect string, n int) {
			r.begin("sabotage, "+effect, fmt.Sprintf("sabotage: %d of the kind that %s", n, effect))
		},
		told: r.tellSabotage,
	}
	m.keep = func(n int, outcomes []evidence.Outcome) string { return r.keepFallen(n, outcomes, m.scratch) }
	m.renew = func(ctx context.Context, n int, why string) (claim.Bench, error) { return r.renew(ctx, m, n, why) }
	return m.run(ctx, rows)
}

func catchUp(ctx context.Context, b claim.Bench) error {
	_, err := b.Channel.CatchUp(ctx)
	return err
}

// tellSabotage keeps the matrix as far as it has come, and tells of its last row
// or, without one, of its last control.
func (r *runner) tellSabotage(s evidence.Sabotage, row *evidence.SabotageRow) {
	r.results.Sabotage = &s
	if row != nil {
		r.progress.Sabotage(*row)
		r.say("sabotage", "", "", fmt.Sprintf("%s: %s: %s", row.Word(), row.Claim, row.Name))
		return
	}
	c := s.Controls[len(s.Controls)-1]
	text := fmt.Sprintf("with nothing broken all %d claims hold (%.1f s)", len(s.Claims), c.Seconds)
	if len(c.Fell) > 0 {
		text = "FALSE ALARM with nothing broken: " + fallen(c.Fell)
	}
	r.progress.Note(text)
	r.say("sabotage", "", "", text)
}

// keepFallen keeps what the claims that fell have seen, and gives the folder.
func (r *runner) keepFallen(n int, outcomes []evidence.Outcome, scratch *evidence.Dir) string {
	dir := fmt.Sprintf("sabotage/%02d", n)
	kept := ""
	for _, o := range outcomes {
		if o.Stands() || o.Evidence == "" {
			continue
		}
		b, err := os.ReadFile(scratch.Path(o.Evidence))
		if err == nil {
			err = r.dir.Write(path.Join(dir, path.Base(o.Evidence)), b)
		}
		if err != nil {
			r.say("sabotage", "", "", "keep evidence: "+brief.Error(err))
			continue
		}
		kept = dir
	}
	return kept
}

// sessions is how many of the harness's sessions on each side are open when a
// sabotage begins: while a server shows a strange certificate none can be opened.
// It is more than all claims together hold at once.
const sessions = 16

// ready opens them, and removes the logs of sabotages before, which rotate.
func (r *runner) ready(ctx context.Context) error {
	ctx, done := poll.WithLimit(ctx, limitAct, "opening sessions and removing old logs")
	defer done()
	if err := r.pair.Both(func(c *cluster.Cluster) error { return c.Server.KeepLogs(ctx, 2) }); err != nil {
		return err
	}
	for _, side := range topology.Sides {
		if err := open(ctx, r.pair.Server(side).DB, sessions); err != nil {
			return fmt.Errorf("open sessions on the %s: %w", side, err)
		}
	}
	return nil
}

// open leaves a pool with n idle sessions.
func open(ctx context.Context, db *sql.DB, n int) error {
	db.SetMaxIdleConns(n)
	var all []*sql.Conn
	var err error
	for err == nil && len(all) < n {
		var conn *sql.Conn
		if conn, err = db.Conn(ctx); err == nil {
			all = append(all, conn)
		}
	}
	for _, conn := range all {
		err = errors.Join(err, conn.Close()) // back to the pool
	}
	return err
}

// renew takes a pair that did not heal down, keeps the logs of its nodes, and
// brings up another one: with as many rows, and its short claims seen to hold.
func (r *runner) renew(ctx context.Context, m *matrix, n int, why string) (claim.Bench, error) {
	r.progress.Note("replacing the pair: " + why)
	begun := time.Now()
	r.keepLogs(n)
	if err := cluster.TearDown(r.objects, r.pair.Clusters()...); err != nil {
		return claim.Bench{}, err
	}
	living, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.deaths.tell(cancel)
	start, done := poll.WithLimit(living, limitStart, "bringing another pair up")
	defer done()
	if err := r.launch(start, func() { r.pair.Watch(ctx, r.deaths.died) }, func(int) {}); err != nil {
		return claim.Bench{}, causeFirst(living, err)
	}
	if err := r.fill(start); err != nil {
		return claim.Bench{}, causeFirst(living, err)
	}
	m.bench = r.bench()
	if err := m.heal(start, judgedFor(claim.Row{}, m.claims)); err != nil {
		return claim.Bench{}, causeFirst(living, err)
	}
	r.time("another pair", time.Since(begun))
	r.say("sabotage", "", "", "the pair was replaced: "+why)
	return m.bench, nil
}

// fill writes as many rows as were asked for, and no longer than that takes.
func (r *runner) fill(ctx context.Context) error {
	r.Duration = 0
	if err := r.startWriters(ctx, load.Inserts(), load.Mixed()); err != nil {
		return err
	}
	defer r.stopWriters()
	_, err := r.writer.Settle(ctx)
	return err
}

// keepLogs keeps the logs of the pair's nodes beside a row's evidence.
func (r *runner) keepLogs(n int) {
	//nolint:forbidigo // bounded; what there is of a pair is kept also when the run was ended
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range r.pair.Clusters() {
		if _, err := c.Collect(ctx, r.dir.Sub(fmt.Sprintf("sabotage/%02d", n)), r.secrets); err != nil {
			r.say("sabotage", c.Side, "", "keep logs: "+brief.Error(err))
		}
	}
}
