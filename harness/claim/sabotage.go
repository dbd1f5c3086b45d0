package claim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/brief"
	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// change is what Do of a sabotage is.
type change = func(context.Context, Bench) (undo func(context.Context) error, err error)

// act is something that is done to a bench, and that undoes nothing by itself.
type act = func(context.Context, Bench) error

// undoNothing is the undo of a change that failed before it did anything.
func undoNothing(context.Context) error { return nil }

// reversible is a change that one act does and another one takes back, also when the
// first has ended half way.
func reversible(do, undo act) change {
	return func(ctx context.Context, b Bench) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return undo(ctx, b) }, do(ctx, b)
	}
}

// inTurn makes one change after the other and stops at the first error. They are taken
// back in the opposite order, all of them.
func inTurn(changes ...change) change {
	return func(ctx context.Context, b Bench) (func(context.Context) error, error) {
		var undos []func(context.Context) error
		undo := func(ctx context.Context) error {
			var errs []error
			for _, u := range slices.Backward(undos) {
				errs = append(errs, u(ctx))
			}
			return errors.Join(errs...)
		}
		for _, c := range changes {
			u, err := c(ctx, b)
			undos = append(undos, u)
			if err != nil {
				return undo, err
			}
		}
		return undo, nil
	}
}

// sequence is acts one after the other, up to the first error.
func sequence(acts ...act) act {
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
		if _, err := b.Operator.RootSQL(ctx, side, script); err != nil {
			return fmt.Errorf("run %q on the %s: %w", sql[0], side, err)
		}
		return nil
	}
}

// runAsRoot runs a program as root in a side's mysqld node.
func runAsRoot(side topology.Side, argv ...string) act {
	return func(ctx context.Context, b Bench) error { return runOrFail(ctx, b, side, "0:0", argv) }
}

// runAsServer runs a program as the servers' user in a side's mysqld node.
func runAsServer(side topology.Side, argv ...string) act {
	return func(ctx context.Context, b Bench) error { return runOrFail(ctx, b, side, "", argv) }
}

func runOrFail(ctx context.Context, b Bench, side topology.Side, user string, argv []string) error {
	out, err := b.Host.Run(ctx, side, sqlNode(b.Subject, side), node.Command{Argv: argv, User: user})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stderr))
	}
	if err != nil {
		return fmt.Errorf("run %q in the %s's mysqld node: %w", strings.Join(argv, " "), side, err)
	}
	return nil
}

// put writes a file of the servers' user into a side's mysqld node.
func put(side topology.Side, path string, content []byte) act {
	return func(ctx context.Context, b Bench) error {
		return b.Operator.Put(ctx, side, sqlNode(b.Subject, side), topology.File{Path: path, Content: content, Mode: 0o600, Own: true})
	}
}

// catchUp waits until the replica has all that the source has committed.
func catchUp(ctx context.Context, b Bench) error {
	_, err := b.Channel.CatchUp(ctx)
	return err
}

// purgeRelayLogs has the applier purge the relay logs that it has passed.
func purgeRelayLogs(ctx context.Context, b Bench) error { return b.Channel.PurgeRelayLogs(ctx) }

// encryptAgain switches log encryption on, waits until the replica no longer reads
// the older logs, and purges them.
func encryptAgain(side topology.Side) act {
	return sequence(
		func(ctx context.Context, b Bench) error { return b.Server(side).EncryptLogs(ctx) },
		catchUp, purgeRelayLogs,
		func(ctx context.Context, b Bench) error { return b.Server(side).KeepLogs(ctx, 1) },
	)
}

// clearLogs has a side write its logs in clear.
func clearLogs(side topology.Side) change {
	return reversible(statements(side, secure.EncryptionOff), encryptAgain(side))
}

// plainTransport has a side take connections without TLS.
func plainTransport(side topology.Side) change {
	return reversible(
		statements(side, "SET GLOBAL require_secure_transport=OFF"),
		statements(side, "SET GLOBAL require_secure_transport=ON"))
}

// strayLog puts a log of number 0 beside a server's logs: the server looks
// for the highest number when it makes a new one, and so does not mind.
func strayLog(name string, side topology.Side, k kind, content []byte, want string, also ...string) Sabotage {
	return Sabotage{
		Name: name, Effect: Disturbs, Want: want, Also: also,
		Do: func(ctx context.Context, b Bench) (func(context.Context) error, error) {
			p, err := k.place(ctx, b.Subject, side)
			if err != nil {
				return undoNothing, err
			}
			file := path.Join(p.dir, p.base+".000000")
			return reversible(put(side, file, content), runAsRoot(side, "rm", "-f", file))(ctx, b)
		},
	}
}

// repeat does something again and again until undo, so that it happens in whatever
// window is open. It is done once before Do returns, and its error is Do's. undo waits
// for its end.
func repeat(what string, f act) change {
	return func(ctx context.Context, b Bench) (func(context.Context) error, error) {
		if err := f(ctx, b); err != nil {
			return undoNothing, fmt.Errorf("%s: %w", what, err)
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = poll.Until(ctx, "the end of "+what, func(ctx context.Context) error {
				return errors.Join(errors.New("again"), f(ctx, b))
			}) // it ends when it is stopped
		}()
		return func(context.Context) error {
			stop()
			<-ended
			return nil
		}, nil
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
