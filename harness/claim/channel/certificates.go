package channel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"ndbproof/harness/claim"
	"ndbproof/harness/greeting"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// Certificates is what the servers show to a client that asks for TLS.
type Certificates struct {
	At        time.Time   `json:"at"`        // when, for judging validity again later
	Authority string      `json:"authority"` // the run's own CA, PEM
	Servers   []Presented `json:"servers"`
}

// Presented is one server's handshake.
type Presented struct {
	Side        topology.Side `json:"side"`
	Host        string        `json:"host"` // the name that the certificate must hold
	Leaf        string        `json:"leaf"` // made for this server, PEM
	Refused     string        `json:"refused,omitempty"`
	TLSVersion  string        `json:"tls_version,omitempty"`
	CipherSuite string        `json:"cipher_suite,omitempty"`
	Chain       []string      `json:"chain"` // as sent, PEM
}

// Seen counts handshakes, a server's refusal of TLS among them.
func (o *Certificates) Seen() (int, string) {
	for _, s := range o.Servers {
		if len(s.Chain) == 0 && s.Refused == "" {
			return 0, fmt.Sprintf("the %s showed no certificate", s.Side)
		}
	}
	return len(o.Servers), "no server was asked"
}

func certificates() claim.Claim {
	// A running channel goes on. Logins end, the harness's own among them: claims
	// that need new sessions cannot look for as long.
	reload := func(name string, side topology.Side, i secure.Identity, word string, also ...string) claim.Sabotage {
		return claim.Sabotage{
			Name: name, Effect: claim.Disturbs, Want: claim.ChannelCertificatesID + "." + word, Also: also,
			Do: claim.MakeChange(PresentCertificate(side, i), PresentCertificate(side, secure.Genuine)),
		}
	}
	return claim.Define(claim.Claim{
		ID: claim.ChannelCertificatesID, Step: 2, Effect: claim.Connects, Uses: claim.PartNetwork | claim.PartKeys,
		Title: "each server shows the certificate that was made for it in this run, valid for its name under the run's own CA",
		Codes: claim.MakeCodes(claim.ChannelCertificatesID, "no-tls", "not-ours", "untrusted", "wrong-name", "old-protocol"),
		Sabotage: []claim.Sabotage{
			reload("another certificate of the same CA", topology.Source, secure.Reissued, "not-ours"),
			reload("server certificate of another CA", topology.Source, secure.Stranger, "untrusted", claim.AccountsRefusalsID, claim.AccountsPrivilegesID, claim.LogsRemoteReadID, claim.AccountsPlainClientID, claim.TrafficClientID, claim.RowsParityID),
			reload("server certificate of another CA, on the replica", topology.Replica, secure.Stranger, "untrusted", claim.AccountsPrivilegesID, claim.AccountsPlainClientID, claim.TrafficClientID, claim.RowsParityID),
			reload("wrong host name in the server certificate", topology.Replica, secure.WrongName, "wrong-name", claim.AccountsPrivilegesID, claim.AccountsPlainClientID, claim.TrafficClientID, claim.RowsParityID),
		},
	}, lookCertificates, judgeCertificates)
}

// PresentCertificate gives a side's mysqld another certificate, at run time. A server
// loads none that its own ssl_ca does not vouch for (error 3888, 9.7.4), so a
// stranger's comes with its CA. The channel and the programs name a CA of their
// own, which stays.
func PresentCertificate(side topology.Side, i secure.Identity) claim.Act {
	return func(ctx context.Context, b claim.Bench) error {
		files, err := b.Operator.ServerFiles(side, i)
		if err != nil {
			return fmt.Errorf("make a certificate (%s) for the %s: %w", i, side, err)
		}
		for _, f := range files {
			if err := b.Operator.Put(ctx, side, claim.SQLNode(b.Subject, side), f); err != nil {
				return err
			}
		}
		ca := topology.CAPath
		if i == secure.Stranger {
			ca = topology.StrangeCAPath
		}
		load := claim.RunStatements(side, "SET GLOBAL ssl_ca='"+ca+"'", "ALTER INSTANCE RELOAD TLS")
		if i == secure.Genuine {
			return claim.ChainActs(load, claim.RunAsRoot(side, "rm", "-f", topology.StrangeCAPath))(ctx, b)
		}
		return load(ctx, b)
	}
}

func lookCertificates(ctx context.Context, s claim.Subject) (*Certificates, error) {
	o := &Certificates{At: time.Now().UTC(), Authority: claim.EncodePEM(s.Keys.Authority())}
	var err error
	o.Servers, err = claim.ForEachSide(func(side topology.Side) (Presented, error) { return handshake(ctx, s, side) })
	return o, err
}

// handshake asks one server for TLS. That a certificate is refused is what was
// to be found out, and no error.
func handshake(ctx context.Context, s claim.Subject, side topology.Side) (Presented, error) {
	p := Presented{Side: side, Host: s.Spec(side).LinkHost(), Leaf: claim.EncodePEM(s.Keys.Leaf(side))}
	conn, err := s.Server(side).Dial(ctx)
	if err != nil {
		return p, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that could be lost
	roots := x509.NewCertPool()
	roots.AddCert(s.Keys.Authority())
	h, err := wire.Probe(ctx, conn, &tls.Config{RootCAs: roots, ServerName: p.Host, MinVersion: tls.VersionTLS12})
	var refused *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused), errors.Is(err, greeting.ErrNoTLS):
		p.Refused = err.Error()
	case err != nil:
		return p, fmt.Errorf("shake hands with the %s: %w", side, err)
	}
	p.TLSVersion, p.CipherSuite = h.TLSVersion, h.CipherSuite
	for _, c := range h.Chain {
		p.Chain = append(p.Chain, claim.EncodePEM(c))
	}
	return p, nil
}

func certificateOf(text string) (*x509.Certificate, error) {
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		return nil, errors.New("not a certificate in PEM")
	}
	return x509.ParseCertificate(b.Bytes)
}

func judgeCertificates(o *Certificates, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.ChannelCertificatesID}
	for _, s := range o.Servers {
		if len(s.Chain) == 0 {
			f.Add("no-tls", s.Side, "it offers no TLS: "+s.Refused)
			continue
		}
		if s.Chain[0] != s.Leaf {
			f.Add("not-ours", s.Side, "it shows another certificate than the one made for it in this run")
		}
		if word, err := o.verify(s); err != nil {
			f.Add(word, s.Side, fmt.Sprintf("its certificate is not valid for %s under the run's CA: %v", s.Host, err))
		}
		// A handshake that was broken off at the certificate tells no version.
		if s.Refused == "" && !slices.Contains(claim.TLSVersions, s.TLSVersion) {
			f.Add("old-protocol", s.Side, fmt.Sprintf("it speaks %s; expected one of %q", s.TLSVersion, claim.TLSVersions))
		}
	}
	return f.All
}

// verify checks a chain as a client would have at that time, and gives the word
// of the violation.
func (o *Certificates) verify(s Presented) (string, error) {
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: o.At}
	if !options.Roots.AppendCertsFromPEM([]byte(o.Authority)) {
		return "untrusted", errors.New("the run's CA cannot be read")
	}
	for _, c := range s.Chain[1:] {
		options.Intermediates.AppendCertsFromPEM([]byte(c))
	}
	leaf, err := certificateOf(s.Chain[0])
	if err != nil {
		return "untrusted", err
	}
	if _, err := leaf.Verify(options); err != nil {
		return "untrusted", err
	}
	return "wrong-name", leaf.VerifyHostname(s.Host)
}
