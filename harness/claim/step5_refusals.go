package claim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const refusalsID = "seed.5.refusals"

// Refusals is what the source answered the channel's account, over TLS, on one
// connection.
type Refusals struct {
	User  string   `json:"user"`
	Lines []string `json:"lines"` // of SHOW GRANTS, as the account itself sees them
	// Held tells that Lines are what the profile promises. Else statements that
	// would do harm were not tried.
	Held  bool     `json:"held"`
	Tried []Answer `json:"tried"`
}

// Answer is one statement, and what came of it.
type Answer struct {
	secure.Probe
	Got     uint16 `json:"got"` // 0: it succeeded
	Message string `json:"message,omitempty"`
}

// Seen counts statements.
func (o *Refusals) Seen() (int, string) { return len(o.Tried), "no statement was tried" }

func refusals() Claim {
	const user = "'" + secure.ReplicationUser + "'@'%'"
	return observed(Claim{
		ID: refusalsID, Step: 5, Effect: Connects,
		Title: "the channel's account is refused everything but replication, each statement with its own error",
		Codes: codes(refusalsID, "allowed", "other-error", "more-grants"),
		Sabotage: []Sabotage{
			{
				Name: "REPLICATION CLIENT for the channel's account", Effect: Disturbs, Want: refusalsID + ".allowed", Also: []string{grantsID, privilegesID},
				Do:   statements(topology.Source, "GRANT REPLICATION CLIENT ON *.* TO "+user),
				Undo: statements(topology.Source, "REVOKE REPLICATION CLIENT ON *.* FROM "+user),
			},
			{
				Name: "rows of NDB's own tables for the channel's account", Effect: Disturbs, Want: refusalsID + ".allowed", Also: []string{grantsID, privilegesID},
				Do:   statements(topology.Source, "GRANT SELECT ON mysql.ndb_apply_status TO "+user),
				Undo: statements(topology.Source, "REVOKE SELECT ON mysql.ndb_apply_status FROM "+user),
			},
		},
	}, lookRefusals, judgeRefusals)
}

func lookRefusals(ctx context.Context, s Subject) (o *Refusals, err error) {
	spec := s.Spec(topology.Source)
	peer, id, err := connection(ctx, s)
	if err != nil {
		return nil, err
	}
	defer peer.Close() //nolint:errcheck // back to the pool
	db, err := s.Login(ctx, topology.Source, topology.Login{
		User: secure.ReplicationUser, Password: s.Password(topology.Source, secure.ReplicationUser), TLS: topology.TLSVerify,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, on(topology.Source, err)
	}
	defer conn.Close() //nolint:errcheck // closed with its pool
	rows, err := records(ctx, conn, "SHOW GRANTS")
	if err != nil {
		return nil, on(topology.Source, err)
	}
	o = &Refusals{User: secure.ReplicationUser}
	for _, r := range rows {
		o.Lines = append(o.Lines, slices.Collect(maps.Values(r))...)
	}
	o.Held = slices.Equal(o.Lines, promisedGrants(spec.Profile, o.User))
	for _, p := range secure.Refused(spec.Release.Words(), id) {
		if p.Destructive && !o.Held {
			continue
		}
		a := Answer{Probe: p}
		if _, err := conn.ExecContext(ctx, p.Statement); err != nil {
			var refused bool
			if a.Got, a.Message, refused = errno(err); !refused {
				return o, fmt.Errorf("try %q as %s: %w", p.Statement, o.User, err)
			}
		}
		o.Tried = append(o.Tried, a)
	}
	return o, nil
}

// connection takes a connection of the harness's account at the source, and
// gives its id: it is what the account must not be able to kill.
func connection(ctx context.Context, s Subject) (interface{ Close() error }, uint64, error) {
	conn, err := s.Admin(topology.Source).Conn(ctx)
	if err != nil {
		return nil, 0, on(topology.Source, err)
	}
	rows, err := records(ctx, conn, "SELECT CONNECTION_ID() AS id")
	var id uint64
	if err == nil {
		id, err = strconv.ParseUint(rows[0]["id"], 10, 64)
	}
	if err != nil {
		return nil, 0, errors.Join(on(topology.Source, err), conn.Close())
	}
	return conn, id, nil
}

// promisedGrants is what SHOW GRANTS must print for an account.
func promisedGrants(p secure.Profile, user string) []string {
	for _, a := range p.Accounts {
		if a.User == user {
			return a.Grants
		}
	}
	return nil
}

func judgeRefusals(o *Refusals, p secure.Profile, _ release.Release) []Violation {
	f := found{id: refusalsID}
	if want := promisedGrants(p, o.User); !slices.Equal(o.Lines, want) {
		f.add("more-grants", topology.Source, fmt.Sprintf("%s holds %q; expected %q; statements that would do harm were not tried", o.User, o.Lines, want))
	}
	for _, a := range o.Tried {
		switch a.Got {
		case a.Errno:
		case 0:
			f.add("allowed", topology.Source, fmt.Sprintf("%s may run %q; expected error %d", o.User, a.Statement, a.Errno))
		default:
			f.add("other-error", topology.Source, fmt.Sprintf("%q fails with %d (%s); expected %d", a.Statement, a.Got, a.Message, a.Errno))
		}
	}
	return f.all
}
