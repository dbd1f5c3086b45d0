package accounts

import (
	"slices"
	"testing"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodAccounts() *Accounts {
	server := func(side topology.Side) ServerAccounts {
		s := ServerAccounts{Side: side}
		for _, a := range secure.Published2021().Accounts {
			tls := ""
			if a.TLS {
				tls = "ANY"
			}
			s.Accounts = append(s.Accounts, Account{User: a.User, Host: a.Host, Plugin: "caching_sha2_password", TLS: tls, Locked: a.Locked})
		}
		return s
	}
	return &Accounts{[]ServerAccounts{server(topology.Source), server(topology.Replica)}}
}

func TestAccounts(t *testing.T) {
	account := func(o *Accounts, user string) *Account {
		i := slices.IndexFunc(o.Servers[1].Accounts, func(a Account) bool { return a.User == user })
		return &o.Servers[1].Accounts[i]
	}
	claimtest.RequireJudges(t, claimOf(t, claim.AccountsListID), goodAccounts, []claimtest.Broken[*Accounts]{
		claimtest.Break("extra", func(o *Accounts) {
			o.Servers[0].Accounts = append(o.Servers[0].Accounts, Account{User: "m", Host: "%"})
		}, []string{"unexpected"}),
		claimtest.Break("anonymous", func(o *Accounts) { o.Servers[0].Accounts = append(o.Servers[0].Accounts, Account{Host: "%"}) }, []string{"anonymous", "unexpected"}),
		claimtest.Break("missing", func(o *Accounts) { o.Servers[0].Accounts = o.Servers[0].Accounts[1:] }, []string{"missing"}),
		claimtest.Break("another host", func(o *Accounts) { account(o, secure.ReplicationUser).Host = "10.%" }, []string{"missing", "unexpected"}),
		claimtest.Break("root from anywhere", func(o *Accounts) { account(o, secure.Root).Host = "%" }, []string{"missing", "root-remote", "unexpected"}),
		claimtest.Break("empty password", func(o *Accounts) { account(o, secure.ReplicationUser).Empty = true }, []string{"empty-password"}),
		claimtest.Break("unlocked", func(o *Accounts) { account(o, "mysql.sys").Locked = false }, []string{"unlocked"}),
		claimtest.Break("plain", func(o *Accounts) { account(o, secure.AdminUser).TLS = "" }, []string{"plain-allowed"}),
	})
	none := goodAccounts()
	none.Servers[0].Accounts = nil
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no account on a side": none})
}
