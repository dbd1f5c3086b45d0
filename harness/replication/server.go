package replication

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"ndbproof/harness/greeting"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Server is a mysqld that is reached by SQL.
type Server struct {
	Side topology.Side
	Name string // of its node, "sql"
	// Spec is what its cluster is meant to be. An upgrade changes it.
	Spec func() topology.Spec
	// Dial opens a TCP connection, at the address that the server has now.
	Dial func(context.Context) (net.Conn, error)
	// Login tries one new connection and pings. The caller closes it.
	Login func(context.Context, Login) (*sql.DB, error)
	// CA has the authorities that a verified login trusts.
	CA *x509.CertPool
	// DB is the pool of the harness's own account, over verified TLS; nil before
	// OpenPool.
	DB *sql.DB
}

// NewServer is a server of a side, reached by dial. It connects to nothing yet.
func NewServer(side topology.Side, name string, spec func() topology.Spec, ca *x509.CertPool, dial func(context.Context) (net.Conn, error)) *Server {
	s := &Server{Side: side, Name: name, Spec: spec, CA: ca, Dial: dial}
	s.Login = s.login
	return s
}

// String names the server as its node is named: "source sql".
func (s *Server) String() string { return string(s.Side) + " " + s.Name }

// Words are the words of the SQL that its release speaks.
func (s *Server) Words() release.Words { return s.Spec().Release.Words() }

// idleSessions is more than all that ask at once, so that logins of the harness's
// own account, which warm the cache of caching_sha2, stay rare.
const idleSessions = 16

// OpenPool opens the pool of the harness's own account. It does not connect yet.
func (s *Server) OpenPool(password secret.Secret) error {
	db, err := s.open(AsAdmin(password))
	if err != nil {
		return err
	}
	db.SetMaxIdleConns(idleSessions)
	s.DB = db
	return nil
}

// Close closes the pool.
func (s *Server) Close() {
	if s.DB != nil {
		_ = s.DB.Close() // nothing is to be written
	}
}

// AsAdmin is the login of the harness's own account.
func AsAdmin(password secret.Secret) Login {
	return Login{User: secure.AdminUser, Password: password, TLS: TLSVerify}
}

func (s *Server) login(ctx context.Context, l Login) (*sql.DB, error) {
	db, err := s.open(l)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("log in to %s as %s: %w", s, l.User, err), db.Close())
	}
	return db, nil
}

// Config gives the driver's settings for a login by TCP.
func (s *Server) Config(l Login) (*mysql.Config, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = l.User, l.Password.Reveal(), l.Database
	// A server that was started again has another port, which its pool then dials.
	cfg.Net, cfg.Addr = "tcp", "127.0.0.1:0"
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx) }
	cfg.Timeout = 10 * time.Second
	cfg.InterpolateParams = true
	cfg.Logger = &mysql.NopLogger{}
	switch l.TLS {
	case TLSVerify:
		cfg.TLS = &tls.Config{RootCAs: s.CA, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	case TLSOff: // the driver asks for the server's public key by itself
	default:
		return nil, fmt.Errorf("log in to %s: no tls mode given", s)
	}
	return cfg, nil
}

func (s *Server) open(l Login) (*sql.DB, error) {
	cfg, err := s.Config(l)
	if err != nil {
		return nil, err
	}
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("log in to %s as %s: %w", s, l.User, err)
	}
	return sql.OpenDB(conn), nil
}

// AwaitGreeting waits until the server greets.
func (s *Server) AwaitGreeting(ctx context.Context) error {
	return poll.Until(ctx, fmt.Sprintf("the greeting of %s", s), s.greets)
}

// hostNotPrivileged is ER_HOST_NOT_PRIVILEGED, with which a new server greets:
// until the first account for another host exists, it lets none come by TCP.
const hostNotPrivileged = 1130

// greets succeeds when the server answers, with its greeting or with
// hostNotPrivileged: the engine's proxy takes connections long before that.
func (s *Server) greets(ctx context.Context) error {
	conn, err := s.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err = greeting.Read(ctx, conn)
	var refused *greeting.ServerError
	if errors.As(err, &refused) && refused.Code == hostNotPrivileged {
		return nil
	}
	return err
}

// exec runs one statement on the harness's own pool.
func (s *Server) exec(ctx context.Context, doing, statement string) error {
	if _, err := s.DB.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s on %s: %w", doing, s, err)
	}
	return nil
}

// CreateReplicationUser creates the account of the channel as the procedure has it
// (step 5). The statements are logged, so the account reaches the replica.
func (s *Server) CreateReplicationUser(ctx context.Context, password secret.Secret) error {
	for _, q := range secure.ReplicationUserSQL(password) {
		if err := s.exec(ctx, "create "+secure.ReplicationUser, q); err != nil {
			return err
		}
	}
	return nil
}
