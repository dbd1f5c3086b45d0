package cluster

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/epoch"
	"ndbproof/harness/mgm"
	"ndbproof/harness/node"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Started waits until the management node reports every data node `started`.
func (c *Cluster) Started(ctx context.Context) error {
	want := len(c.Spec.Of(topology.Ndbmtd))
	seen := ""
	return poll.Every(ctx, time.Second, fmt.Sprintf("%d data nodes of the %s cluster", want, c.Spec.Name), func(ctx context.Context) error {
		out, err := c.Mgm(ctx, "all status")
		if err != nil {
			return err
		}
		nodes, err := mgm.ParseStatus(out)
		if err != nil {
			return err
		}
		started, line := 0, []string{}
		for _, n := range nodes {
			if n.State == "started" {
				started++
			}
			line = append(line, fmt.Sprintf("node %d %s", n.ID, n.State))
		}
		if now := strings.Join(line, ", "); now != seen {
			seen = now
			c.say("ndb", "", now)
		}
		if started < want {
			return fmt.Errorf("%d of %d started: %s", started, want, seen)
		}
		return nil
	})
}

// Mgm gives a command to the management client, run beside the management node.
func (c *Cluster) Mgm(ctx context.Context, command string) (string, error) {
	n := c.first(topology.Mgmd)
	out, err := n.tool(ctx, node.Command{Argv: mgm.Argv(n.Host, command)})
	if err != nil {
		return "", err
	}
	if out.Exit != 0 {
		return "", fmt.Errorf("ndb_mgm -e %q: exit %d: %s", command, out.Exit, oneLine(out.Stdout+out.Stderr))
	}
	return out.Stdout, nil
}

// tool runs a client program of the release in the node's container, or, when
// the node's image lacks it, beside the node in the image that lends tools.
func (n *Node) tool(ctx context.Context, c node.Command) (node.Output, error) {
	name := c.Argv[0]
	for _, m := range n.spec.Layout.Missing {
		if m == name {
			return n.borrow(ctx, c)
		}
	}
	c.Argv = append([]string{n.spec.Layout.Program(name)}, c.Argv[1:]...)
	return n.exec(ctx, c)
}

// Serving waits until mysqld greets, NDB takes writes there, and the binlog
// injector is set up; then the accounts exist, and Admin works. The logs are
// encrypted afterwards in the way that the release needs.
func (c *Cluster) Serving(ctx context.Context) error {
	if err := c.sql().listens(ctx); err != nil {
		return err
	}
	c.say("greeting", c.sql().Name, "mysqld listens")
	if err := c.bootstrap(ctx, harnessTables+secure.BootstrapSQL(c.Spec.Profile, c.secrets.admin, c.secrets.root)); err != nil {
		return err
	}
	if err := c.openAdmin(); err != nil {
		return err
	}
	if err := c.injectorReady(ctx); err != nil {
		return err
	}
	c.say("serving", c.sql().Name, "ndb writable, binlog injector set up")
	return nil
}

// listens waits until a mysqld greets at its door.
func (n *Node) listens(ctx context.Context) error {
	if err := n.findDoor(ctx); err != nil {
		return err
	}
	return poll.Until(ctx, fmt.Sprintf("the greeting of %s", n), func(ctx context.Context) error { return greeted(ctx, n.reach) })
}

// notAllowed is the error (ER_HOST_NOT_PRIVILEGED) with which a new server
// greets: until the first account for another host exists, none may come by TCP.
const notAllowed = 1130

// greeted succeeds when a server answers, with its greeting or with notAllowed:
// the engine's proxy takes connections long before that.
func greeted(ctx context.Context, reach func(context.Context) (net.Conn, error)) error {
	conn, err := reach(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	var head [7]byte // length (3), sequence (1), protocol version or 0xff (1), error number (2)
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return fmt.Errorf("no greeting at %s: %w", conn.RemoteAddr(), err)
	}
	if n := int(head[5]) | int(head[6])<<8; head[4] == 0xff && n != notAllowed {
		return fmt.Errorf("refused at %s with error %d", conn.RemoteAddr(), n)
	}
	return nil
}

