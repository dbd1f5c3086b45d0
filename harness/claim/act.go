package claim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Change is what Do of a sabotage is.
type Change = func(context.Context, Bench) (undo func(context.Context) error, err error)

// Act is something that is done to a bench, and that undoes nothing by itself.
type Act = func(context.Context, Bench) error

// UndoNothing is the undo of a change that failed before it did anything.
func UndoNothing(context.Context) error { return nil }

// MakeChange is a change that one act does and another one takes back, also when the
// first has ended half way.
func MakeChange(do, undo Act) Change {
	return func(ctx context.Context, b Bench) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return undo(ctx, b) }, do(ctx, b)
	}
}

// ChainChanges makes one change after the other and stops at the first error. They are taken
// back in the opposite order, all of them.
func ChainChanges(changes ...Change) Change {
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

// ChainActs is acts one after the other, up to the first error.
func ChainActs(acts ...Act) Act {
	return func(ctx context.Context, b Bench) error {
		for _, a := range acts {
			if err := a(ctx, b); err != nil {
				return err
			}
		}
		return nil
	}
}

// RunStatements runs SQL as root on one side, out of the binary log, so that the
// other side does not follow.
func RunStatements(side topology.Side, sql ...string) Act {
	return func(ctx context.Context, b Bench) error {
		script := "SET SESSION sql_log_bin=0;\n" + strings.Join(sql, ";\n") + ";\n"
		if _, err := b.Operator.RootSQL(ctx, side, script); err != nil {
			return fmt.Errorf("run %q on the %s: %w", sql[0], side, err)
		}
		return nil
	}
}

// RunAsRoot runs a program as root in a side's mysqld node.
func RunAsRoot(side topology.Side, argv ...string) Act {
	return func(ctx context.Context, b Bench) error { return runOrFail(ctx, b, side, "0:0", argv) }
}

// RunAsServer runs a program as the servers' user in a side's mysqld node.
func RunAsServer(side topology.Side, argv ...string) Act {
	return func(ctx context.Context, b Bench) error { return runOrFail(ctx, b, side, "", argv) }
}

func runOrFail(ctx context.Context, b Bench, side topology.Side, user string, argv []string) error {
	out, err := b.Host.Run(ctx, side, SQLNode(b.Subject, side), node.Command{Argv: argv, User: user})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit %d: %s", out.Exit, brief.Line(out.Stderr))
	}
	if err != nil {
		return fmt.Errorf("run %q in the %s's mysqld node: %w", strings.Join(argv, " "), side, err)
	}
	return nil
}

// PutFile writes a file of the servers' user into a side's mysqld node.
func PutFile(side topology.Side, path string, content []byte) Act {
	return func(ctx context.Context, b Bench) error {
		return b.Operator.Put(ctx, side, SQLNode(b.Subject, side), topology.File{Path: path, Content: content, Mode: 0o600, Own: true})
	}
}

// CatchUp waits until the replica has all that the source has committed.
func CatchUp(ctx context.Context, b Bench) error {
	_, err := b.Channel.CatchUp(ctx)
	return err
}

// PurgeRelayLogs has the applier purge the relay logs that it has passed.
func PurgeRelayLogs(ctx context.Context, b Bench) error { return b.Channel.PurgeRelayLogs(ctx) }

// EncryptAgain switches log encryption on, waits until the replica no longer reads
// the older logs, and purges them.
func EncryptAgain(side topology.Side) Act {
	return ChainActs(
		func(ctx context.Context, b Bench) error { return b.Server(side).EncryptLogs(ctx) },
		CatchUp, PurgeRelayLogs,
		func(ctx context.Context, b Bench) error { return b.Server(side).KeepLogs(ctx, 1) },
	)
}

// WriteClearLogs has a side write its logs in clear.
func WriteClearLogs(side topology.Side) Change {
	return MakeChange(RunStatements(side, secure.EncryptionOff), EncryptAgain(side))
}

// AllowPlainTransport has a side take connections without TLS.
func AllowPlainTransport(side topology.Side) Change {
	return MakeChange(
		RunStatements(side, "SET GLOBAL require_secure_transport=OFF"),
		RunStatements(side, "SET GLOBAL require_secure_transport=ON"))
}

// Repeat does something again and again until undo, so that it happens in whatever
// window is open. It is done once before Do returns, and its error is Do's. undo waits
// for its end.
func Repeat(what string, f Act) Change {
	return func(ctx context.Context, b Bench) (func(context.Context) error, error) {
		if err := f(ctx, b); err != nil {
			return UndoNothing, fmt.Errorf("%s: %w", what, err)
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			// No pause: the more often the act is done, the less a window can lie between
			// two of them.
			_ = poll.Every(ctx, time.Millisecond, "the end of "+what, func(ctx context.Context) error {
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
