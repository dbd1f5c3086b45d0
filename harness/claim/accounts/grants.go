package accounts

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Grants is what the channel's account may do, on both servers.
type Grants struct {
	User    string         `json:"user"`
	Servers []ServerGrants `json:"servers"`
}

// ServerGrants is what one server holds about the account.
type ServerGrants struct {
	Side  topology.Side `json:"side"`
	Lines []string      `json:"lines"` // of SHOW GRANTS
	// Rows are rows of grant tables that name the account, "table: column=value, ...".
	Rows           []string `json:"rows"`
	MandatoryRoles string   `json:"mandatory_roles"`
	ActivateAll    bool     `json:"activate_all_roles_on_login"`
}

// Seen counts lines of SHOW GRANTS.
func (o *Grants) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if len(s.Lines) == 0 {
			return 0, fmt.Sprintf("the %s shows no grants of %s", s.Side, o.User)
		}
		n += len(s.Lines)
	}
	return n, "no server was asked"
}

// grantTables are the tables in which an account can have a privilege besides
// mysql.user, with the condition that finds it. A row of mysql.db without a
// user holds for every account. A role can be granted to the account, and the
// account to another, as a role.
var grantTables = []struct{ name, where string }{
	{"db", "User IN (?, '')"},
	{"tables_priv", "User = ?"},
	{"columns_priv", "User = ?"},
	{"procs_priv", "User = ?"},
	{"role_edges", "? IN (TO_USER, FROM_USER)"},
	{"default_roles", "USER = ?"},
	{"proxies_priv", "? IN (User, Proxied_user) OR User = ''"},
	{"global_grants", "USER = ?"},
}

func grants() claim.Claim {
	const user = "'" + secure.ReplicationUser + "'@'%'"
	grant := func(name, word, do, undo string, also ...string) claim.Sabotage {
		return claim.Sabotage{
			Name: name, Effect: claim.Disturbs, Want: claim.AccountsGrantsID + "." + word, Also: append(also, claim.AccountsRefusalsID, claim.AccountsPrivilegesID),
			Do: claim.MakeChange(claim.RunStatements(topology.Source, do), claim.RunStatements(topology.Source, undo)),
		}
	}
	role := "'ndbproof_role'"
	return claim.Define(claim.Claim{
		ID: claim.AccountsGrantsID, Step: 5, Effect: claim.Reads, Uses: claim.PartSQL,
		Title: "the channel's account holds REPLICATION SLAVE and nothing else, by no way at all",
		Codes: claim.MakeCodes(claim.AccountsGrantsID, "differ", "rows", "mandatory-roles"),
		Sabotage: []claim.Sabotage{
			grant("extra grant, global", "differ", "GRANT EVENT ON *.* TO "+user, "REVOKE EVENT ON *.* FROM "+user),
			grant("extra grant, dynamic", "rows", "GRANT BACKUP_ADMIN ON *.* TO "+user, "REVOKE BACKUP_ADMIN ON *.* FROM "+user),
			grant("extra grant, schema", "rows", "GRANT SELECT ON ndbproof.* TO "+user, "REVOKE SELECT ON ndbproof.* FROM "+user),
			grant("extra grant, table", "rows", "GRANT INSERT ON ndbproof.fence TO "+user, "REVOKE INSERT ON ndbproof.fence FROM "+user),
			grant("extra grant, column", "rows", "GRANT SELECT (n) ON ndbproof.fence TO "+user, "REVOKE SELECT (n) ON ndbproof.fence FROM "+user),
			grant("extra grant, role", "rows", "CREATE ROLE "+role+"; GRANT "+role+" TO "+user, "DROP ROLE "+role, claim.AccountsListID),
			grant("extra grant, default role", "rows", "CREATE ROLE "+role+"; GRANT SELECT ON *.* TO "+role+"; GRANT "+role+" TO "+user+"; SET DEFAULT ROLE "+role+" TO "+user,
				"DROP ROLE "+role, claim.AccountsListID),
			grant("extra grant, proxy", "rows", "GRANT PROXY ON '"+secure.AdminUser+"'@'%' TO "+user, "REVOKE PROXY ON '"+secure.AdminUser+"'@'%' FROM "+user),
			grant("mandatory role", "mandatory-roles", "CREATE ROLE "+role+"; SET GLOBAL mandatory_roles="+`"`+role+`"`, "SET GLOBAL mandatory_roles=''; DROP ROLE "+role, claim.AccountsListID),
			{
				Name: "extra grant, on the replica only", Effect: claim.Disturbs, Want: claim.AccountsGrantsID + ".differ", Also: []string{claim.AccountsPrivilegesID},
				Do: claim.MakeChange(claim.RunStatements(topology.Replica, "GRANT SELECT ON *.* TO "+user),
					claim.RunStatements(topology.Replica, "REVOKE SELECT ON *.* FROM "+user)),
			},
		},
	}, lookGrants, judgeGrants)
}

func lookGrants(ctx context.Context, s claim.Subject) (*Grants, error) {
	o := &Grants{User: secure.ReplicationUser}
	var err error
	o.Servers, err = claim.ForEachSide(func(side topology.Side) (ServerGrants, error) {
		g, err := grantsOf(ctx, s.Server(side).DB, o.User)
		g.Side = side
		return g, claim.WithSide(side, err)
	})
	return o, err
}

func grantsOf(ctx context.Context, db replication.Querier, user string) (ServerGrants, error) {
	var g ServerGrants
	rows, err := replication.Rows(ctx, db, "SHOW GRANTS FOR '"+user+"'@'%'")
	if err != nil {
		return g, err
	}
	for _, r := range rows {
		g.Lines = append(g.Lines, slices.Collect(maps.Values(r))...)
	}
	for _, t := range grantTables {
		if rows, err = replication.Rows(ctx, db, "SELECT * FROM mysql."+t.name+" WHERE "+t.where, user); err != nil {
			return g, err
		}
		for _, r := range rows {
			g.Rows = append(g.Rows, t.name+": "+describe(r))
		}
	}
	rows, err = replication.Rows(ctx, db, "SELECT @@mandatory_roles AS roles, @@activate_all_roles_on_login AS activate")
	if err != nil {
		return g, err
	}
	g.MandatoryRoles, g.ActivateAll = rows[0]["roles"], rows[0]["activate"] == "1"
	return g, nil
}

func judgeGrants(o *Grants, p secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.AccountsGrantsID}
	want := promisedGrants(p, o.User)
	for _, s := range o.Servers {
		if !slices.Equal(s.Lines, want) {
			f.Add("differ", s.Side, fmt.Sprintf("SHOW GRANTS of %s is %q; expected exactly %q", o.User, s.Lines, want))
		}
		for _, r := range s.Rows {
			f.Add("rows", s.Side, fmt.Sprintf("%s has a row in mysql.%s; expected none", o.User, r))
		}
		if s.MandatoryRoles != "" {
			f.Add("mandatory-roles", s.Side, fmt.Sprintf("every account has the mandatory roles %s (activated at login: %t); expected none", s.MandatoryRoles, s.ActivateAll))
		}
	}
	return f.All
}
