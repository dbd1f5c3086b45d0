package replication

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ndbproof/harness/epoch"
	"ndbproof/harness/poll"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
)

// Channel is the channel by which one replica follows one source.
type Channel struct {
	Replica *Server
	// Password is that of the account by which the replica logs in to its source.
	Password secret.Secret

	source atomic.Pointer[Server]
	fence  atomic.Uint64
	marks  struct {
		sync.Mutex
		all []string
	}
}

// NewChannel is the channel from a source to a replica. Nothing is configured before
// Open.
func NewChannel(source, replica *Server, password secret.Secret) *Channel {
	c := &Channel{Replica: replica, Password: password}
	c.source.Store(source)
	return c
}

// Source is the mysqld that takes writes and logs for the channel.
func (c *Channel) Source() *Server { return c.source.Load() }

// SwapSource has another mysqld of the source's cluster take writes and log for the
// channel, from the next Fence and the next Repoint on. The channel must be stopped.
func (c *Channel) SwapSource(s *Server) { c.source.Store(s) }

// CreateAccount creates the account of the channel on the source (step 5).
func (c *Channel) CreateAccount(ctx context.Context) error {
	return c.Source().CreateReplicationUser(ctx, c.Password)
}

// Options is how the replica reaches its source (step 6), as its profile has it. The
// password is in it.
func (c *Channel) Options() secure.ChannelOptions {
	return c.Source().Spec().Channel(c.Replica.Spec().Profile, c.Password)
}

// Open configures the channel, starts it, and waits until a marker row that it commits
// on the source is on the replica.
func (c *Channel) Open(ctx context.Context) error {
	if err := c.configure(ctx, c.Options(), c.Replica.Words().StartReplica); err != nil {
		return err
	}
	m, err := c.Mark(ctx)
	if err != nil {
		return err
	}
	var w waiting
	return poll.Until(ctx, fmt.Sprintf("the marker row on %s", c.Replica), func(ctx context.Context) error {
		arrived, err := c.Arrived(ctx, m.Marker)
		if err != nil || arrived {
			return err
		}
		return c.explain(ctx, &w, errors.New("the row is not there"))
	})
}

// configure changes where the replica finds its source, and how, and then starts
// threads by the given statements.
func (c *Channel) configure(ctx context.Context, o secure.ChannelOptions, starts ...string) error {
	return c.onReplica(ctx, append([]string{secure.ChannelSQL(c.Replica.Words(), o)}, starts...)...)
}

// onReplica runs statements on the replica, one after the other.
func (c *Channel) onReplica(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if _, err := c.Replica.DB.ExecContext(ctx, q); err != nil {
			// The statement that configures a channel holds its password.
			verb, _, _ := strings.Cut(q, " "+c.Replica.Words().Option)
			return fmt.Errorf("%s on %s: %w", verb, c.Replica, err)
		}
	}
	return nil
}

// Stop stops both threads of the channel.
func (c *Channel) Stop(ctx context.Context) error {
	return c.onReplica(ctx, c.Replica.Words().StopReplica)
}

// StopReceiver stops the receiver alone. Resume starts it again.
func (c *Channel) StopReceiver(ctx context.Context) error {
	return c.onReplica(ctx, c.Replica.Words().StopReceiver)
}

// StopApplier stops the applier alone. Resume starts it again.
func (c *Channel) StopApplier(ctx context.Context) error {
	return c.onReplica(ctx, c.Replica.Words().StopApplier)
}

// Start starts both threads of the channel.
func (c *Channel) Start(ctx context.Context) error {
	return c.onReplica(ctx, c.Replica.Words().StartReplica)
}

// Status is what the replica says of the channel.
func (c *Channel) Status(ctx context.Context) (Status, error) { return c.Replica.Status(ctx) }

// Behind tells how far the applier is behind what the source has logged, as the
// replica says: whole seconds.
func (c *Channel) Behind(ctx context.Context) (time.Duration, error) {
	s, err := c.Status(ctx)
	if err != nil {
		return 0, err
	}
	if s.Behind == nil {
		return 0, fmt.Errorf("ask %s how far it is behind: it does not know", c.Replica)
	}
	return time.Duration(*s.Behind) * time.Second, nil
}

// Applied is the last epoch of the source that the replica has applied
// (mysql.ndb_apply_status for the server_id of the mysqld that logs for the
// channel); 0 for none.
func (c *Channel) Applied(ctx context.Context) (epoch.Epoch, error) {
	var at uint64
	err := c.Replica.DB.QueryRowContext(ctx, "SELECT epoch FROM mysql.ndb_apply_status WHERE server_id = ?", c.Source().Spec().ServerID).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("ask %s for the last epoch applied: %w", c.Replica, err)
	}
	return epoch.Epoch(at), nil
}

// commitFence commits a fence row on the source and waits until its epoch is in the
// source's binary log.
func (c *Channel) commitFence(ctx context.Context) (epoch.Epoch, error) {
	s := c.Source()
	e, err := s.commit(ctx, fmt.Sprintf("REPLACE INTO ndbproof.fence VALUES (1, %d)", c.fence.Add(1)))
	if err != nil {
		return 0, fmt.Errorf("commit a fence: %w", err)
	}
	return e, s.awaitLogged(ctx, e)
}

// CatchUp commits a fence row on the source and waits for exactly its epoch: first in
// the source's binary log, then applied on the replica. It ends also when
// mysql.ndb_apply_status was emptied (RESET REPLICA) and no other session writes, for
// the fence brings an epoch of its own. It gives up at once, with the reason, when a
// thread of the replica has stopped, when there is no channel, and when the receiver
// is refused again and again for what does not pass; a receiver that is connecting is
// waited for.
func (c *Channel) CatchUp(ctx context.Context) (epoch.Epoch, error) {
	e, err := c.commitFence(ctx)
	if err != nil {
		return 0, err
	}
	var w waiting
	return e, poll.Until(ctx, fmt.Sprintf("epoch %s on %s", e, c.Replica), func(ctx context.Context) error {
		at, err := c.Applied(ctx)
		switch {
		case err != nil:
			return err
		case at == 0:
			return c.explain(ctx, &w, errors.New("no epoch applied yet"))
		case at < e:
			return c.explain(ctx, &w, fmt.Errorf("applied up to %s", at))
		}
		return nil
	})
}

// CatchUpAndStop waits until the replica has all that the source has logged, and stops
// the channel. From a source that logs no rows nothing comes.
func (c *Channel) CatchUpAndStop(ctx context.Context) error {
	if c.Source().Spec().Profile.NdbLogBin {
		if _, err := c.CatchUp(ctx); err != nil {
			return err
		}
	}
	return c.Stop(ctx)
}

// PurgeRelayLogs has the replica's applier remove the relay log that it reads now, and
// those before it. The applier purges when it goes on to the next log, up to where it
// was at its last checkpoint (replica_checkpoint_period, 0.3 s), so that a log goes some
// rotations later: logs are rotated until it is gone.
func (c *Channel) PurgeRelayLogs(ctx context.Context) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s to purge %s", c.Replica, s.RelayLog)
	return poll.Every(ctx, 100*time.Millisecond, what, func(ctx context.Context) error {
		if err := c.onReplica(ctx, "FLUSH LOCAL RELAY LOGS"); err != nil {
			return poll.Stop(err)
		}
		if _, err := c.CatchUp(ctx); err != nil {
			return poll.Stop(err)
		}
		there, err := c.Replica.hasRelayLog(ctx, s.RelayLog)
		if err == nil && there {
			err = errors.New("it is still in the index")
		}
		return err
	})
}
