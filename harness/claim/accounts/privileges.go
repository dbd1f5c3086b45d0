package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Privileges is all privileges that the servers have, and what trying those that
// the channel's account has not came to.
type Privileges struct {
	User    string             `json:"user"`
	Servers []ServerPrivileges `json:"servers"`
}

// ServerPrivileges are those of one server.
type ServerPrivileges struct {
	Side  topology.Side    `json:"side"`
	Names []string         `json:"names"` // of SHOW PRIVILEGES, in capitals
	Held  []string         `json:"held"`  // by the account, as the server says
	Spare []string         `json:"spare"` // the same at the spare server, where statements that would do harm were tried
	Tried []TriedPrivilege `json:"tried"`
	// Answers are to statements that the account may run, and that must not show
	// it what is not its own.
	Answers []TriedAnswer `json:"answers"`
}

// TriedAnswer is such a statement, and what it shows of what must be absent: to
// the account, and to the harness's own.
type TriedAnswer struct {
	secure.Answer
	Got    uint16   `json:"got"` // 0: it was answered
	Rows   int      `json:"rows"`
	Shows  []string `json:"shows"`
	Others []string `json:"shows_admin"`
}

// TriedPrivilege is one probe, and what came of it.
type TriedPrivilege struct {
	secure.Privilege
	Got     uint16 `json:"got"` // 0: the statement was allowed
	Message string `json:"message,omitempty"`
	Rows    int    `json:"rows"`  // in the account's answer
	Others  int    `json:"admin"` // in the answer to the harness's own account, of a filtered one
}

// Seen counts privileges. A filter shows nothing where the
// harness's own account gets no rows either.
func (o *Privileges) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if len(s.Names) == 0 || len(s.Held) == 0 {
			return 0, fmt.Sprintf("the %s shows %d privileges, of which %s holds %d", s.Side, len(s.Names), o.User, len(s.Held))
		}
		if !slices.Equal(s.Spare, s.Held) {
			return 0, fmt.Sprintf("%s holds %q at the %s and %q at the spare server, so what that refuses says nothing", o.User, s.Held, s.Side, s.Spare)
		}
		if !slices.ContainsFunc(s.Tried, func(t TriedPrivilege) bool { return t.Destructive }) {
			return 0, fmt.Sprintf("no statement that would do harm was tried on the %s", s.Side)
		}
		for _, t := range s.Tried {
			if t.Kind == secure.IsHidden && t.Others == 0 {
				return 0, fmt.Sprintf("%q shows nothing to the harness's own account on the %s either", t.Statement, s.Side)
			}
		}
		for _, a := range s.Answers {
			if len(a.Absent) > 0 && len(a.Others) == 0 {
				return 0, fmt.Sprintf("%q shows the harness's own account on the %s nothing of %q either", a.Statement, s.Side, a.Absent)
			}
		}
		n += len(s.Names)
	}
	return n, "no server was asked"
}

func privileges() claim.Claim {
	const user = "'" + secure.ReplicationUser + "'@'%'"
	grant := func(name, privilege, word string) claim.Sabotage {
		return claim.Sabotage{
			Name: name, Effect: claim.Disturbs, Want: claim.AccountsPrivilegesID + "." + word, Also: []string{claim.AccountsGrantsID, claim.AccountsRefusalsID},
			Do: claim.MakeChange(claim.RunStatements(topology.Source, "GRANT "+privilege+" ON *.* TO "+user),
				claim.RunStatements(topology.Source, "REVOKE "+privilege+" ON *.* FROM "+user)),
		}
	}
	return claim.Define(claim.Claim{
		ID: claim.AccountsPrivilegesID, Step: 5, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartKeys | claim.PartHost,
		Title: "of all privileges that the servers have, the dynamic ones too, the channel's account has REPLICATION SLAVE alone, tried one by one",
		Codes: claim.MakeCodes(claim.AccountsPrivilegesID, "new", "held", "allowed", "other-error", "shown"),
		Sabotage: []claim.Sabotage{
			grant("XA transactions of others for the channel's account", "XA_RECOVER_ADMIN", "allowed"),
			grant("names of databases for the channel's account", "SHOW DATABASES", "shown"),
			grant("privilege without a statement for the channel's account", "SERVICE_CONNECTION_ADMIN", "held"),
			{
				Name: "accounts for the channel's account to make, on the replica", Effect: claim.Disturbs, Want: claim.AccountsPrivilegesID + ".allowed", Also: []string{claim.AccountsGrantsID},
				Do: claim.MakeChange(claim.RunStatements(topology.Replica, "GRANT CREATE USER ON *.* TO "+user),
					claim.RunStatements(topology.Replica, "REVOKE CREATE USER ON *.* FROM "+user)),
			},
		},
	}, lookPrivileges, judgePrivileges)
}

