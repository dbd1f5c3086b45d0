package claim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/epoch"
	"ndbproof/harness/load"
	"ndbproof/harness/parity"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const (
	parityID  = "seed.8.parity"
	runningID = "seed.8.running"
)

// RowsID is the claim about rows, which has the writers settled.
const RowsID = parityID

// Contents is a comparison of all user tables, after the writer stopped and the
// replica caught up.
type Contents struct {
	Workload load.Totals   `json:"workload"`
	Epoch    uint64        `json:"epoch"` // of the fence
	Report   parity.Report `json:"report"`
	// Ledger is what the writers' account says of the rows on each side.
	Ledger []load.Findings `json:"ledger"`
}

// Seen counts rows compared on the source. Fewer than were asked for prove
// nothing.
func (o *Contents) Seen() (int, string) {
	rows, _ := o.Report.Rows()
	switch {
	case o.Workload.Acked == 0:
		return 0, "the writer has written no row"
	case o.Workload.Acked < o.Workload.Wanted:
		return 0, fmt.Sprintf("fewer rows than asked: %d of %d", o.Workload.Acked, o.Workload.Wanted)
	case float64(o.Workload.Acked) < o.Workload.Floor*o.Workload.Seconds:
		return 0, fmt.Sprintf("throughput under the floor: %d rows in %.1f s, wanted at least %.1f a second", o.Workload.Acked, o.Workload.Seconds, o.Workload.Floor)
	case len(o.Ledger) == 0:
		return 0, "no ledger was asked"
	}
	for _, f := range o.Ledger {
		if f.Expected == 0 {
			return 0, fmt.Sprintf("by the ledger of the workload %s no row was to be there", f.Workload)
		}
		for _, kind := range slices.Sorted(maps.Keys(f.Compared)) {
			if f.Compared[kind] == 0 {
				return 0, fmt.Sprintf("of the workload %s no %s was compared on the %s", f.Workload, kind, f.Side)
			}
		}
	}
	return int(rows), "no row was compared"
}

// Running is the state of the channel after the replica caught up.
type Running struct {
	Asked  int                `json:"asked"`            // how often the status was read
	Behind string             `json:"behind,omitempty"` // why the replica did not catch up
	Status replication.Status `json:"status"`
	// Epochs of the source that the replica had applied when the run's writer began,
	// and after it caught up.
	Before  uint64 `json:"before"`
	Applied uint64 `json:"applied"`
}

// Seen counts answers. A replica without a channel, with a thread that stands, or
// that does not catch up is a violation; one that seems to be well must have had
// something to do.
func (o *Running) Seen() (int, string) {
	if o.Status.Run() && o.Behind == "" && o.Applied <= o.Before {
		return 0, fmt.Sprintf("no epoch was applied since the run began (%s then, %s now)", epoch.Epoch(o.Before), epoch.Epoch(o.Applied))
	}
	return o.Asked, "the replica was not asked"
}

func sameRows() Claim {
	row := func(name, word string, do change) Sabotage {
		return Sabotage{Name: name, Effect: Disturbs, Want: parityID + "." + word, Do: do}
	}
	return observed(Claim{
		ID: parityID, Step: 8, Effect: Connects, Uses: PartSQL | PartWriters,
		Title: "every acknowledged write stands on both sides as it was sent and nothing else does, and all tables have the same rows and schema on both",
		Codes: codes(parityID, "missing", "wrong", "strange", "back", "torn", "unlike", "only-source", "only-replica", "differs", "duplicates", "schema"),
		Sabotage: []Sabotage{
			row("replica row deleted", "only-source", deleteRow),
			row("replica row changed", "differs", changeRow),
			row("one bit of a replica row changed", "differs", flipBit),
			row("two replica rows swapped", "differs", swapRows),
			row("replica row added", "only-replica", addRow),
			{
				Name: "table on the replica only", Effect: Disturbs, Want: parityID + ".schema",
				Do: reversible(statements(topology.Replica, "CREATE TABLE ndbproof.stray (id INT NOT NULL PRIMARY KEY) ENGINE=NDBCLUSTER"),
					statements(topology.Replica, "DROP TABLE ndbproof.stray")),
			},
			row("applier skipped a transaction", "only-source", reversible(skipTransaction, restoreTransaction)),
			changeBothSides("row deleted", "missing", "DELETE FROM %s WHERE id=%s"),
			changeBothSides("row changed", "wrong", "UPDATE %s SET n=IF(n=0, 1, 0) WHERE id=%s"),
			changeBothSides("row added", "strange", fmt.Sprintf("INSERT INTO %%[1]s (id, n, c, at, b) SELECT %d, n, c, at, b FROM %%[1]s WHERE id=%%[2]s", addedID)),
			otherCollation(), missingIndex(),
		},
	}, lookContents, judgeContents)
}