// harnessTables are the harness's own, made locally on each side so that a
// cluster can be asked before there is a channel.
const harnessTables = `SET SESSION sql_log_bin=0;
CREATE DATABASE IF NOT EXISTS ndbproof;
CREATE TABLE IF NOT EXISTS ndbproof.fence (id INT UNSIGNED NOT NULL PRIMARY KEY, n BIGINT UNSIGNED NOT NULL) ENGINE=NDBCLUSTER;
CREATE TABLE IF NOT EXISTS ndbproof.marker (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, marker VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL) ENGINE=NDBCLUSTER;
REPLACE INTO ndbproof.fence VALUES (0, 0);
`

// bootstrap is the first session: root over the socket, whose password is still
// empty. It is repeated until NDB takes the writes: before that the server says
// that tables are read only, and refuses accounts ("stored grants: not
// initialized").
func (c *Cluster) bootstrap(ctx context.Context, script string) error {
	return poll.Every(ctx, 200*time.Millisecond, fmt.Sprintf("%s to take writes to NDB", c.sql()), func(ctx context.Context) error {
		_, err := c.sql().socketSQL(ctx, secret.Secret{}, script)
		if err != nil && strings.Contains(err.Error(), "ERROR 1045") {
			return poll.Stop(err)
		}
		return err
	})
}

// RootSQL runs statements as root over the unix socket, inside the container.
func (c *Cluster) RootSQL(ctx context.Context, statements string) (string, error) {
	return c.sql().socketSQL(ctx, c.secrets.root, statements)
}

func (n *Node) socketSQL(ctx context.Context, password secret.Secret, statements string) (string, error) {
	cmd := node.Command{
		Argv:  []string{"mysql", "--no-defaults", "-u", secure.Root, "--socket=" + topology.SocketPath, "--batch", "--skip-column-names"},
		Stdin: statements,
	}
	if password.Reveal() != "" {
		cmd.Env = map[string]string{"MYSQL_PWD": password.Reveal()}
	}
	out, err := n.tool(ctx, cmd)
	if err != nil {
		return "", err
	}
	if out.Exit != 0 {
		return "", fmt.Errorf("root's session on the socket of %s: exit %d: %s", n, out.Exit, oneLine(out.Stderr))
	}
	return out.Stdout, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// driver gives the driver's settings for a login by TCP.
func (n *Node) driver(l replication.Login) (*mysql.Config, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = l.User, l.Password.Reveal(), l.Database
	// A server that was started again has another port, which its pool then dials.
	cfg.Net, cfg.Addr = "tcp", "127.0.0.1:0"
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return n.reach(ctx) }
	cfg.Timeout = 10 * time.Second
	cfg.InterpolateParams = true
	cfg.Logger = &mysql.NopLogger{}
	switch l.TLS {
	case replication.TLSVerify:
		cfg.TLS = &tls.Config{RootCAs: n.cluster.options.Keys.Authority.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	case replication.TLSOff: // the driver asks for the server's public key by itself
	default:
		return nil, fmt.Errorf("log in to %s: no tls mode given", n)
	}
	return cfg, nil
}

func (n *Node) open(l replication.Login) (*sql.DB, error) {
	cfg, err := n.driver(l)
	if err != nil {
		return nil, err
	}
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("log in to %s as %s: %w", n, l.User, err)
	}
	return sql.OpenDB(conn), nil
}

// login tries one new connection and pings.
func (n *Node) login(ctx context.Context, l replication.Login) (*sql.DB, error) {
	db, err := n.open(l)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("log in to %s as %s: %w", n, l.User, err), db.Close())
	}
	return db, nil
}

// Login tries one new connection and pings.
func (c *Cluster) Login(ctx context.Context, l replication.Login) (*sql.DB, error) {
	return c.sql().login(ctx, l)
}

// asAdmin is the harness's own account, as it logs in.
func (c *Cluster) asAdmin() replication.Login {
	return replication.Login{User: secure.AdminUser, Password: c.secrets.admin, TLS: replication.TLSVerify}
}

// idleSessions is more than all that asks at once, so that logins of the harness's
// own account, which warm the cache of caching_sha2, stay rare.
const idleSessions = 16

func (c *Cluster) openAdmin() error {
	db, err := c.sql().open(c.asAdmin())
	if err != nil {
		return err
	}
	db.SetMaxIdleConns(idleSessions)
	c.admin = db
	return nil
}

