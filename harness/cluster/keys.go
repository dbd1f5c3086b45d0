package cluster

import (
	"fmt"
	"time"

	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Keys are the certificates of a run: one authority, a server's certificate for
// each side, and a client's for the replica, as the procedure has it.
type Keys struct {
	Authority *secure.Authority
	Server    map[topology.Side]secure.Certificate
	Client    secure.Certificate
}

// NewKeys makes them, in memory. The names in a server's certificate are those
// by which it is reached: on the link, on its cluster's network, and at its door.
func NewKeys(secrets *secret.Set, specs ...topology.Spec) (*Keys, error) {
	now := time.Now()
	ca, err := secure.NewAuthority("ndbproof run authority", now)
	if err != nil {
		return nil, fmt.Errorf("make the run's certificates: %w", err)
	}
	k := &Keys{Authority: ca, Server: map[topology.Side]secure.Certificate{}}
	for _, s := range specs {
		c, err := ca.Issue(s.ServerSubject())
		if err != nil {
			return nil, fmt.Errorf("make the certificate of the %s's server: %w", s.Name, err)
		}
		k.Server[topology.Side(s.Name)] = c
		if err := secrets.AddPEM("key of the "+s.Name+"'s server", c.KeyPEM); err != nil {
			return nil, err
		}
	}
	if k.Client, err = ca.Issue(secure.Subject{CN: "replica client", Use: secure.Client}); err != nil {
		return nil, fmt.Errorf("make the replica's client certificate: %w", err)
	}
	return k, secrets.AddPEM("key of the replica's client", k.Client.KeyPEM)
}

// ServerFiles gives the files that make a server show another certificate: the
// run's own, or what a sabotage puts in its place, a stranger's with its CA.
func (p *Pair) ServerFiles(side topology.Side, i secure.Identity) ([]topology.File, error) {
	spec, keys := p.on(side).Spec, p.options.Keys
	subject := secure.Subject{CN: spec.LinkHost(), Names: keys.Server[side].Leaf.DNSNames, IPs: keys.Server[side].Leaf.IPAddresses, Use: secure.Server}
	issuer := keys.Authority
	switch i {
	case secure.Genuine:
		return spec.ServerFiles(keys.Server[side]), nil
	case secure.Reissued:
	case secure.Stranger:
		var err error
		if issuer, err = secure.NewAuthority("a stranger", time.Now()); err != nil {
			return nil, fmt.Errorf("make a stranger's certificate: %w", err)
		}
	case secure.WrongName:
		subject.CN, subject.Names, subject.IPs = "elsewhere.example", []string{"elsewhere.example"}, nil
	default:
		return nil, fmt.Errorf("make a certificate: unknown identity %q", i)
	}
	c, err := issuer.Issue(subject)
	if err != nil {
		return nil, fmt.Errorf("make a certificate (%s): %w", i, err)
	}
	if i == secure.Stranger {
		return spec.StrangeFiles(issuer, c), nil
	}
	return spec.ServerFiles(c), nil
}
