package claim

import (
	"context"
	"fmt"
	"path"

	"ndbproof/harness/poll"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Sabotages that restart a server.

// restart restarts a side's mysqld with weaknesses, or as it was without one.
func restart(side topology.Side, ws ...secure.Weakness) act {
	return func(ctx context.Context, b Bench) error { return b.Operator.Restart(ctx, side, ws...) }
}

// absentKeyring starts the replica without a keyring. A server whose newest log
// is encrypted does not start so (sql/mysqld.cc, init_gtid_sets), therefore all
// of its logs are clear before.
func absentKeyring() Sabotage {
	const side = topology.Replica
	reset := func(ctx context.Context, b Bench) error {
		return statements(side, b.Server(side).Words().ResetBinaryLogs)(ctx, b)
	}
	return Sabotage{
		Name: "keyring absent", Effect: Restarts, Want: keyringID + ".inactive",
		Also: []string{binlogsID, relaylogsID, keysID, directID, restMarkersID},
		Do: reversible(
			sequence(statements(side, secure.EncryptionOff), catchUp, purgeRelayLogs, reset, awaitClearLogs(side), restart(side, secure.NoKeyring)),
			restart(side)),
	}
}

// awaitClearLogs waits until no log of a side is encrypted: the applier removes relay
// logs by and by.
func awaitClearLogs(side topology.Side) act {
	return func(ctx context.Context, b Bench) error {
		return poll.Until(ctx, fmt.Sprintf("the %s to have clear logs only", side), func(ctx context.Context) error {
			for _, k := range []kind{binaryLog, relayLog} {
				p, err := k.place(ctx, b.Subject, side)
				if err != nil {
					return err
				}
				files, err := k.onDisk(ctx, b.Subject, side, p)
				if err != nil {
					return err
				}
				for _, st := range files {
					head, err := b.Files.Read(ctx, side, sqlNode(b.Subject, side), st.Path, scan.HeaderSize)
					if err != nil {
						return err
					}
					if scan.KindOf(head) == scan.EncryptedLog {
						return fmt.Errorf("%s is encrypted", path.Base(st.Path))
					}
				}
			}
			return nil
		})
	}
}

// unloggedRows starts the source with ndb_log_bin=0: both threads of the
// replica run and wait, and no row comes. Markers that were committed then
// are in no log, and are copied afterwards.
func unloggedRows() Sabotage {
	return Sabotage{
		Name: "ndb_log_bin off at the source", Effect: Restarts, Want: runningID + ".behind",
		Also: []string{binlogsID, relaylogsID, remoteID, plainChannelID, parityID, loggedID},
		Do: reversible(restart(topology.Source, secure.NoNdbLogBin),
			sequence(restart(topology.Source), restoreMarkers)),
	}
}
