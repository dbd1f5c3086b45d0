package rows

import (
	"context"
	"fmt"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Changes of rows of the replica's marker table, which no writer touches again, and
// which is compared like every other.
var (
	deleteRow = changeMarkers("DELETE FROM ndbproof.marker WHERE id=1")
	changeRow = changeMarkers("UPDATE ndbproof.marker SET marker=REVERSE(marker) WHERE id=1")
	swapRows  = changeMarkers("SET @one=(SELECT marker FROM ndbproof.marker WHERE id=1), @two=(SELECT marker FROM ndbproof.marker WHERE id=2)",
		"UPDATE ndbproof.marker SET marker=@two WHERE id=1", "UPDATE ndbproof.marker SET marker=@one WHERE id=2")
	addRow = changeMarkers(fmt.Sprintf("INSERT INTO ndbproof.marker VALUES (%d, 'added on the replica')", addedID))
)

// addedID is a key that no marker reaches.
const addedID = 1 << 62

func changeMarkers(sql ...string) claim.Change {
	return claim.MakeChange(claim.ChainActs(commitTwoMarkers, claim.RunStatements(topology.Replica, sql...)), RestoreMarkers)
}

// commitTwoMarkers sees to it that the rows that are changed are there.
func commitTwoMarkers(ctx context.Context, b claim.Bench) error {
	for len(b.Channel.Markers()) < 2 {
		if _, err := b.Channel.Mark(ctx); err != nil {
			return err
		}
	}
	return claim.CatchUp(ctx, b)
}

// skipTransaction has the applier leave out one transaction: a marker's. It
// fails when the marker has come to the replica all the same.
func skipTransaction(ctx context.Context, b claim.Bench) error {
	w := b.Spec(topology.Replica).Release.Words()
	if err := claim.ChainActs(commitTwoMarkers, claim.RunStatements(topology.Replica, w.StopApplier))(ctx, b); err != nil {
		return err
	}
	m, err := b.Channel.Mark(ctx)
	if err != nil {
		return err
	}
	skip := fmt.Sprintf("SET GLOBAL %s=1", w.ReplicaSkipCounter)
	if err := claim.ChainActs(claim.RunStatements(topology.Replica, skip, w.StartApplier), claim.CatchUp)(ctx, b); err != nil {
		return err
	}
	switch arrived, err := b.Channel.Arrived(ctx, m.Marker); {
	case err != nil:
		return err
	case arrived:
		return fmt.Errorf("skip the transaction of epoch %d: its row stands on the replica", m.Epoch)
	}
	return nil
}

// restoreTransaction starts the applier first: where nothing could be skipped it
// may have been left stopped.
func restoreTransaction(ctx context.Context, b claim.Bench) error {
	w := b.Spec(topology.Replica).Release.Words()
	return claim.ChainActs(claim.RunStatements(topology.Replica, w.StartApplier), claim.CatchUp, RestoreMarkers)(ctx, b)
}

// RestoreMarkers gives the replica the source's rows again.
func RestoreMarkers(ctx context.Context, b claim.Bench) error {
	rows, err := replication.Rows(ctx, b.Server(topology.Source).DB, "SELECT id, marker FROM ndbproof.marker")
	if err != nil {
		return claim.WithSide(topology.Source, err)
	}
	var values []string
	for _, r := range rows {
		values = append(values, fmt.Sprintf("(%s, %s)", r["id"], secure.QuoteString(r["marker"])))
	}
	return claim.RunStatements(topology.Replica,
		fmt.Sprintf("DELETE FROM ndbproof.marker WHERE id=%d", addedID),
		"REPLACE INTO ndbproof.marker VALUES "+strings.Join(values, ", "))(ctx, b)
}
