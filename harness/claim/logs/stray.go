package logs

import (
	"bytes"
	"context"
	"path"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/topology"
)

// strayLog puts a log of number 0 beside a server's logs: the server looks
// for the highest number when it makes a new one, and so does not mind.
func strayLog(name string, side topology.Side, k replication.LogKind, content []byte, want string, also ...string) claim.Sabotage {
	return claim.Sabotage{
		Name: name, Effect: claim.Disturbs, Want: want, Also: also,
		Do: func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			p, err := b.Server(side).LogPlace(ctx, k)
			if err != nil {
				return claim.UndoNothing, err
			}
			file := path.Join(p.Dir, p.Base+".000000")
			return claim.MakeChange(claim.PutFile(side, file, content), claim.RunAsRoot(side, "rm", "-f", file))(ctx, b)
		},
	}
}

// clearLog is a log in clear, as far as its magic goes.
var clearLog = []byte("\xfebin left behind by an earlier life of this server")

// strangersLog has the header of a log that another server encrypted: magic,
// version 1, key id with its length, password, IV, padding.
var strangersLog = slices.Concat(
	[]byte("\xfdbin\x01\x01"), []byte{byte(len(strangersKey))}, []byte(strangersKey),
	[]byte{2}, bytes.Repeat([]byte{0xA5}, 32), []byte{3}, bytes.Repeat([]byte{0x5A}, 16),
	make([]byte, scan.HeaderSize-5-2-len(strangersKey)-33-17), bytes.Repeat([]byte{0x7E}, scan.EmptyLogSize),
)

const strangersKey = "MySQLReplicationKey_00000000-0000-4000-8000-000000000001_1"
