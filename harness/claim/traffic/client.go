package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/wire"
)

// Clients is what travelled between clients and the mysqlds of both sides
// while a new client connected to each.
type Clients struct {
	Clients []Known       `json:"clients"` // the new ones
	Window  Window        `json:"window"`
	Control Control       `json:"control"`
	Second  SecondOpinion `json:"second_opinion"`
}

// Seen counts flows with TLS in them. Those of the new clients must be among
// them, the control must have worked, and a second opinion that was asked for
// must not differ.
func (o *Clients) Seen() (int, string) {
	if why := o.Window.blind(wire.ClientMysqld); why != "" {
		return 0, why
	}
	for _, k := range o.Clients {
		if f, ok := o.Window.known(k, wire.ClientMysqld); !ok || !f.Begun {
			return 0, fmt.Sprintf("the connection that the %s knows at port %d was not seen from its opening", k.Side, k.Port)
		}
	}
	if why := o.Control.unseen(wire.ClientMysqld); why != "" {
		return 0, why
	}
	if o.Second.Asked && o.Second.Differs != "" {
		return 0, "openssl disagrees with our own handshake: " + o.Second.Differs
	}
	return o.Window.count(wire.ClientMysqld), "no client was seen"
}

// known finds a connection at the server that knows it.
func (w *Window) known(k Known, c wire.Class) (WindowFlow, bool) {
	i := slices.IndexFunc(w.Nodes, func(n WindowNode) bool { return n.Side == k.Side })
	if i < 0 {
		return WindowFlow{}, false
	}
	return w.Nodes[i].port(c, k.Port)
}

// count is the number of flows of a class with a payload.
func (w *Window) count(c wire.Class) (n int) {
	for _, node := range w.Nodes {
		for _, f := range node.of(c) {
			if f.Up.Bytes+f.Down.Bytes > 0 {
				n++
			}
		}
	}
	return n
}

func clientClaim() claim.Claim {
	return claim.DefineKeeping(claim.Claim{
		ID: claim.TrafficClientID, Step: 7, Effect: claim.Connects, Long: true, Uses: claim.PartNetwork | claim.PartSQL | claim.PartKeys | claim.PartWire,
		Title:    "between clients and both servers only TLS travels, 1.2 or later with a strong suite, as the servers say, and nothing of a row can be read",
		Promised: func(p secure.Profile) bool { return p.RequireSecureTransport },
		Codes:    claim.MakeCodes(claim.TrafficClientID, tlsWords...),
		Sabotage: []claim.Sabotage{
			{
				Name: "clients without TLS", Effect: claim.Disturbs, Want: claim.TrafficClientID + ".plain", Also: []string{claim.ChannelPlainID, claim.AccountsPlainClientID, claim.AccountsLoginsID},
				Do: claim.ChainChanges(claim.AllowPlainTransport(topology.Source), claim.Repeat("logins without TLS", plainLogin)),
			},
		},
	}, lookClients, judgeClients)
}

// plainLogin logs in to the source without TLS.
func plainLogin(ctx context.Context, b claim.Bench) error {
	db, err := b.Server(topology.Source).Login(ctx, replication.Login{
		User: secure.ReplicationUser, Password: b.Keys.Password(topology.Source, secure.ReplicationUser), TLS: replication.TLSOff, PublicKey: true,
	})
	if err != nil {
		return err
	}
	return db.Close()
}

func lookClients(ctx context.Context, s claim.Subject, dir *evidence.Dir) (*Clients, error) {
	o := &Clients{}
	marker := replication.NewMarker()
	markers := map[string]string{markerRow: marker}
	for _, side := range topology.Sides {
		markers["password of "+secure.AdminUser+" at the "+string(side)] = s.Keys.Password(side, secure.AdminUser).Reveal()
	}
	var err error
	o.Window, err = window(ctx, s, dir, claim.TrafficClientID, sqlNodes(s), markers, func(ctx context.Context) (err error) {
		o.Clients, err = claim.ForEachSide(func(side topology.Side) (Known, error) { return newClient(ctx, s, side, marker) })
		return err
	})
	if err != nil {
		return o, err
	}
	if o.Control, err = plainNames(ctx, s, dir); err != nil {
		return o, err
	}
	o.Second, err = askOpenSSL(ctx, s, dir)
	return o, err
}

// newClient logs in over TLS, sends a marker there and back, and asks the server
// what it knows of this connection.
func newClient(ctx context.Context, s claim.Subject, side topology.Side, marker string) (k Known, err error) {
	k.Side = side
	db, err := s.Server(side).Login(ctx, replication.Login{User: secure.AdminUser, Password: s.Keys.Password(side, secure.AdminUser), TLS: replication.TLSVerify})
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := replication.Rows(ctx, db, "SELECT CONNECTION_ID() AS id, '"+marker+"' AS marker")
	if err != nil {
		return k, claim.WithSide(side, err)
	}
	id := rows[0]["id"]
	if rows, err = replication.Rows(ctx, db, "SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher')"); err != nil {
		return k, claim.WithSide(side, err)
	}
	for _, r := range rows {
		k.setVariable(r["Variable_name"], r["Value"])
	}
	all, err := sessions(ctx, db)
	if err != nil {
		return k, claim.WithSide(side, err)
	}
	i := slices.IndexFunc(all, func(x session) bool { return x.id == id })
	if i < 0 {
		return k, fmt.Errorf("ask the %s for the port of connection %s: it shows none", side, id)
	}
	k.Port = all[i].port
	return k, nil
}

// plainNames tries a login without TLS to each server, in a window of its own:
// the user's name is a marker, and travels before the server can refuse.
func plainNames(ctx context.Context, s claim.Subject, dir *evidence.Dir) (c Control, err error) {
	marker := replication.NewMarker()
	c.Window, err = window(ctx, s, dir, claim.TrafficClientID+"/control", sqlNodes(s), map[string]string{markerControl: marker}, func(ctx context.Context) error {
		for _, side := range topology.Sides {
			db, err := s.Server(side).Login(ctx, replication.Login{User: marker, Password: secret.New(), TLS: replication.TLSOff, PublicKey: true})
			if err == nil {
				return errors.Join(fmt.Errorf("log in to the %s under a name that no account has: it succeeds", side), db.Close())
			}
			if _, c.Answer, _ = replication.ErrorNumber(err); c.Answer == "" {
				c.Answer = brief.Line(err.Error())
			}
		}
		return nil
	})
	return c, err
}

func judgeClients(o *Clients, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.TrafficClientID}
	for _, n := range o.Window.Nodes {
		for _, w := range n.of(wire.ClientMysqld) {
			judgeTLS(&f, n, w)
		}
		for _, k := range o.Clients {
			if w, ok := n.port(wire.ClientMysqld, k.Port); ok && k.Side == n.Side {
				judgeKnown(&f, n, k, w)
			}
		}
	}
	return f.All
}
