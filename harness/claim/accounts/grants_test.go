package accounts

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodGrants() *Grants {
	server := func(side topology.Side) ServerGrants {
		return ServerGrants{Side: side, Lines: []string{"GRANT REPLICATION SLAVE ON *.* TO `user1`@`%`"}}
	}
	return &Grants{secure.ReplicationUser, []ServerGrants{server(topology.Source), server(topology.Replica)}}
}

func TestGrants(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.AccountsGrantsID), goodGrants, []claimtest.Broken[*Grants]{
		claimtest.Break("more", func(o *Grants) { o.Servers[1].Lines = append(o.Servers[1].Lines, "GRANT `r`@`%` TO `user1`@`%`") }, []string{"differ"}),
		claimtest.Break("less", func(o *Grants) { o.Servers[0].Lines[0] = "GRANT USAGE ON *.* TO `user1`@`%`" }, []string{"differ"}),
		claimtest.Break("row", func(o *Grants) { o.Servers[0].Rows = []string{"db: Db=test1, User="} }, []string{"rows"}),
		claimtest.Break("mandatory role", func(o *Grants) { o.Servers[1].MandatoryRoles = "`r`@`%`" }, []string{"mandatory-roles"}),
	})
	none := goodGrants()
	none.Servers[1].Lines = nil
	claimtest.RequireUnseen(t, map[string]claim.Observation{"no line on a side": none})
}

func TestGrantsLook(t *testing.T) {
	f := claimtest.NewHealthyPair(t)
	f.Servers[topology.Replica].Answer("FROM mysql.db ", "Host Db User Select_priv Insert_priv", []any{"%", "test1", "user1", "Y", "N"})
	o := claimtest.RunOn(t, f, claimOf(t, claim.AccountsGrantsID))
	require.Equal(t, claim.Violated, o.Status)
	require.Equal(t, "user1 has a row in mysql.db: Db=test1, Host=%, Select_priv=Y, User=user1; expected none", o.Violations[0].Text)
	require.Equal(t, "replica", o.Violations[0].Side)
}
