package accounts

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Refusals is what the channel's account was answered over TLS: by the source,
// and, of statements that would do harm, by a spare server with its accounts.
type Refusals struct {
	User  string   `json:"user"`
	Lines []string `json:"lines"` // of SHOW GRANTS, as the account itself sees them
	Spare []string `json:"spare"` // the same at the spare server
	Tried []Answer `json:"tried"`
}

// Answer is one statement, and what came of it.
type Answer struct {
	secure.Probe
	Got     uint16 `json:"got"` // 0: it succeeded
	Message string `json:"message,omitempty"`
}

// Seen counts statements. Answers of a spare server count when the account may
// do there what it may do at the source.
func (o *Refusals) Seen() (int, string) {
	switch harm := func(a Answer) bool { return a.Destructive }; {
	case len(o.Tried) == 0:
		return 0, "no statement was tried"
	case !slices.ContainsFunc(o.Tried, harm):
		return 0, "no statement that would do harm was tried"
	case !slices.Equal(o.Spare, o.Lines):
		return 0, fmt.Sprintf("%s holds %q at the source and %q at the spare server, so what that refuses says nothing", o.User, o.Lines, o.Spare)
	}
	return len(o.Tried), ""
}

func refusals() claim.Claim {
	const user = "'" + secure.ReplicationUser + "'@'%'"
	return claim.Define(claim.Claim{
		ID: claim.AccountsRefusalsID, Step: 5, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartKeys | claim.PartHost,
		Title: "the channel's account is refused everything but replication, each statement with its own error",
		Codes: claim.MakeCodes(claim.AccountsRefusalsID, "allowed", "other-error", "more-grants"),
		Sabotage: []claim.Sabotage{
			{
				Name: "REPLICATION CLIENT for the channel's account", Effect: claim.Disturbs, Want: claim.AccountsRefusalsID + ".allowed", Also: []string{claim.AccountsGrantsID, claim.AccountsPrivilegesID},
				Do: claim.MakeChange(claim.RunStatements(topology.Source, "GRANT REPLICATION CLIENT ON *.* TO "+user),
					claim.RunStatements(topology.Source, "REVOKE REPLICATION CLIENT ON *.* FROM "+user)),
			},
			{
				Name: "rows of NDB's own tables for the channel's account", Effect: claim.Disturbs, Want: claim.AccountsRefusalsID + ".allowed", Also: []string{claim.AccountsGrantsID, claim.AccountsPrivilegesID},
				Do: claim.MakeChange(claim.RunStatements(topology.Source, "GRANT SELECT ON mysql.ndb_apply_status TO "+user),
					claim.RunStatements(topology.Source, "REVOKE SELECT ON mysql.ndb_apply_status FROM "+user)),
			},
			{
				Name: "SHUTDOWN for the channel's account", Effect: claim.Disturbs, Want: claim.AccountsRefusalsID + ".allowed", Also: []string{claim.AccountsGrantsID, claim.AccountsPrivilegesID},
				Do: claim.MakeChange(claim.RunStatements(topology.Source, "GRANT SHUTDOWN ON *.* TO "+user),
					claim.RunStatements(topology.Source, "REVOKE SHUTDOWN ON *.* FROM "+user)),
			},
		},
	}, lookRefusals, judgeRefusals)
}

func lookRefusals(ctx context.Context, s claim.Subject) (o *Refusals, err error) {
	db, err := s.Server(topology.Source).Login(ctx, replication.Login{
		User: secure.ReplicationUser, Password: s.Keys.Password(topology.Source, secure.ReplicationUser), TLS: replication.TLSVerify,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	t, err := onSpare(ctx, s, topology.Source)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.end(ctx)) }()
	o = &Refusals{User: secure.ReplicationUser}
	if o.Lines, err = ownGrants(ctx, db); err != nil {
		return nil, claim.WithSide(topology.Source, err)
	}
	if o.Spare, err = ownGrants(ctx, t.user); err != nil {
		return nil, fmt.Errorf("ask the spare server: %w", err)
	}
	probes := secure.Refused(s.Spec(topology.Source).Release.Words(), t.peer)
	slices.SortStableFunc(probes, func(a, b secure.Probe) int {
		return cmp.Compare(turn(a.Statement, a.Destructive), turn(b.Statement, b.Destructive))
	})
	for _, p := range probes {
		if t.gone {
			break
		}
		a, err := answerTo(ctx, p, db, t)
		if err != nil {
			return o, fmt.Errorf("try %q as %s: %w", p.Statement, o.User, err)
		}
		o.Tried = append(o.Tried, a)
	}
	return o, nil
}

// answerTo tries one statement at the source, or where it does no harm.
func answerTo(ctx context.Context, p secure.Probe, source *sql.DB, t *trial) (a Answer, err error) {
	a.Probe = p
	if p.Destructive {
		a.Got, a.Message, err = t.try(ctx, p.Statement, p.Errno)
		return a, err
	}
	if _, err := source.ExecContext(ctx, p.Statement); err != nil {
		var refused bool
		if a.Got, a.Message, refused = replication.ErrorNumber(err); !refused {
			return a, err
		}
	}
	return a, nil
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

func judgeRefusals(o *Refusals, p secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.AccountsRefusalsID}
	if want := promisedGrants(p, o.User); !slices.Equal(o.Lines, want) {
		f.Add("more-grants", topology.Source, fmt.Sprintf("%s holds %q; expected %q", o.User, o.Lines, want))
	}
	for _, a := range o.Tried {
		switch a.Got {
		case a.Errno:
		case 0:
			f.Add("allowed", topology.Source, fmt.Sprintf("%s may run %q; expected error %d", o.User, a.Statement, a.Errno))
		default:
			f.Add("other-error", topology.Source, fmt.Sprintf("%q fails with %d (%s); expected %d", a.Statement, a.Got, a.Message, a.Errno))
		}
	}
	return f.All
}
