package claim

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/node"
	"ndbproof/harness/scan"
	"ndbproof/harness/topology"
)

// act is what Do and Undo of a sabotage are.
type act = func(context.Context, Bench) error

// inTurn does one after the other and stops at the first error.
func inTurn(acts ...act) act {
	return func(ctx context.Context, b Bench) error {
		for _, a := range acts {
			if err := a(ctx, b); err != nil {
				return err
			}
		}
		return nil
	}
}

// statements runs SQL as root on one side, out of the binary log, so that the
// other side does not follow.
func statements(side topology.Side, sql ...string) act {
	return func(ctx context.Context, b Bench) error {
		script := "SET SESSION sql_log_bin=0;\n" + strings.Join(sql, ";\n") + ";\n"
		if _, err := b.RootSQL(ctx, side, script); err != nil {
			return fmt.Errorf("run %q on the %s: %w", sql[0], side, err)
		}
		return nil
	}
}

// asRoot runs a program as root in a side's mysqld node.
func asRoot(side topology.Side, argv ...string) act {
	return func(ctx context.Context, b Bench) error { return runOrFail(ctx, b, side, "0:0", argv) }
}

// asServer runs a program as the servers' user in a side's mysqld node.
func asServer(side topology.Side, argv ...string) act {
	return func(ctx context.Context, b Bench) error { return runOrFail(ctx, b, side, "", argv) }
}

func runOrFail(ctx context.Context, b Bench, side topology.Side, user string, argv []string) error {
	out, err := b.Run(ctx, side, sqlNode(b, side), node.Command{Argv: argv, User: user})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit %d: %s", out.Exit, oneLine(out.Stderr))
	}
	if err != nil {
		return fmt.Errorf("run %q in the %s's mysqld node: %w", strings.Join(argv, " "), side, err)
	}
	return nil
}

// put writes a file of the servers' user into a side's mysqld node.
func put(side topology.Side, path string, content []byte) act {
	return func(ctx context.Context, b Bench) error {
		return b.Put(ctx, side, sqlNode(b, side), topology.File{Path: path, Content: content, Mode: 0o600, Own: true})
	}
}

// caughtUp waits until the replica has all that the source has committed.
func caughtUp(ctx context.Context, b Bench) error {
	_, err := b.CatchUp(ctx)
	return err
}

// Switches of log encryption. Each rotates binary and relay logs.
const (
	encryptionOff = "SET GLOBAL binlog_encryption=OFF"
	encryptionOn  = "SET GLOBAL binlog_encryption=ON"
)

// encryptedAgain switches log encryption on, waits until nobody reads the older
// logs any more, and purges them. Relay logs the applier purges by itself, when
// it goes on to the next one, and then those before the one where it was at its
// last checkpoint: a clear one goes some rotations later.
func encryptedAgain(side topology.Side) act {
	return inTurn(statements(side, encryptionOn), caughtUp, relayLogsGone(side), func(ctx context.Context, b Bench) error {
		rows, err := records(ctx, b.Admin(side), "SHOW BINARY LOGS")
		if err != nil {
			return on(side, err)
		}
		if len(rows) == 0 {
			return fmt.Errorf("purge clear logs of the %s: it shows no binary log", side)
		}
		return statements(side, "PURGE BINARY LOGS TO '"+rows[len(rows)-1]["Log_name"]+"'")(ctx, b)
	})
}

// relayLogsGone makes the applier purge the relay logs that it has passed.
func relayLogsGone(side topology.Side) act {
	return func(ctx context.Context, b Bench) error {
		for range 3 {
			if err := inTurn(statements(side, "FLUSH LOCAL RELAY LOGS"), caughtUp)(ctx, b); err != nil {
				return err
			}
		}
		return nil
	}
}

// leftBehind puts a log of number 0 beside a server's logs: the server looks
// for the highest number when it makes a new one, and so does not mind.
func leftBehind(name string, side topology.Side, k kind, content []byte, want string, also ...string) Sabotage {
	file := func(ctx context.Context, b Bench) (string, error) {
		p, err := k.place(ctx, b, side)
		return path.Join(p.dir, p.base+".000000"), err
	}
	return Sabotage{
		Name: name, Effect: Disturbs, Want: want, Also: also,
		Do: func(ctx context.Context, b Bench) error {
			f, err := file(ctx, b)
			if err != nil {
				return err
			}
			return put(side, f, content)(ctx, b)
		},
		Undo: func(ctx context.Context, b Bench) error {
			f, err := file(ctx, b)
			if err != nil {
				return err
			}
			return asRoot(side, "rm", "-f", f)(ctx, b)
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
	make([]byte, scan.HeaderSize-5-2-len(strangersKey)-33-17), bytes.Repeat([]byte{0x7E}, emptyLog),
)

const strangersKey = "MySQLReplicationKey_00000000-0000-4000-8000-000000000001_1"
