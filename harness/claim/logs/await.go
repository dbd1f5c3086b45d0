package logs

import (
	"context"
	"fmt"
	"path"

	"ndbproof/harness/claim"
	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/topology"
)

// AwaitClear waits until no log of a side is encrypted: the applier removes relay
// logs by and by.
func AwaitClear(side topology.Side) claim.Act {
	return func(ctx context.Context, b claim.Bench) error {
		return poll.Until(ctx, fmt.Sprintf("the %s to have clear logs only", side), func(ctx context.Context) error {
			for _, k := range []replication.LogKind{replication.BinaryLogKind, replication.RelayLogKind} {
				p, err := b.Server(side).LogPlace(ctx, k)
				if err != nil {
					return err
				}
				files, err := listLogs(ctx, b.Subject, side, k, p)
				if err != nil {
					return err
				}
				for _, st := range files {
					head, err := b.Files.Read(ctx, side, claim.SQLNode(b.Subject, side), st.Path, scan.HeaderSize)
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
