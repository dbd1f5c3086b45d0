package upgrade

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"

	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/wire"
)

// readTLS finds out which versions and suites the servers take: of TLSv1.2 each suite
// is offered alone; of TLSv1.3 the client cannot choose. And it asks the source for
// that of its dump thread.
func (u *upgrading) readTLS(ctx context.Context, s *compare.Snapshot) error {
	for _, side := range topology.Sides {
		for _, cfg := range offers() {
			n, err := u.negotiate(ctx, side, cfg)
			if err != nil {
				return err
			}
			if n != nil {
				s.TLS = append(s.TLS, *n)
			}
		}
	}
	got, err := replication.Lines(ctx, u.Pair.Server(topology.Source).DB, `SELECT MAX(IF(s.VARIABLE_NAME='Ssl_version',s.VARIABLE_VALUE,'')), MAX(IF(s.VARIABLE_NAME='Ssl_cipher',s.VARIABLE_VALUE,''))
 FROM performance_schema.threads t JOIN performance_schema.status_by_thread s USING (THREAD_ID) WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%' GROUP BY t.THREAD_ID`)
	if err != nil {
		return err
	}
	s.TLS = append(s.TLS, negotiated(topology.Source, "channel", got)...)
	return nil
}

// offers are what is offered, one after the other: TLSv1.3, of TLSv1.2 each suite that
// a Go client has, weak ones too, and the versions before with all of theirs. They are
// few: a server blocks a host that breaks off 100 logins in a row (manual,
// max_connect_errors).
func offers() []*tls.Config {
	all := []*tls.Config{{MinVersion: tls.VersionTLS13}}
	var suites []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, suite.ID)
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			all = append(all, offer(tls.VersionTLS12, suite.ID))
		}
	}
	return append(all, offer(tls.VersionTLS11, suites...), offer(tls.VersionTLS10, suites...))
}

func offer(version uint16, suites ...uint16) *tls.Config {
	return &tls.Config{MinVersion: version, MaxVersion: version, CipherSuites: suites}
}

// negotiate makes one offer; nil: the server does not take it.
func (u *upgrading) negotiate(ctx context.Context, side topology.Side, cfg *tls.Config) (*compare.Negotiated, error) {
	conn, err := u.Pair.Server(side).Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("offer TLS to the %s: %w", side, err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written that could be lost
	cfg.RootCAs = x509.NewCertPool()
	cfg.RootCAs.AddCert(u.Pair.Authority())
	cfg.ServerName = u.Pair.Spec(side).LinkHost()
	h, err := wire.Probe(ctx, conn, cfg)
	switch {
	case err == nil:
		return &compare.Negotiated{Side: side, Who: "client", Version: h.TLSVersion, Suite: h.CipherSuite}, nil
	case refusedTLS(err):
		return nil, nil
	}
	return nil, fmt.Errorf("offer TLS to the %s: %w", side, err)
}

// refusedTLS tells that a server was asked, and did not take what was offered: it
// sent an alert.
func refusedTLS(err error) bool {
	var alert tls.AlertError
	var op *net.OpError
	return errors.As(err, &alert) || errors.As(err, &op) && op.Op == "remote error"
}
