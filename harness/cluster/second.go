package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/poll"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Writing is the pool for what writes to the source: it dials whichever of the
// source's mysqlds takes writes. Connections that are open stay where they are, until
// sever breaks them all, those of other writers too.
func (p *Pair) Writing() (db *sql.DB, sever func(), err error) {
	c := p.Source
	if c.writing == nil {
		cfg, err := c.Server.Config(replication.AsAdmin(c.secrets.admin))
		if err != nil {
			return nil, nil, err
		}
		cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.lines.dial(ctx, p.Channel.Source().Dial)
		}
		conn, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, nil, fmt.Errorf("write to %s: %w", c.sql(), err)
		}
		c.writing = sql.OpenDB(conn)
		c.writing.SetMaxIdleConns(4)
	}
	return c.writing, c.lines.sever, nil
}

// StartSecond starts a second mysqld on the source's data nodes, of the release
// and in the image of the first. It has a volume, a certificate and a server_id of
// its own, the accounts of the first that writers and channel need, and logs what
// its clients write, encrypted as the profile has it. No writer uses it before
// WriteToSecond.
func (p *Pair) StartSecond(ctx context.Context) error {
	s, err := p.newSecond()
	if err != nil {
		return err
	}
	ctx, done := poll.WithLimit(ctx, 2*time.Minute, "starting "+s.sql().String())
	defer done()
	p.Source.second.Store(s)
	if err := s.begin(ctx, p); err != nil {
		return fmt.Errorf("start a second mysqld at the source: %w", err)
	}
	return nil
}

// newSecond is the source as its second mysqld sees it: the same data nodes and
// networks, and another mysqld.
func (p *Pair) newSecond() (*Cluster, error) {
	c := p.Source
	spec := c.sql().spec.WithSecond()
	files, err := spec.Render()
	if err != nil {
		return nil, err
	}
	keys := *c.options.Keys
	cert, err := keys.Authority.Issue(spec.ServerSubject())
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the second mysqld: %w", err)
	}
	if err := c.options.Secrets.AddPEM("key of the source's second server", cert.KeyPEM); err != nil {
		return nil, err
	}
	keys.Server = maps.Clone(keys.Server)
	keys.Server[c.Side] = cert
	s := &Cluster{
		Spec: spec, Side: c.Side, launched: spec, engine: c.engine, options: c.options, networks: c.networks, secrets: c.secrets,
	}
	s.options.Keys = &keys
	for _, f := range files {
		if f.Node.Role == topology.Mysqld {
			f.Files = append(f.Files, s.tlsFiles(spec, f.Node)...)
			s.Nodes = append(s.Nodes, &Node{Node: f.Node, Side: c.Side, Image: c.sql().Image, spec: spec, config: f, cluster: s})
		}
	}
	s.Server = s.sql().server()
	return s, nil
}

func (c *Cluster) begin(ctx context.Context, p *Pair) error {
	n := c.sql()
	if err := n.create(ctx, c.attachments(n)); err != nil {
		return err
	}
	if err := n.start(ctx); err != nil {
		return err
	}
	if err := n.listens(ctx, c.Server); err != nil {
		return err
	}
	// The harness's tables are there, and a cluster of mixed versions takes no DDL.
	if err := c.bootstrap(ctx, secure.BootstrapSQL(c.Spec.Profile, c.secrets.admin, c.secrets.root)); err != nil {
		return err
	}
	if err := c.Back(ctx); err != nil {
		return err
	}
	if err := c.Server.CommitLogged(ctx); err != nil {
		return err
	}
	if err := c.Server.CreateReplicationUser(ctx, p.Channel.Password); err != nil {
		return err
	}
	if !c.Server.EncryptsLate() {
		return nil
	}
	if err := c.Server.EncryptLogs(ctx); err != nil {
		return err
	}
	return c.Server.PurgeClearLogs(ctx)
}

// WriteToSecond has the second mysqld take writes and log for the channel, from
// the next connection and the next Repoint on; WriteToOwn the first again. No
// write may be under way, and the channel must be stopped.
func (p *Pair) WriteToSecond() error {
	s := p.Source.second.Load()
	if s == nil {
		return errors.New("write to the source's second mysqld: there is none")
	}
	p.Channel.SwapSource(s.Server)
	return nil
}

// WriteToOwn undoes WriteToSecond.
func (p *Pair) WriteToOwn() { p.Channel.SwapSource(p.Source.Server) }

// DropSecond stops the second mysqld in order and removes it with its volume. log
// is all that it had written.
func (p *Pair) DropSecond(ctx context.Context) (log []byte, err error) {
	s := p.Source.second.Load()
	if s == nil {
		return nil, errors.New("remove the source's second mysqld: there is none")
	}
	n := s.sql()
	if err := n.stop(ctx); err != nil {
		return nil, err
	}
	written, err := n.logs(ctx, "all")
	s.close()
	p.Source.second.Store(nil)
	return []byte(written), errors.Join(err, n.discard(ctx))
}
