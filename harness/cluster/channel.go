package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"time"

	"ndbproof/harness/epoch"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Account creates user1 on the source as the procedure has it (step 5). The
// statements are logged, so the account reaches the replica with the channel.
func (p *Pair) Account(ctx context.Context) error {
	for _, s := range secure.ReplicationUserSQL(p.user1) {
		if _, err := p.Source.admin.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("create %s on %s: %w", secure.ReplicationUser, p.Source.sql(), err)
		}
	}
	return nil
}

// Channel is how the replica reaches the source (step 6), as the profile has it.
func (p *Pair) Channel() secure.ChannelOptions {
	profile := p.Replica.Spec.Profile
	o := secure.ChannelOptions{
		Host: p.upstream().Spec.LinkHost(), Port: topology.MysqlPort,
		User: secure.ReplicationUser, Password: p.user1,
		TLS: profile.ChannelTLS, ConnectRetry: 1, RetryCount: 86400,
	}
	if profile.VerifyIdentity {
		o.CA, o.VerifyIdentity = topology.CAPath, true
		o.Cert, o.Key = path.Join(topology.TLSDir, "client-cert.pem"), path.Join(topology.TLSDir, "client-key.pem")
	}
	return o
}

// Open points the replica at the source, starts it, and waits until a marker
// row that it commits on the source is seen on the replica.
func (p *Pair) Open(ctx context.Context) error {
	w := p.Replica.Spec.Release.Words()
	for _, s := range []string{secure.ChannelSQL(w, p.Channel()), w.StartReplica} {
		if _, err := p.Replica.admin.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("open the channel on %s: %w", p.Replica.sql(), err)
		}
	}
	m, err := p.Mark(ctx)
	if err != nil {
		return err
	}
	var refused refusals
	return poll.Until(ctx, "the marker row on "+p.Replica.sql().String(), func(ctx context.Context) error {
		var n int
		err := p.Replica.admin.QueryRowContext(ctx, "SELECT COUNT(*) FROM ndbproof.marker WHERE marker = ?", m.Marker).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 {
			return p.Replica.lagging(ctx, &refused, errors.New("the row is not there"))
		}
		return nil
	})
}

// upstream is the cluster as the mysqld sees it that takes writes, and logs for the
// channel.
func (p *Pair) upstream() *Cluster {
	if c := p.up.Load(); c != nil {
		return c
	}
	return p.Source
}

// CatchUp commits a fence row on the source and waits for exactly its epoch:
// first in the source's binary log, then applied on the replica
// (mysql.ndb_apply_status for the source's server_id). It ends also when that
// table was emptied (RESET REPLICA) and nobody else writes, for the fence brings
// an epoch of its own. It gives up at once, with the reason, when a thread of the
// replica has stopped, when there is no channel, and when the receiver is refused
// again and again for what does not pass; a receiver that is connecting is waited
// for.
func (p *Pair) CatchUp(ctx context.Context) (epoch.Epoch, error) {
	n := p.fence.Add(1)
	up := p.upstream()
	e, err := up.commit(ctx, fmt.Sprintf("REPLACE INTO ndbproof.fence VALUES (1, %d)", n))
	if err != nil {
		return 0, fmt.Errorf("commit a fence: %w", err)
	}
	if err := up.handled(ctx, e); err != nil {
		return 0, err
	}
	var refused refusals
	what := fmt.Sprintf("epoch %s on %s", e, p.Replica.sql())
	return e, poll.Until(ctx, what, func(ctx context.Context) error {
		at, err := p.Applied(ctx)
		switch {
		case err != nil:
			return err
		case at == 0:
			return p.Replica.lagging(ctx, &refused, errors.New("no epoch applied yet"))
		case at < e:
			return p.Replica.lagging(ctx, &refused, fmt.Errorf("applied up to %s", at))
		}
		return nil
	})
}

// Applied is the last epoch of the source that the replica has applied
// (mysql.ndb_apply_status for the server_id of the mysqld that logs for the
// channel); 0 for none.
func (p *Pair) Applied(ctx context.Context) (epoch.Epoch, error) {
	var at uint64
	err := p.Replica.admin.QueryRowContext(ctx, "SELECT epoch FROM mysql.ndb_apply_status WHERE server_id = ?", p.upstream().Spec.ServerID).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("ask %s for the last epoch applied: %w", p.Replica.sql(), err)
	}
	return epoch.Epoch(at), nil
}