func lookPrivileges(ctx context.Context, s claim.Subject) (*Privileges, error) {
	o := &Privileges{User: secure.ReplicationUser}
	var err error
	o.Servers, err = claim.ForEachSide(func(side topology.Side) (ServerPrivileges, error) { return privilegesOf(ctx, s, side) })
	return o, err
}

// privilegesOf asks one server for its privileges, and tries them as the
// channel's account over TLS.
func privilegesOf(ctx context.Context, s claim.Subject, side topology.Side) (o ServerPrivileges, err error) {
	o.Side = side
	admin := s.Server(side).DB
	rows, err := replication.Rows(ctx, admin, "SHOW PRIVILEGES")
	if err != nil {
		return o, claim.WithSide(side, err)
	}
	for _, name := range replication.Column(rows, "Privilege") {
		o.Names = append(o.Names, strings.ToUpper(name))
	}
	if o.Held, err = heldOn(ctx, admin); err != nil {
		return o, claim.WithSide(side, err)
	}
	db, err := s.Server(side).Login(ctx, replication.Login{
		User: secure.ReplicationUser, Password: s.Keys.Password(side, secure.ReplicationUser), TLS: replication.TLSVerify,
	})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := o.try(ctx, s, db); err != nil {
		return o, claim.WithSide(side, err)
	}
	for _, a := range secure.Filtered() {
		t, err := tryAnswer(ctx, a, db, admin)
		if err != nil {
			return o, claim.WithSide(side, err)
		}
		o.Answers = append(o.Answers, t)
	}
	return o, nil
}

// heldOn is what a server says that the account holds.
func heldOn(ctx context.Context, admin replication.Querier) ([]string, error) {
	rows, err := replication.Rows(ctx, admin, "SELECT PRIVILEGE_TYPE AS name FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ? ORDER BY PRIVILEGE_TYPE",
		"'"+secure.ReplicationUser+"'@'%'")
	return replication.Column(rows, "name"), err
}

// try tries all privileges that something can be tried for: as user on the side,
// and on a spare server where it would do harm.
func (o *ServerPrivileges) try(ctx context.Context, s claim.Subject, user replication.Querier) (err error) {
	t, err := onSpare(ctx, s, o.Side)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.end(ctx)) }()
	if o.Spare, err = heldOn(ctx, t.admin); err != nil {
		return err
	}
	for _, p := range probed(o.Names, s.Spec(o.Side).Release.Words()) {
		if t.gone {
			break
		}
		one := TriedPrivilege{Privilege: p}
		if p.Destructive {
			one.Got, one.Message, err = t.try(ctx, p.Statement, p.Errno)
		} else {
			one, err = tryPrivilege(ctx, p, user, s.Server(o.Side).DB)
		}
		if err != nil {
			return err
		}
		o.Tried = append(o.Tried, one)
	}
	return nil
}

// probed are those of the privileges that a statement tells, in the order in
// which they are tried.
func probed(names []string, w release.Words) []secure.Privilege {
	known := secure.Privileges(w)
	var all []secure.Privilege
	for _, name := range names {
		if p, ok := secure.PrivilegeOf(known, name); ok && p.Statement != "" {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b secure.Privilege) int {
		return cmp.Compare(turn(a.Statement, a.Destructive), turn(b.Statement, b.Destructive))
	})
	return all
}