func running() Claim {
	w := func(pick func(release.Words) string) act {
		return func(ctx context.Context, b Bench) error {
			return statements(topology.Replica, pick(b.Spec(topology.Replica).Release.Words()))(ctx, b)
		}
	}
	applierOn := func(w release.Words) string { return w.StartApplier }
	return observed(Claim{
		ID: runningID, Step: 8, Effect: Connects, Uses: PartSQL | PartWriters,
		Title: "both threads of the replica run without an error and wait for events",
		Codes: codes(runningID, "no-channel", "receiver", "applier", "error", "behind", "receiver-state", "applier-state"),
		Sabotage: []Sabotage{
			{
				Name: "applier stopped", Effect: Disturbs, Want: runningID + ".applier", Also: []string{parityID},
				Do: reversible(w(func(w release.Words) string { return w.StopApplier }), sequence(w(applierOn), catchUp)),
			},
			{
				Name: "receiver stopped", Effect: Disturbs, Want: runningID + ".receiver", Also: []string{parityID, channelID},
				Do: reversible(w(func(w release.Words) string { return w.StopReceiver }),
					sequence(w(func(w release.Words) string { return w.StartReceiver }), catchUp)),
			},
			unloggedRows(),
		},
	}, lookRunning, judgeRunning)
}

func lookContents(ctx context.Context, s Subject) (*Contents, error) {
	o := &Contents{}
	var err error
	if o.Workload, err = s.Writers.Settle(ctx); err != nil {
		return nil, err
	}
	e, err := s.Channel.CatchUp(ctx)
	if err != nil {
		return nil, err
	}
	o.Epoch = uint64(e)
	o.Report, err = parity.Compare(ctx, s.Server(topology.Source).DB, s.Server(topology.Replica).DB, parity.Options{})
	if err != nil {
		return o, err
	}
	o.Report.Ask(s.Writers.Ledger().Opinion)
	o.Report.Epoch = o.Epoch
	for _, side := range topology.Sides {
		found, err := s.Writers.Ledger().Check(ctx, side, s.Server(side).DB)
		o.Ledger = append(o.Ledger, found...)
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

func judgeContents(o *Contents, _ secure.Profile, _ release.Release) []Violation {
	f := found{id: parityID}
	for _, t := range o.Report.Tables {
		judgeTable(&f, t)
	}
	for _, l := range o.Ledger {
		judgeLedger(&f, l)
	}
	judgeUnlike(&f, o.Ledger)
	for _, d := range o.Report.Schema {
		f.add("schema", topology.Replica, fmt.Sprintf("%s is %s on the source and %s on the replica", d.What, d.Source, d.Replica))
	}
	return f.all
}

func judgeTable(f *found, t parity.TableReport) {
	name := t.Database + "." + t.Name
	shown := ""
	if len(t.First) > 0 {
		m := t.First[0]
		shown = fmt.Sprintf("; the first: %s %s source %s replica %s", m.Key, m.Column, m.Source, m.Replica)
	}
	for _, d := range t.Schema {
		f.add("schema", topology.Replica, fmt.Sprintf("%s of %s is %s on the source and %s on the replica", d.What, name, d.Source, d.Replica))
	}
	for _, c := range []struct {
		rows       int64
		word, text string
	}{
		{t.OnlySource, "only-source", "rows of %[1]s that the replica lacks: %[2]d%[3]s"},
		{t.OnlyReplica, "only-replica", "rows of %[1]s that the source lacks: %[2]d%[3]s"},
		{t.Mismatched, "differs", "rows of %[1]s that differ: %[2]d%[3]s"},
		{t.Duplicates, "duplicates", "surplus copies of rows of %[1]s: %[2]d%[3]s"},
	} {
		if c.rows > 0 {
			f.add(c.word, topology.Replica, fmt.Sprintf(c.text, name, c.rows, shown))
		}
	}
}

// judgeLedger holds one side against what was sent to it: only this can know of
// a row that is lost on both sides.
func judgeLedger(f *found, l load.Findings) {
	for _, c := range []struct {
		rows       int64
		word, text string
	}{
		{l.Missing, "missing", "acknowledged by the source and not there"},
		{l.Wrong, "wrong", "there with other values than were sent"},
		{l.Strange, "strange", "there, and never sent, or refused"},
		{l.Back, "back", "there, although their delete was acknowledged"},
		{l.Torn, "torn", "transactions of which a part is there"},
	} {
		if c.rows == 0 {
			continue
		}
		shown := ""
		if i := slices.IndexFunc(l.First, func(x load.Finding) bool { return x.What == c.word }); i >= 0 {
			x := l.First[i]
			shown = brief.Line(fmt.Sprintf("; the first: %s id=%d %s sent %s has %s (%s)", x.Table, x.Key, x.Column, x.Want, x.Got, x.Opinion))
		}
		f.add(c.word, l.Side, fmt.Sprintf("rows of the workload %s %s: %d%s", l.Workload, c.text, c.rows, shown))
	}
}

// judgeUnlike wants writes whose answer was lost to be there on both sides or on
// neither.
func judgeUnlike(f *found, all []load.Findings) {
	there := map[string]int{}
	for _, l := range all {
		for _, key := range l.There {
			if l.Side == topology.Source {
				there[l.Workload+" "+key]++
			} else {
				there[l.Workload+" "+key]--
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(there)) {
		if there[key] != 0 {
			f.add("unlike", topology.Replica, "a write of unknown fate stands on one side only: "+key)
			return
		}
	}
}

// idle is how long the threads are given to come to rest behind a fence, when
// writers may still be at work.
const idle = 15 * time.Second

// errBusy is a replica that answers, and does not rest.
var errBusy = errors.New("the replica is not at rest")

// lookRunning waits for the state that is claimed, and keeps the last one seen
// when it does not come. A thread that stands still makes waiting pointless.
func lookRunning(ctx context.Context, s Subject) (*Running, error) {
	o := &Running{}
	first, err := s.Channel.Status(ctx)
	if err != nil {
		return nil, err
	}
	o.Asked, o.Status, o.Before = 1, first, s.Writers.Totals().Before
	if !first.Run() {
		return o, nil
	}
	fence, cancel := context.WithTimeout(ctx, replication.Patience)
	defer cancel()
	if _, err := s.Channel.CatchUp(fence); err != nil {
		o.Behind = brief.Line(err.Error())
	}
	at, err := s.Channel.Applied(ctx)
	if err != nil {
		return o, err
	}
	o.Applied = uint64(at)
	rest, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	w := s.Spec(topology.Replica).Release.Words()
	err = poll.Until(rest, "both threads to wait for events", func(ctx context.Context) error {
		t, err := s.Channel.Status(ctx)
		if err != nil {
			return err
		}
		o.Asked, o.Status = o.Asked+1, t
		if t.ReceiverDoes != w.ReceiverWaits || t.ApplierDoes != w.ApplierWaits {
			return fmt.Errorf("%w: receiver: %q, applier: %q", errBusy, t.ReceiverDoes, t.ApplierDoes)
		}
		return nil
	})
	if errors.Is(err, errBusy) && ctx.Err() == nil {
		err = nil // what was seen last is judged
	}
	return o, err
}

func judgeRunning(o *Running, _ secure.Profile, r release.Release) []Violation {
	f, t, w := found{id: runningID}, o.Status, r.Words()
	if !t.Configured {
		f.add("no-channel", topology.Replica, "the replica has no channel")
		return f.all
	}
	if o.Behind != "" {
		f.add("behind", topology.Replica, "the replica did not catch up: "+o.Behind)
	}
	for _, e := range []replication.LastError{t.ReceiverErr, t.ApplierErr} {
		if e.Number != 0 {
			f.add("error", topology.Replica, fmt.Sprintf("error %d: %s", e.Number, e.Message))
		}
	}
	for _, c := range []struct{ word, has, want string }{
		{"receiver", t.Receiver, "Yes"},
		{"applier", t.Applier, "Yes"},
		{"receiver-state", t.ReceiverDoes, w.ReceiverWaits},
		{"applier-state", t.ApplierDoes, w.ApplierWaits},
	} {
		if c.has != c.want {
			f.add(c.word, topology.Replica, fmt.Sprintf("the %s is at %q; expected %q", c.word, c.has, c.want))
		}
	}
	return f.all
}
