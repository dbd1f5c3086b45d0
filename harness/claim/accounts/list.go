package accounts

import (
	"context"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Accounts are all accounts of both servers.
type Accounts struct {
	Servers []ServerAccounts `json:"servers"`
}

// ServerAccounts are the accounts of one server.
type ServerAccounts struct {
	Side     topology.Side `json:"side"`
	Accounts []Account     `json:"accounts"`
}

// Account is a row of mysql.user, without the hash of its password.
type Account struct {
	User   string `json:"user"`
	Host   string `json:"host"`
	Plugin string `json:"plugin"`
	Empty  bool   `json:"empty_password"`
	TLS    string `json:"ssl_type"` // "", "ANY", "X509", "SPECIFIED"
	Locked bool   `json:"locked"`
}

func (a Account) String() string { return fmt.Sprintf("'%s'@'%s'", a.User, a.Host) }

// Seen counts accounts.
func (o *Accounts) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if len(s.Accounts) == 0 {
			return 0, fmt.Sprintf("the %s shows no account at all", s.Side)
		}
		n += len(s.Accounts)
	}
	return n, "no server was asked"
}

func accounts() claim.Claim {
	account := func(name string, side topology.Side, word, do, undo string, also ...string) claim.Sabotage {
		return claim.Sabotage{
			Name: name, Effect: claim.Disturbs, Want: claim.AccountsListID + "." + word, Also: also,
			Do: claim.MakeChange(claim.RunStatements(side, do), claim.RunStatements(side, undo)),
		}
	}
	const admin = "'" + secure.AdminUser + "'@'%'"
	return claim.Define(claim.Claim{
		ID: claim.AccountsListID, Step: 5, Effect: claim.Reads, Uses: claim.PartSQL,
		Title: "the accounts of both servers are exactly those that the profile lists, each with a password, root on the socket only",
		Codes: claim.MakeCodes(claim.AccountsListID, "unexpected", "missing", "empty-password", "anonymous", "root-remote", "unlocked", "plain-allowed"),
		Sabotage: []claim.Sabotage{
			account("extra account", topology.Source, "unexpected", "CREATE USER mallory@'%' IDENTIFIED BY RANDOM PASSWORD", "DROP USER mallory@'%'"),
			account("extra account, on the replica", topology.Replica, "unexpected", "CREATE USER mallory@'%' IDENTIFIED BY RANDOM PASSWORD", "DROP USER mallory@'%'"),
			account("account without a password", topology.Source, "empty-password", "CREATE USER mallory@'10.255.255.1'", "DROP USER mallory@'10.255.255.1'"),
			account("anonymous account", topology.Source, "anonymous", "CREATE USER ''@'10.255.255.1' IDENTIFIED BY RANDOM PASSWORD", "DROP USER ''@'10.255.255.1'"),
			account("root from anywhere", topology.Replica, "root-remote", "CREATE USER root@'%' IDENTIFIED BY RANDOM PASSWORD", "DROP USER root@'%'", claim.AccountsPlainClientID),
			account("server's own account unlocked", topology.Source, "unlocked", "ALTER USER 'mysql.sys'@localhost ACCOUNT UNLOCK", "ALTER USER 'mysql.sys'@localhost ACCOUNT LOCK"),
			account("admin may log in without TLS", topology.Source, "plain-allowed", "ALTER USER "+admin+" REQUIRE NONE", "ALTER USER "+admin+" REQUIRE SSL", claim.AccountsPlainClientID),
		},
	}, lookAccounts, judgeAccounts)
}

func lookAccounts(ctx context.Context, s claim.Subject) (*Accounts, error) {
	servers, err := claim.ForEachSide(func(side topology.Side) (ServerAccounts, error) {
		a := ServerAccounts{Side: side}
		rows, err := replication.Rows(ctx, s.Server(side).DB, `SELECT User, Host, plugin, authentication_string = '' OR authentication_string IS NULL AS no_password,
			ssl_type, account_locked FROM mysql.user ORDER BY User, Host`)
		for _, r := range rows {
			a.Accounts = append(a.Accounts, Account{r["User"], r["Host"], r["plugin"], r["no_password"] == "1", r["ssl_type"], r["account_locked"] == "Y"})
		}
		return a, claim.WithSide(side, err)
	})
	return &Accounts{servers}, err
}

func judgeAccounts(o *Accounts, p secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.AccountsListID}
	for _, s := range o.Servers {
		for _, a := range s.Accounts {
			i := slices.IndexFunc(p.Accounts, func(w secure.Account) bool { return w.User == a.User && w.Host == a.Host })
			if i < 0 {
				f.Add("unexpected", s.Side, fmt.Sprintf("%s exists; the profile lists no such account", a))
			} else {
				judgeAccount(&f, s.Side, a, p.Accounts[i])
			}
			if a.Empty {
				f.Add("empty-password", s.Side, fmt.Sprintf("%s has an empty password (plugin %s)", a, a.Plugin))
			}
			if a.User == "" {
				f.Add("anonymous", s.Side, fmt.Sprintf("%s is anonymous; expected no such account", a))
			}
			if a.User == secure.Root && a.Host != "localhost" {
				f.Add("root-remote", s.Side, fmt.Sprintf("%s exists; expected root at localhost only", a))
			}
		}
		for _, w := range p.Accounts {
			if !slices.ContainsFunc(s.Accounts, func(a Account) bool { return w.User == a.User && w.Host == a.Host }) {
				f.Add("missing", s.Side, fmt.Sprintf("%s does not exist; the profile lists it: %s", w.Name(), w.Purpose))
			}
		}
	}
	return f.All
}

// judgeAccount compares one account with what the profile says of it. Stricter
// than promised is fine.
func judgeAccount(f *claim.Violations, side topology.Side, a Account, want secure.Account) {
	if want.Locked && !a.Locked {
		f.Add("unlocked", side, fmt.Sprintf("%s is not locked; expected ACCOUNT LOCK", a))
	}
	if want.TLS && a.TLS == "" {
		f.Add("plain-allowed", side, fmt.Sprintf("%s may log in without TLS; expected REQUIRE SSL", a))
	}
}