// tryAnswer runs a statement under both accounts. A refusal shows nothing.
func tryAnswer(ctx context.Context, a secure.Answer, user, admin replication.Querier) (TriedAnswer, error) {
	t := TriedAnswer{Answer: a}
	rows, err := replication.Rows(ctx, user, a.Statement)
	if err != nil {
		var answered bool
		if t.Got, _, answered = replication.ErrorNumber(err); !answered {
			return t, err
		}
	}
	for _, r := range rows {
		if describe(r) != "" {
			t.Rows++
		}
	}
	t.Shows = namesIn(rows, a.Absent)
	if rows, err = replication.Rows(ctx, admin, a.Statement); err != nil {
		return t, err
	}
	t.Others = namesIn(rows, a.Absent)
	return t, nil
}

// namesIn gives those names that some row contains.
func namesIn(rows []replication.Row, names []string) []string {
	found := []string{}
	for _, n := range names {
		if slices.ContainsFunc(rows, func(r replication.Row) bool { return strings.Contains(describe(r), n) }) {
			found = append(found, n)
		}
	}
	return found
}

// promisedPrivileges is what information_schema must say of an account: the global
// privileges that the profile grants it.
func promisedPrivileges(p secure.Profile, user string) []string {
	var names []string
	for _, line := range promisedGrants(p, user) {
		privileges, _, global := strings.Cut(strings.TrimPrefix(line, "GRANT "), " ON *.* TO ")
		if global {
			names = append(names, strings.Split(privileges, ", ")...)
		}
	}
	slices.Sort(names)
	return names
}

func tryPrivilege(ctx context.Context, p secure.Privilege, user, admin replication.Querier) (TriedPrivilege, error) {
	t := TriedPrivilege{Privilege: p}
	rows, err := replication.Rows(ctx, user, p.Statement)
	if err != nil {
		var answered bool
		if t.Got, t.Message, answered = replication.ErrorNumber(err); !answered {
			return t, err
		}
	}
	t.Rows = len(rows)
	if p.Kind == secure.IsHidden {
		if rows, err = replication.Rows(ctx, admin, p.Statement); err != nil {
			return t, err
		}
		t.Others = len(rows)
	}
	return t, nil
}

func judgePrivileges(o *Privileges, p secure.Profile, r release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.AccountsPrivilegesID}
	known, promised := secure.Privileges(r.Words()), promisedPrivileges(p, o.User)
	for _, s := range o.Servers {
		for _, name := range s.Names {
			if _, ok := secure.PrivilegeOf(known, name); !ok {
				f.Add("new", s.Side, fmt.Sprintf("privilege %s is new in this release: the harness does not know what it allows, nor how to show that %s lacks it", name, o.User))
			}
		}
		if !slices.Equal(s.Held, promised) {
			f.Add("held", s.Side, fmt.Sprintf("%s holds %q; expected %q", o.User, s.Held, promised))
		}
		for _, t := range s.Tried {
			judgePrivilege(&f, o.User, s.Side, t)
		}
		for _, a := range s.Answers {
			switch {
			case len(a.Shows) > 0:
				f.Add("shown", s.Side, fmt.Sprintf("%q shows %q to %s; expected none of it without %s", a.Statement, a.Shows, o.User, a.Filter))
			case a.Empty && a.Rows > 0:
				f.Add("shown", s.Side, fmt.Sprintf("%q shows %d rows to %s; expected none without %s", a.Statement, a.Rows, o.User, a.Filter))
			}
		}
	}
	return f.All
}

func judgePrivilege(f *claim.Violations, user string, side topology.Side, t TriedPrivilege) {
	switch {
	case t.Kind == secure.IsHidden && t.Got == 0:
		if t.Rows > 0 {
			f.Add("shown", side, fmt.Sprintf("%q shows %d rows to %s; expected none without %s", t.Statement, t.Rows, user, t.Name))
		}
	case t.Got == t.Errno:
	case t.Got == 0:
		f.Add("allowed", side, fmt.Sprintf("%s may run %q; expected error %d without %s", user, t.Statement, t.Errno, t.Name))
	default:
		f.Add("other-error", side, fmt.Sprintf("%q fails with %d (%s); expected %d", t.Statement, t.Got, t.Message, t.Errno))
	}
}
