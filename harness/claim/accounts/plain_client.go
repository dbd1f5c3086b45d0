package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// PlainClients are logins over TCP that the servers must refuse, and those over
// TLS that show that it is for the lack of TLS.
type PlainClients struct {
	Logins []Tried `json:"logins"`
}

// Tried is one login.
type Tried struct {
	Side     topology.Side       `json:"side"`
	User     string              `json:"user"`
	TLS      replication.TLSMode `json:"tls"`
	Want     uint16              `json:"want"` // error; 0: a control, which must succeed
	Got      uint16              `json:"got"`  // 0: it succeeded
	Message  string              `json:"message,omitempty"`
	Controls bool                `json:"controls,omitempty"`
}

// Seen counts refusals. When a login that must succeed does not, a refusal says
// nothing.
func (o *PlainClients) Seen() (int, string) {
	n := 0
	for _, l := range o.Logins {
		switch {
		case l.Controls && l.Got != 0:
			return 0, fmt.Sprintf("the control failed: %s cannot log in to the %s over TLS: %d %s", l.User, l.Side, l.Got, l.Message)
		case !l.Controls:
			n++
		}
	}
	return n, "no login was tried"
}

// attempts are the logins tried on each side, for every account that is not locked: first
// the controls, over TLS. The account of the channel does not itself require TLS, so the
// server's own insistence is what it meets. An account that requires TLS, or is at
// localhost and so not known over TCP, is refused as it is.
func attempts(p secure.Profile) []Tried {
	var controls, plain, local []Tried
	for _, a := range p.Accounts {
		atSocket := a.Host == "localhost"
		switch {
		case a.Locked:
			continue
		case atSocket:
			local = append(local, Tried{User: a.User, TLS: replication.TLSVerify, Want: replication.AccessDenied})
		default:
			controls = append(controls, Tried{User: a.User, TLS: replication.TLSVerify, Controls: true})
		}
		switch {
		case atSocket, a.TLS:
			plain = append(plain, Tried{User: a.User, TLS: replication.TLSOff, Want: replication.AccessDenied})
		case p.RequireSecureTransport:
			plain = append(plain, Tried{User: a.User, TLS: replication.TLSOff, Want: replication.SecureTransportRequired})
		}
	}
	return slices.Concat(controls, plain, local)
}

func plainClient() claim.Claim {
	const admin = "'" + secure.AdminUser + "'@'%'"
	return claim.Define(claim.Claim{
		ID: claim.AccountsPlainClientID, Step: 7, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartKeys,
		Title:    "no client logs in without TLS over TCP, on either server, and root not over TCP at all",
		Promised: func(p secure.Profile) bool { return p.RequireSecureTransport },
		Codes:    claim.MakeCodes(claim.AccountsPlainClientID, "accepted", "other-error"),
		Sabotage: []claim.Sabotage{
			{
				Name: "require_secure_transport off, for clients", Effect: claim.Disturbs, Want: claim.AccountsPlainClientID + ".accepted", Also: []string{claim.ChannelPlainID},
				Do: claim.AllowPlainTransport(topology.Source),
			},
			{
				Name: "require_secure_transport off, on the replica", Effect: claim.Disturbs, Want: claim.AccountsPlainClientID + ".accepted",
				Do: claim.AllowPlainTransport(topology.Replica),
			},
			{
				Name: "harness's account no longer requires TLS", Effect: claim.Disturbs, Want: claim.AccountsPlainClientID + ".other-error", Also: []string{claim.AccountsListID},
				Do: claim.MakeChange(claim.RunStatements(topology.Replica, "ALTER USER "+admin+" REQUIRE NONE"),
					claim.RunStatements(topology.Replica, "ALTER USER "+admin+" REQUIRE SSL")),
			},
		},
	}, lookPlainClients, judgePlainClients)
}

func lookPlainClients(ctx context.Context, s claim.Subject) (*PlainClients, error) {
	o := &PlainClients{}
	for _, side := range topology.Sides {
		for _, l := range attempts(s.Promised) {
			l.Side = side
			if err := l.try(ctx, s); err != nil {
				return o, err
			}
			o.Logins = append(o.Logins, l)
		}
	}
	return o, nil
}

// try logs in. Only an answer of the server counts.
func (l *Tried) try(ctx context.Context, s claim.Subject) error {
	db, err := s.Server(l.Side).Login(ctx, replication.Login{
		User: l.User, Password: s.Keys.Password(l.Side, l.User), TLS: l.TLS, PublicKey: l.TLS == replication.TLSOff,
	})
	if err == nil {
		if err := db.Close(); err != nil {
			return fmt.Errorf("log out of the %s as %s: %w", l.Side, l.User, err)
		}
		return nil
	}
	var answered bool
	if l.Got, l.Message, answered = replication.ErrorNumber(err); !answered {
		return errors.Join(fmt.Errorf("log in to the %s as %s (tls %s): no answer of the server", l.Side, l.User, l.TLS), err)
	}
	return nil
}

func judgePlainClients(o *PlainClients, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.AccountsPlainClientID}
	for _, l := range o.Logins {
		how := fmt.Sprintf("%s over TCP (tls %s)", l.User, l.TLS)
		switch {
		case l.Controls || l.Got == l.Want:
		case l.Got == 0:
			f.Add("accepted", l.Side, how+" logs in; expected error "+fmt.Sprint(l.Want))
		default:
			f.Add("other-error", l.Side, fmt.Sprintf("%s is refused with %d (%s); expected %d", how, l.Got, l.Message, l.Want))
		}
	}
	return f.All
}
