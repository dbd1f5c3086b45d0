package claim

import (
	"context"
	"fmt"
	"strings"

	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// change is a change to rows of the replica's marker table, which no writer
// touches again, and which is compared like every other.
type change struct{ do, undo act }

var (
	rowDeleted  = changed("DELETE FROM ndbproof.marker WHERE id=1")
	rowChanged  = changed("UPDATE ndbproof.marker SET marker=REVERSE(marker) WHERE id=1")
	rowsSwapped = changed("SET @one=(SELECT marker FROM ndbproof.marker WHERE id=1), @two=(SELECT marker FROM ndbproof.marker WHERE id=2)",
		"UPDATE ndbproof.marker SET marker=@two WHERE id=1", "UPDATE ndbproof.marker SET marker=@one WHERE id=2")
	rowAdded = changed(fmt.Sprintf("INSERT INTO ndbproof.marker VALUES (%d, 'added on the replica')", addedID))
)

// addedID is a key that no marker reaches.
const addedID = 1 << 62

func changed(sql ...string) change {
	return change{inTurn(twoMarkers, statements(topology.Replica, sql...)), markersRestored}
}

// twoMarkers sees to it that the rows that are changed are there.
func twoMarkers(ctx context.Context, b Bench) error {
	for len(b.Markers()) < 2 {
		if _, err := b.Mark(ctx); err != nil {
			return err
		}
	}
	return caughtUp(ctx, b)
}

// transactionSkipped has the applier leave out one transaction: a marker's. It
// fails when the marker has come to the replica all the same.
func transactionSkipped(ctx context.Context, b Bench) error {
	w := b.Spec(topology.Replica).Release.Words()
	if err := inTurn(twoMarkers, statements(topology.Replica, w.StopApplier))(ctx, b); err != nil {
		return err
	}
	m, err := b.Mark(ctx)
	if err != nil {
		return err
	}
	skip := fmt.Sprintf("SET GLOBAL %s=1", w.ReplicaSkipCounter)
	if err := inTurn(statements(topology.Replica, skip, w.StartApplier), caughtUp)(ctx, b); err != nil {
		return err
	}
	switch arrived, err := b.Arrived(ctx, m.Marker); {
	case err != nil:
		return err
	case arrived:
		return fmt.Errorf("skip the transaction of epoch %d: its row stands on the replica", m.Epoch)
	}
	return nil
}

// transactionRestored starts the applier first: where nothing could be skipped it
// may have been left stopped.
func transactionRestored(ctx context.Context, b Bench) error {
	w := b.Spec(topology.Replica).Release.Words()
	return inTurn(statements(topology.Replica, w.StartApplier), caughtUp, markersRestored)(ctx, b)
}

// markersRestored gives the replica the source's rows again.
func markersRestored(ctx context.Context, b Bench) error {
	rows, err := records(ctx, b.Admin(topology.Source), "SELECT id, marker FROM ndbproof.marker")
	if err != nil {
		return on(topology.Source, err)
	}
	var values []string
	for _, r := range rows {
		values = append(values, fmt.Sprintf("(%s, %s)", r["id"], secure.QuoteString(r["marker"])))
	}
	return statements(topology.Replica,
		fmt.Sprintf("DELETE FROM ndbproof.marker WHERE id=%d", addedID),
		"REPLACE INTO ndbproof.marker VALUES "+strings.Join(values, ", "))(ctx, b)
}