// injectorReady commits one logged row and waits until the binlog injector has
// put its epoch into the binary log. On releases with defect F1 this is what
// makes it safe to switch encryption on afterwards: the injector's thread
// configures its cache at the first epoch that it logs. A row committed with
// sql_log_bin=0 does not do: NDB itself filters such rows out, and no epoch
// reaches the thread.
func (c *Cluster) injectorReady(ctx context.Context) error {
	e, err := c.commit(ctx, "UPDATE ndbproof.fence SET n=n+1 WHERE id=0", "UPDATE ndbproof.fence SET n=0 WHERE id=0")
	if err != nil {
		return err
	}
	return c.handled(ctx, e)
}

// commit runs statements on one session and gives the epoch of the last one.
func (c *Cluster) commit(ctx context.Context, statements ...string) (epoch.Epoch, error) {
	conn, err := c.admin.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("open a session on %s: %w", c.sql(), err)
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return 0, fmt.Errorf("commit on %s: %w", c.sql(), err)
		}
	}
	var name string
	var n uint64
	if err := conn.QueryRowContext(ctx, "SHOW STATUS LIKE 'Ndb_last_commit_epoch_session'").Scan(&name, &n); err != nil {
		return 0, fmt.Errorf("read the epoch of a commit on %s: %w", c.sql(), err)
	}
	if n == 0 {
		return 0, fmt.Errorf("read the epoch of a commit on %s: the server says 0: the session wrote nothing to NDB", c.sql())
	}
	return epoch.Epoch(n), nil
}

// handled waits until the binlog injector has put an epoch into the binary log. It
// gives up at once where a server that has received no epoch says that it logs none.
func (c *Cluster) handled(ctx context.Context, e epoch.Epoch) error {
	return poll.Until(ctx, fmt.Sprintf("epoch %s in the binary log of %s", e, c.sql()), func(ctx context.Context) error {
		b, err := c.injector(ctx)
		if err != nil {
			return err
		}
		if b.LatestHandled >= e {
			return nil
		}
		err = fmt.Errorf("handled up to %s, received up to %s", b.LatestHandled, b.LatestReceived)
		if b.LatestReceived == 0 && !c.logsRows(ctx) {
			return poll.Stop(fmt.Errorf("ndb_log_bin is off there: no row reaches the binary log; %w", err))
		}
		return err
	})
}

// logsRows is false only when the server says so.
func (c *Cluster) logsRows(ctx context.Context) bool {
	on := true
	err := c.admin.QueryRowContext(ctx, "SELECT @@GLOBAL.ndb_log_bin").Scan(&on)
	return err != nil || on
}

// injector reads how far the binlog injector is.
func (c *Cluster) injector(ctx context.Context) (epoch.Binlog, error) {
	rows, err := c.admin.QueryContext(ctx, "SHOW ENGINE NDB STATUS")
	if err != nil {
		return epoch.Binlog{}, fmt.Errorf("ask %s for its binlog injector: %w", c.sql(), err)
	}
	defer rows.Close() //nolint:errcheck // Err is looked at
	for rows.Next() {
		var typ, name, status string
		if err := rows.Scan(&typ, &name, &status); err != nil {
			return epoch.Binlog{}, fmt.Errorf("ask %s for its binlog injector: %w", c.sql(), err)
		}
		if name == "binlog" {
			return epoch.ParseBinlog(status)
		}
	}
	return epoch.Binlog{}, errors.Join(fmt.Errorf("ask %s for its binlog injector: no row `binlog`", c.sql()), rows.Err())
}

// Encrypt switches log encryption on where the configuration could not, because
// the release has defect F1 (docs/findings.md): at run time, once the injector
// is ready, and then without the clear log that came before. Never persisted:
// the next start would crash.
func (c *Cluster) Encrypt(ctx context.Context) error {
	if !c.Spec.Profile.BinlogEncryption || c.Spec.EncryptAtStart {
		return nil
	}
	for _, s := range []string{"SET GLOBAL binlog_encryption=ON", c.Spec.Release.Words().ResetBinaryLogs} {
		if _, err := c.admin.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("encrypt the logs of %s: %s: %w", c.sql(), s, err)
		}
	}
	c.say("encrypted", c.sql().Name, release.F1.ID+" worked around: encryption switched on at run time, the clear log removed")
	return nil
}
