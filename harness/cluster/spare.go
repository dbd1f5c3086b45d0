package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/engine"
	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// spares holds a cluster's spare server, from the first call of Spare on. The
// server stays: claims ask again and again, and a start takes some seconds.
type spares struct {
	mu sync.Mutex
	at *spare
}

// spare is a mysqld in a container of its own, at a door of its own.
type spare struct {
	*Node
	sql *replication.Server
}

// Spare gives a server of a side's release that belongs to no cluster, with the
// side's accounts as they are now.
func (p *Pair) Spare(ctx context.Context, side topology.Side) (replication.Spare, error) {
	return p.on(side).Spare(ctx)
}

// Spare gives the cluster's spare server, made when there is none, with the
// accounts of the cluster's mysqld as they are now.
func (c *Cluster) Spare(ctx context.Context) (replication.Spare, error) {
	c.spare.mu.Lock()
	defer c.spare.mu.Unlock()
	s := c.spare.at
	if s == nil {
		var err error
		if s, err = c.makeSpare(ctx); err != nil {
			return nil, err
		}
		c.spare.at = s
	}
	if err := s.follow(ctx, c.Server.DB); err != nil {
		c.spare.at = nil
		return nil, errors.Join(fmt.Errorf("give %s the accounts of %s: %w", s, c.sql(), err), s.remove(ctx))
	}
	return s, nil
}

// GiveUp removes it.
func (s *spare) GiveUp(ctx context.Context) error {
	held := &s.cluster.spare
	held.mu.Lock()
	defer held.mu.Unlock()
	if held.at != s {
		return nil // it has gone
	}
	held.at = nil
	return s.remove(ctx)
}

// dropSpare removes the spare server of a release that the cluster leaves.
func (c *Cluster) dropSpare(ctx context.Context) error {
	c.spare.mu.Lock()
	defer c.spare.mu.Unlock()
	s := c.spare.at
	if s == nil {
		return nil
	}
	c.spare.at = nil
	return s.remove(ctx)
}

// Login tries one new connection and pings.
func (s *spare) Login(ctx context.Context, l replication.Login) (*sql.DB, error) {
	return s.sql.Login(ctx, l)
}

// close ends connections, when everything is to be removed.
func (h *spares) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at != nil {
		h.at.sql.Close()
	}
}

// objects are what statements are about that are tried on a spare server.
const objects = `CREATE DATABASE test1;
CREATE TABLE test1.t1 (id INT NOT NULL PRIMARY KEY) ENGINE=InnoDB;
`

func (c *Cluster) makeSpare(ctx context.Context) (*spare, error) {
	o := c.options
	config := c.Spec.Spare()
	config.Files = append(config.Files, c.Spec.TLSFiles(o.Keys.Authority, o.Keys.Server[c.Side], o.Keys.Client)...)
	s := &spare{Node: &Node{Node: config.Node, Side: c.Side, Image: c.sql().Image, spec: c.Spec, config: config, cluster: c}}
	s.sql = s.server()
	limited, cancel := poll.WithLimit(ctx, time.Minute, "starting "+s.String())
	defer cancel()
	if err := s.begin(limited); err != nil {
		return nil, errors.Join(fmt.Errorf("make %s: %w%s", s, err, s.lastWords(ctx)), s.remove(ctx))
	}
	return s, nil
}

func (s *spare) begin(ctx context.Context) error {
	c := s.cluster
	if err := s.create(ctx, []engine.Attachment{{Network: c.networks.door}}); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := s.listens(ctx, s.sql); err != nil {
		return err
	}
	if _, err := s.socketSQL(ctx, secret.Secret{}, objects+secure.BootstrapSQL(c.Spec.Profile, c.secrets.admin, c.secrets.root)); err != nil {
		return err
	}
	return s.sql.OpenPool(c.secrets.admin)
}

// lastWords is the end of what it wrote before it failed.
func (s *spare) lastWords(ctx context.Context) string {
	if s.id == "" {
		return ""
	}
	log, err := s.logs(context.WithoutCancel(ctx), "1")
	if err != nil || log == "" {
		return ""
	}
	return "; it said last: " + brief.Line(log)
}

// remove takes it away, also when ctx has ended.
func (s *spare) remove(ctx context.Context) error {
	ctx, cancel := poll.WithLimit(context.WithoutCancel(ctx), time.Minute, "removing "+s.String())
	defer cancel()
	s.sql.Close()
	return s.discard(ctx)
}

// discard takes a node away, running or not, with its volume.
func (n *Node) discard(ctx context.Context) error {
	errs := []error{n.dropCompanions(ctx)}
	e := n.cluster.engine
	if n.id != "" {
		errs = append(errs, e.Remove(ctx, n.id))
	}
	errs = append(errs, e.RemoveVolume(ctx, n.volume()))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove %s: %w", n, err)
	}
	return nil
}

// accountTables are those in which accounts, and what they may do, stand (manual,
// "Grant Tables"). They are copied row by row, because statements could not
// grant what is about tables that are not there.
var accountTables = []string{
	"user", "global_grants", "db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv", "role_edges", "default_roles",
}

// accountSettings are variables that give accounts more, or less, than that.
const accountSettings = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('mandatory_roles', 'activate_all_roles_on_login', 'partial_revokes')"

// follow makes accounts like those of another server.
func (s *spare) follow(ctx context.Context, from *sql.DB) error {
	conn, err := s.sql.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	// Rows of a new server have dates that a strict mode refuses.
	statements := []statement{{text: "SET SESSION sql_mode=''"}, {text: "BEGIN"}}
	for _, table := range accountTables {
		rows, err := copied(ctx, from, table)
		if err != nil {
			return err
		}
		statements = append(append(statements, statement{text: "DELETE FROM mysql." + table}), rows...)
	}
	statements = append(statements, statement{text: "COMMIT"}, statement{text: "FLUSH PRIVILEGES"})
	_, settings, err := replication.Table(ctx, from, accountSettings)
	if err != nil {
		return err
	}
	for _, v := range settings {
		statements = append(statements, statement{"SET GLOBAL " + v[0].String + " = ?", []any{v[1].String}})
	}
	for _, one := range statements {
		if _, err := conn.ExecContext(ctx, one.text, one.args...); err != nil {
			return fmt.Errorf("%s: %w", one.text, err)
		}
	}
	return nil
}

// statement is SQL with its arguments.
type statement struct {
	text string
	args []any
}

// copied gives the statements that insert all rows of a table of accounts.
func copied(ctx context.Context, from *sql.DB, table string) ([]statement, error) {
	columns, rows, err := replication.Table(ctx, from, "SELECT * FROM mysql."+table)
	if err != nil {
		return nil, err
	}
	insert := "INSERT INTO mysql." + table + " (`" + strings.Join(columns, "`, `") + "`) VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	var all []statement
	for _, r := range rows {
		one := statement{text: insert}
		for _, v := range r {
			one.args = append(one.args, v)
		}
		all = append(all, one)
	}
	return all, nil
}
