package accounts

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodPrivileges() *Privileges {
	server := func(side topology.Side) ServerPrivileges {
		s := ServerPrivileges{Side: side, Names: []string{"USAGE", "REPLICATION SLAVE", "SELECT", "TRIGGER", "SYSTEM_USER", "SHUTDOWN"}, Held: []string{"REPLICATION SLAVE"}, Spare: []string{"REPLICATION SLAVE"}}
		for _, name := range s.Names {
			p, _ := secure.PrivilegeOf(secure.Privileges(claimtest.Newest.Words()), name)
			if p.Statement != "" {
				s.Tried = append(s.Tried, TriedPrivilege{Privilege: p, Got: p.Errno, Others: 2})
			}
		}
		for _, a := range secure.Filtered() {
			s.Answers = append(s.Answers, TriedAnswer{Answer: a, Others: a.Absent})
		}
		return s
	}
	return &Privileges{secure.ReplicationUser, []ServerPrivileges{server(topology.Source), server(topology.Replica)}}
}

func TestPrivileges(t *testing.T) {
	refused := func(o *Privileges) *TriedPrivilege { return &o.Servers[0].Tried[0] }
	filtered := func(o *Privileges) *TriedPrivilege { return &o.Servers[1].Tried[1] }
	claimtest.RequireJudges(t, claimOf(t, claim.AccountsPrivilegesID), goodPrivileges, []claimtest.Broken[*Privileges]{
		claimtest.Break("new", func(o *Privileges) { o.Servers[1].Names = append(o.Servers[1].Names, "EVERYTHING_ADMIN") }, []string{"new"}),
		claimtest.Break("held", func(o *Privileges) {
			o.Servers[0].Held = []string{"REPLICATION SLAVE", "SYSTEM_USER"}
			o.Servers[0].Spare = o.Servers[0].Held
		}, []string{"held"}),
		claimtest.Break("allowed at the spare server", func(o *Privileges) { o.Servers[1].Tried[2].Got = 0 }, []string{"allowed"}),
		claimtest.Break("allowed", func(o *Privileges) { refused(o).Got = 0 }, []string{"allowed"}),
		claimtest.Break("another error", func(o *Privileges) { refused(o).Got = 1146 }, []string{"other-error"}),
		claimtest.Break("filter refused", func(o *Privileges) { filtered(o).Got = 1044 }, []string{"other-error"}),
		claimtest.Break("shown", func(o *Privileges) { filtered(o).Rows = 1 }, []string{"shown"}),
		claimtest.Break("a name shown", func(o *Privileges) { o.Servers[0].Answers[0].Shows = []string{"mysql"} }, []string{"shown"}),
		claimtest.Break("a row shown", func(o *Privileges) { o.Servers[0].Answers[2].Rows = 1 }, []string{"shown"}),
	})
	nothing, held := goodPrivileges(), goodPrivileges()
	filtered(nothing).Others, held.Servers[0].Held = 0, nil
	blank := goodPrivileges()
	blank.Servers[1].Answers[0].Others = nil
	other, harmless := goodPrivileges(), goodPrivileges()
	other.Servers[0].Spare, harmless.Servers[1].Tried = nil, harmless.Servers[1].Tried[:2]
	claimtest.RequireUnseen(t, map[string]claim.Observation{"another account at the spare server": other, "nothing that would do harm": harmless})
	claimtest.RequireUnseen(t, map[string]claim.Observation{"an answer without anything to hide": blank, "a filter that hides nothing": nothing, "an account that is not there": held})
}

