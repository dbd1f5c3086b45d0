package rows

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/load"
	"ndbproof/harness/parity"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

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

func sameRows() claim.Claim {
	row := func(name, word string, do claim.Change) claim.Sabotage {
		return claim.Sabotage{Name: name, Effect: claim.Disturbs, Want: claim.RowsParityID + "." + word, Do: do}
	}
	return claim.Define(claim.Claim{
		ID: claim.RowsParityID, Step: 8, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartWriters,
		Title: "every acknowledged write stands on both sides as it was sent and nothing else does, and all tables have the same rows and schema on both",
		Codes: claim.MakeCodes(claim.RowsParityID, "missing", "wrong", "strange", "back", "torn", "unlike", "only-source", "only-replica", "differs", "duplicates", "schema"),
		Sabotage: []claim.Sabotage{
			row("replica row deleted", "only-source", deleteRow),
			row("replica row changed", "differs", changeRow),
			row("one bit of a replica row changed", "differs", flipBit),
			row("two replica rows swapped", "differs", swapRows),
			row("replica row added", "only-replica", addRow),
			{
				Name: "table on the replica only", Effect: claim.Disturbs, Want: claim.RowsParityID + ".schema",
				Do: claim.MakeChange(claim.RunStatements(topology.Replica, "CREATE TABLE ndbproof.stray (id INT NOT NULL PRIMARY KEY) ENGINE=NDBCLUSTER"),
					claim.RunStatements(topology.Replica, "DROP TABLE ndbproof.stray")),
			},
			row("applier skipped a transaction", "only-source", claim.MakeChange(skipTransaction, restoreTransaction)),
			changeBothSides("row deleted", "missing", "DELETE FROM %s WHERE id=%s"),
			changeBothSides("row changed", "wrong", "UPDATE %s SET n=IF(n=0, 1, 0) WHERE id=%s"),
			changeBothSides("row added", "strange", fmt.Sprintf("INSERT INTO %%[1]s (id, n, c, at, b) SELECT %d, n, c, at, b FROM %%[1]s WHERE id=%%[2]s", addedID)),
			otherCollation(), missingIndex(),
		},
	}, lookContents, judgeContents)
}

func lookContents(ctx context.Context, s claim.Subject) (*Contents, error) {
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

func judgeContents(o *Contents, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.RowsParityID}
	for _, t := range o.Report.Tables {
		judgeTable(&f, t)
	}
	for _, l := range o.Ledger {
		judgeLedger(&f, l)
	}
	judgeUnlike(&f, o.Ledger)
	for _, d := range o.Report.Schema {
		f.Add("schema", topology.Replica, fmt.Sprintf("%s is %s on the source and %s on the replica", d.What, d.Source, d.Replica))
	}
	return f.All
}

func judgeTable(f *claim.Violations, t parity.TableReport) {
	name := t.Database + "." + t.Name
	shown := ""
	if len(t.First) > 0 {
		m := t.First[0]
		shown = fmt.Sprintf("; the first: %s %s source %s replica %s", m.Key, m.Column, m.Source, m.Replica)
	}
	for _, d := range t.Schema {
		f.Add("schema", topology.Replica, fmt.Sprintf("%s of %s is %s on the source and %s on the replica", d.What, name, d.Source, d.Replica))
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
			f.Add(c.word, topology.Replica, fmt.Sprintf(c.text, name, c.rows, shown))
		}
	}
}

// judgeLedger holds one side against what was sent to it: only this can know of
// a row that is lost on both sides.
func judgeLedger(f *claim.Violations, l load.Findings) {
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
		f.Add(c.word, l.Side, fmt.Sprintf("rows of the workload %s %s: %d%s", l.Workload, c.text, c.rows, shown))
	}
}

// judgeUnlike wants writes whose answer was lost to be there on both sides or on
// neither.
func judgeUnlike(f *claim.Violations, all []load.Findings) {
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
			f.Add("unlike", topology.Replica, "a write of unknown fate stands on one side only: "+key)
			return
		}
	}
}