// lagging adds to a reason for waiting what the replica says of its threads; a
// thread that has stopped ends the wait.
func (c *Cluster) lagging(ctx context.Context, refused *refusals, reason error) error {
	s, err := c.Status(ctx)
	if err != nil {
		return errors.Join(reason, err)
	}
	w := c.Spec.Release.Words()
	err = fmt.Errorf("%w; receiver %s (%s %s), applier %s (%s %s)", reason,
		s[w.IORunning], s[w.LastIOErrno], s[w.LastIOError], s[w.SQLRunning], s[w.LastSQLErrno], s[w.LastSQLError])
	if why := refused.hopeless(s, w); why != "" {
		return poll.Stop(fmt.Errorf("%s: %w", why, err))
	}
	return err
}

// retries is in the receiver's message while it tries to connect.
var retries = regexp.MustCompile(`retries: (\d+)`)

// repeated is how often an error that does not pass by itself must have come
// while it was waited for: before, it may have been mended already, and an
// account may be unknown for a moment while a source mysqld starts.
const repeated = 3

// refusals remembers of one wait how many retries the receiver had made when it
// was first seen to be refused.
type refusals struct {
	seen  bool
	first int
}

// hopeless tells why waiting for the replica is pointless; "" when it is not. A
// receiver that is connecting is waited for, unless the source or the client
// library refuses it again and again for what no retry mends: 1044, 1045, 1130,
// 1227, 1698, 3118, 3159 (account, host, privilege, lock, plain transport), 2026
// and 2061 (TLS, plugin that wants TLS).
func (r *refusals) hopeless(s map[string]string, w release.Words) string {
	switch {
	case len(s) == 0:
		return "the replica has no channel"
	case s[w.SQLRunning] == "No":
		return "the applier has stopped"
	case s[w.IORunning] == "No":
		return "the receiver has stopped"
	}
	m := retries.FindStringSubmatch(s[w.LastIOError])
	if s[w.IORunning] == "Yes" || m == nil {
		r.seen = false
		return ""
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return ""
	}
	if !r.seen || n < r.first {
		r.seen, r.first = true, n
	}
	if n-r.first < repeated {
		return ""
	}
	switch s[w.LastIOErrno] {
	case "1044", "1045", "1130", "1227", "1698", "2026", "2061", "3118", "3159":
		return fmt.Sprintf("the receiver was refused %d times", n-r.first)
	}
	return ""
}

// Behind tells how far the applier is behind what the source has logged, as the
// replica says: whole seconds.
func (p *Pair) Behind(ctx context.Context) (time.Duration, error) {
	s, err := p.Replica.Status(ctx)
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseInt(s[p.Replica.Spec.Release.Words().SecondsBehind], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ask %s how far it is behind: it does not know", p.Replica.sql())
	}
	return time.Duration(seconds) * time.Second, nil
}

// Status is SHOW REPLICA STATUS by column name; empty when there is no channel.
func (c *Cluster) Status(ctx context.Context) (map[string]string, error) {
	rows, err := c.admin.QueryContext(ctx, c.Spec.Release.Words().ShowReplicaStatus)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its channel: %w", c.sql(), err)
	}
	defer rows.Close() //nolint:errcheck // Err is looked at
	cols, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its channel: %w", c.sql(), err)
	}
	out := map[string]string{}
	for rows.Next() {
		vals := make([]sql.NullString, len(cols))
		ptrs := make([]any, len(cols))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return nil, fmt.Errorf("ask %s for its channel: %w", c.sql(), err)
		}
		for i, c := range cols {
			out[c] = vals[i].String
		}
	}
	return out, rows.Err()
}

// CommitLogged commits one row that goes into the binary log, and waits until
// it stands there.
func (c *Cluster) CommitLogged(ctx context.Context) error {
	e, err := c.commit(ctx, "UPDATE ndbproof.fence SET n=n+1 WHERE id=0")
	if err != nil {
		return err
	}
	return c.handled(ctx, e)
}
