package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/epoch"
	"ndbproof/harness/poll"
	"ndbproof/harness/secure"
)

// Repoint has the stopped channel go on at a position of its source.
func (c *Channel) Repoint(ctx context.Context, at Position) error {
	o := c.Options()
	o.File, o.Pos = at.File, at.Pos
	return c.configure(ctx, o)
}

// Fence commits a fence and gives the beginning of its epoch in the source's binary
// log: File and Position of the first row at or behind it in mysql.ndb_binlog_index.
// A restarted source's next_* of an epoch before it would lead into the incident that
// every start writes.
func (c *Channel) Fence(ctx context.Context) (Position, error) {
	e, err := c.commitFence(ctx)
	if err != nil {
		return Position{}, err
	}
	return c.Source().indexed(ctx, "SELECT File, Position FROM mysql.ndb_binlog_index WHERE epoch >= ? ORDER BY epoch LIMIT 1", e)
}

// AfterEpoch gives where the source's binary log goes on after an epoch: the next_file
// and next_position of its row in mysql.ndb_binlog_index. It is the rule of fail-over
// and restore, and wrong after a restart of the source's mysqld.
func (c *Channel) AfterEpoch(ctx context.Context, e epoch.Epoch) (Position, error) {
	return c.Source().indexed(ctx, "SELECT next_file, next_position FROM mysql.ndb_binlog_index WHERE epoch <= ? ORDER BY epoch DESC LIMIT 1", e)
}

// RepointAfterRestart has the channel go on where a restarted source goes on: at a
// fence, or, where no row is logged, at the end of its log.
func (c *Channel) RepointAfterRestart(ctx context.Context) error {
	where := c.Source().EndOfLog
	if c.Source().Spec().Profile.NdbLogBin {
		where = c.Fence
	}
	at, err := where(ctx)
	if err != nil {
		return err
	}
	return c.Repoint(ctx, at)
}

// Reconfigure stops the channel, changes how the replica reaches its source, starts it
// where it stood, and waits until the replica has caught up. The position is given,
// because naming a host makes the replica forget it.
func (c *Channel) Reconfigure(ctx context.Context, o secure.ChannelOptions) error {
	if err := c.Stop(ctx); err != nil {
		return err
	}
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	o.File, o.Pos = s.Applied.File, s.Applied.Pos
	if err := c.configure(ctx, o, c.Replica.Words().StartReplica); err != nil {
		return err
	}
	_, err = c.CatchUp(ctx)
	return err
}

// Replace takes the stopped channel away and puts one with other options in its place,
// whose receiver alone it starts.
func (c *Channel) Replace(ctx context.Context, o secure.ChannelOptions) error {
	w := c.Replica.Words()
	if err := c.onReplica(ctx, w.ResetReplicaAll); err != nil {
		return err
	}
	return c.configure(ctx, o, w.StartReceiver)
}

// Patience is how long a replication thread is given to do what it was told.
const Patience = time.Minute

// Resume runs statements that start what was stopped, also when ctx has ended, and
// waits until nothing is missing on the replica.
func (c *Channel) Resume(ctx context.Context, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Patience)
	defer cancel()
	err := c.onReplica(ctx, statements...)
	if err == nil {
		_, err = c.CatchUp(ctx)
	}
	if err != nil {
		return fmt.Errorf("start the channel again: %w", err)
	}
	return nil
}

// Restore brings the channel back at a position, whatever is in its place, also when
// ctx has ended, and waits until nothing is missing on the replica.
func (c *Channel) Restore(ctx context.Context, at Position) error {
	w, o := c.Replica.Words(), c.Options()
	o.File, o.Pos = at.File, at.Pos
	return c.Resume(ctx, w.StopReplica, w.ResetReplicaAll, secure.ChannelSQL(w, o), w.StartReplica)
}

// AwaitReceiver waits until the replica's receiver runs, and the source sends: where no
// row is logged there is nothing else to know it by.
func (c *Channel) AwaitReceiver(ctx context.Context) error {
	var w waiting
	return poll.Until(ctx, fmt.Sprintf("the receiver of %s", c.Replica), func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if s.Receiver != "Yes" {
			return c.explain(ctx, &w, errors.New("it does not run"))
		}
		sending := 0
		err = c.Source().DB.QueryRowContext(ctx, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND LIKE 'Binlog Dump%'").Scan(&sending)
		if err == nil && sending == 0 {
			err = fmt.Errorf("no thread of %s sends its binary log", c.Source())
		}
		return err
	})
}

// AwaitReceived waits until the receiver has passed a position of the source.
func (c *Channel) AwaitReceived(ctx context.Context, end Position) (Position, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var s Status
	err := poll.Until(ctx, fmt.Sprintf("the receiver to pass %s:%d", end.File, end.Pos), func(ctx context.Context) (err error) {
		if s, err = c.Status(ctx); err != nil {
			return err
		}
		if s.Received.AtOrAfter(end) {
			return nil
		}
		err = fmt.Errorf("at %s:%d, running: %s", s.Received.File, s.Received.Pos, s.Receiver)
		if s.Receiver == "No" || !s.Configured {
			return poll.Stop(err)
		}
		return err
	})
	return s.Received, err
}
