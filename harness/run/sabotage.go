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
	"ndbproof/harness/failure"
	"ndbproof/harness/load"
	"ndbproof/harness/lock"
	"ndbproof/harness/poll"
	"ndbproof/harness/sabotage"
	"ndbproof/harness/topology"
)

// breakPair runs the matrix on the pair whose claims have just been judged, with its
// inserts at an end. The result is there also where an error ended it.
func breakPair(ctx context.Context, a order, f found, l *living, claims []evidence.Outcome) (*evidence.Sabotage, error) {
	a.journal.Leave(evidence.StepDone)
	if falls := evidence.Falls(claims); len(falls) > 0 {
		return nil, fmt.Errorf("%w: %s", errNotHeld, evidence.FallWords(falls))
	}
	rows := all.Matrix(a.promised, f.image.Release)
	if a.Sabotage == SabotageOne {
		rows = all.OneEach(rows)
	}
	scratch, err := lock.Folder("sabotage")
	if err != nil {
		return nil, fmt.Errorf("make a folder for what claims see: %w", err)
	}
	defer scratch.Release() //nolint:errcheck // what is left of it is swept
	var result *evidence.Sabotage
	m := &sabotage.Matrix{Bench: l.bench(), Claims: all.For(a.promised), Promised: a.promised, Scratch: evidence.At(scratch.Path)}
	m.Stage = sabotage.Stage{
		CatchUp: catchUp, Deaths: l.deaths.endWith,
		Ready: func(ctx context.Context) error { return ready(ctx, l.pair) },
		Keep: func(n int, outcomes []evidence.Outcome) string {
			return keepFallen(a, f.dir, m.Scratch, n, outcomes)
		},
		Renew: func(ctx context.Context, n int, why string) (claim.Bench, error) {
			return renew(ctx, a, f, l, m, n, why)
		},
		Group: func(effect string, n int) {
			a.journal.Begin("sabotage, "+effect, fmt.Sprintf("sabotage: %d of the kind that %s", n, effect))
		},
		Show: func(s evidence.Sabotage, row *evidence.SabotageRow) {
			result = &s
			showSabotage(a, s, row)
		},
	}
	err = m.Run(ctx, rows)
	return result, err
}

func catchUp(ctx context.Context, b claim.Bench) error {
	_, err := b.Channel.CatchUp(ctx)
	return err
}

// showSabotage shows the last row of the matrix or, without one, its last control.
func showSabotage(a order, s evidence.Sabotage, row *evidence.SabotageRow) {
	if row != nil {
		a.journal.Sabotage(*row)
		a.journal.Say("sabotage", "", "", fmt.Sprintf("%s: %s: %s", row.Word(), row.Claim, row.Name))
		return
	}
	c := s.Controls[len(s.Controls)-1]
	text := fmt.Sprintf("with nothing broken all %d claims hold (%.1f s)", len(s.Claims), c.Seconds)
	if len(c.Fell) > 0 {
		text = "FALSE ALARM with nothing broken: " + evidence.FallWords(c.Fell)
	}
	a.journal.Note(text)
	a.journal.Say("sabotage", "", "", text)
}

// keepFallen keeps what the claims that fell have seen, and gives the folder.
func keepFallen(a order, dir, scratch *evidence.Dir, n int, outcomes []evidence.Outcome) string {
	folder := fmt.Sprintf("sabotage/%02d", n)
	kept := ""
	for _, o := range outcomes {
		if o.Stands() || o.Evidence == "" {
			continue
		}
		b, err := os.ReadFile(scratch.Path(o.Evidence))
		if err == nil {
			err = dir.Write(path.Join(folder, path.Base(o.Evidence)), b)
		}
		if err != nil {
			a.journal.Say("sabotage", "", "", "keep evidence: "+brief.Error(err))
			continue
		}
		kept = folder
	}
	return kept
}

// sessions is how many of the harness's sessions on each side are open when a
// sabotage begins: while a server shows a strange certificate none can be opened.
// It is more than all claims together use at once.
const sessions = 16

// limitReady is that of opening sessions and removing old logs.
const limitReady = time.Minute

// ready opens sessions, and removes the logs of sabotages before, which rotate.
func ready(ctx context.Context, p *cluster.Pair) error {
	ctx, done := poll.WithLimit(ctx, limitReady, "opening sessions and removing old logs")
	defer done()
	if err := p.Both(func(c *cluster.Cluster) error { return c.Server.KeepLogs(ctx, 2) }); err != nil {
		return err
	}
	for _, side := range topology.Sides {
		if err := openSessions(ctx, p.Server(side).DB, sessions); err != nil {
			return fmt.Errorf("open sessions on the %s: %w", side, err)
		}
	}
	return nil
}

// openSessions leaves a pool with n idle sessions.
func openSessions(ctx context.Context, db *sql.DB, n int) error {
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

// renew takes a pair that did not heal down, keeps the logs of its nodes, and brings up
// another one: with as many rows, and its short claims seen to hold.
func renew(ctx context.Context, a order, f found, l *living, m *sabotage.Matrix, n int, why string) (claim.Bench, error) {
	a.journal.Note("replacing the pair: " + why)
	begun := time.Now()
	keepLogs(a, f, l, n)
	if err := cluster.TearDown(f.objects, l.pair.Clusters()...); err != nil {
		return claim.Bench{}, err
	}
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.deaths.endWith(cancel)
	start, done := poll.WithLimit(alive, limitStart, "bringing another pair up")
	defer done()
	if err := bringUp(start, ctx, a, f, l, nil); err != nil {
		return claim.Bench{}, failure.CauseFirst(alive, err)
	}
	if err := fill(start, a, f, l); err != nil {
		return claim.Bench{}, failure.CauseFirst(alive, err)
	}
	m.Bench = l.bench()
	if err := m.HealShort(start); err != nil {
		return claim.Bench{}, failure.CauseFirst(alive, err)
	}
	a.journal.Time("another pair", time.Since(begun))
	a.journal.Say("sabotage", "", "", "the pair was replaced: "+why)
	return m.Bench, nil
}

// fill writes as many rows as were asked for, and no longer than that takes.
func fill(ctx context.Context, a order, f found, l *living) error {
	a.Duration = 0
	if err := write(ctx, a, f, l, load.Mixed()); err != nil {
		return err
	}
	defer endWriters(a, l)
	_, err := l.team.Settle(ctx)
	return err
}

// keepLogs keeps the logs of the pair's nodes beside a row's evidence.
func keepLogs(a order, f found, l *living, n int) {
	//nolint:forbidigo // bounded; what there is of a pair is kept also when the run was ended
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range l.pair.Clusters() {
		if _, err := c.Collect(ctx, f.dir.Sub(fmt.Sprintf("sabotage/%02d", n)), a.secrets); err != nil {
			a.journal.Say("sabotage", c.Side, "", "keep logs: "+brief.Error(err))
		}
	}
}