// privileged is a pair whose servers, spare ones too, tell of privileges and refuse
// what they must, but for what the one fake server of a side shows to all accounts.
func privileged(t *testing.T) *claimtest.Pair {
	t.Helper()
	f := claimtest.NewPair(t, claimtest.Newest)
	f.OnLogin = func(topology.Side, replication.Login) error { return nil }
	for _, side := range topology.Sides {
		s, spare := f.Servers[side], f.Spares[side]
		for _, p := range secure.Privileges(claimtest.Newest.Words()) {
			switch {
			case p.Destructive:
				spare.Fail(p.Statement, &mysql.MySQLError{Number: p.Errno})
			case p.Kind == secure.IsRefused:
				s.Fail(p.Statement, &mysql.MySQLError{Number: p.Errno})
			}
		}
		for _, a := range secure.Filtered() {
			if len(a.Absent) > 0 {
				s.Answer(a.Statement, "all", []any{strings.Join(a.Absent, " ")}) // to both accounts: there is one fake server
			}
		}
		s.Answer("PRIVILEGE_TYPE AS name", "name", []any{"REPLICATION SLAVE"})
		spare.Answer("PRIVILEGE_TYPE AS name", "name", []any{"REPLICATION SLAVE"})
		spare.Answer("CONNECTION_ID()", "id", []any{"42"})
		s.Answer("SHOW PRIVILEGES", "Privilege Context", []any{"Shutdown", "Server Admin"}, []any{"Select", "Tables"}, []any{"Usage", "Server Admin"}, []any{"ROLE_ADMIN", "Server Admin"})
	}
	return f
}

func TestPrivilegesLook(t *testing.T) {
	f := privileged(t)
	c := claimOf(t, claim.AccountsPrivilegesID)
	look := func() claim.Outcome {
		return claim.Run(t.Context(), c, f.Subject(), evidence.At(t.TempDir()), secure.Published2021())
	}
	o := look()
	require.Equal(t, 8, o.Seen, o.Reason)
	require.Len(t, o.Violations, 6, "what is shown to the account, on both sides, and nothing else")
	for _, v := range o.Violations {
		require.Equal(t, claim.AccountsPrivilegesID+".shown", v.Code)
	}
	heard := f.Spares[topology.Source].Heard
	require.Equal(t, "SHUTDOWN", heard[len(heard)-1], "what ends the server comes last")
	require.NotContains(t, f.Servers[topology.Source].Heard, "SHUTDOWN")
	require.Empty(t, f.GivenUp)

	// An account that holds more is let try what would do harm, on that server.
	more := [][]any{{"REPLICATION SLAVE"}, {"SHUTDOWN"}}
	f.Servers[topology.Replica].Answer("PRIVILEGE_TYPE AS name", "name", more...)
	f.Spares[topology.Replica].Answer("PRIVILEGE_TYPE AS name", "name", more...)
	f.Spares[topology.Replica].Answer("SHUTDOWN", "")
	o = look()
	require.Equal(t, claim.Violated, o.Status, o.Reason)
	require.True(t, slices.ContainsFunc(o.Violations, func(v claim.Violation) bool {
		return v.Code == claim.AccountsPrivilegesID+".allowed" && v.Side == "replica" && strings.Contains(v.Text, "SHUTDOWN")
	}), "%v", o.Violations)
	require.Equal(t, []topology.Side{topology.Replica}, f.GivenUp)
	require.NotContains(t, f.Servers[topology.Replica].Heard, "SHUTDOWN")

	f.Servers[topology.Source].Fail("SELECT * FROM test1.t1", errors.New("connection lost"))
	require.Equal(t, claim.NotLooked, look().Status)
}

func TestPromisedPrivileges(t *testing.T) {
	p := secure.Published2021()
	require.Equal(t, []string{"REPLICATION SLAVE"}, promisedPrivileges(p, secure.ReplicationUser))
	p.Accounts[0].Grants = []string{"GRANT SELECT, RELOAD ON *.* TO `user1`@`%`", "GRANT INSERT ON `a`.* TO `user1`@`%`"}
	require.Equal(t, []string{"RELOAD", "SELECT"}, promisedPrivileges(p, secure.ReplicationUser))
	require.Empty(t, promisedPrivileges(p, "mallory"))
}
