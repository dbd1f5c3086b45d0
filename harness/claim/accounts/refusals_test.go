package accounts

import (
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodRefusals() *Refusals {
	lines := goodGrants().Servers[0].Lines
	o := &Refusals{User: secure.ReplicationUser, Lines: lines, Spare: lines}
	for _, p := range secure.Refused(claimtest.Newest.Words(), 7) {
		o.Tried = append(o.Tried, Answer{Probe: p, Got: p.Errno})
	}
	return o
}

func TestRefusals(t *testing.T) {
	claimtest.RequireJudges(t, claimOf(t, claim.AccountsRefusalsID), goodRefusals, []claimtest.Broken[*Refusals]{
		claimtest.Break("allowed", func(o *Refusals) { o.Tried[0].Got = 0 }, []string{"allowed"}),
		claimtest.Break("another error", func(o *Refusals) { o.Tried[3].Got, o.Tried[3].Message = 1064, "syntax" }, []string{"other-error"}),
		claimtest.Break("more", func(o *Refusals) { o.Lines, o.Spare = []string{"GRANT ALL"}, []string{"GRANT ALL"} }, []string{"more-grants"}),
	})
	other, harmless := goodRefusals(), goodRefusals()
	other.Spare = nil
	harmless.Tried = slices.DeleteFunc(harmless.Tried, func(a Answer) bool { return a.Destructive })
	claimtest.RequireUnseen(t, map[string]claim.Observation{"another account at the spare server": other, "nothing that would do harm": harmless})
}

// refusing is a pair whose servers, spare ones too, refuse what they must.
func refusing(t *testing.T) *claimtest.Pair {
	t.Helper()
	f := claimtest.NewHealthyPair(t)
	for _, p := range secure.Refused(claimtest.Newest.Words(), 42) {
		s := f.Servers[topology.Source]
		if p.Destructive {
			s = f.Spares[topology.Source]
		}
		s.Fail(p.Statement, &mysql.MySQLError{Number: p.Errno, Message: "denied"})
	}
	return f
}

func TestRefusalsLook(t *testing.T) {
	t.Run("as promised", func(t *testing.T) {
		f := refusing(t)
		o := claimtest.RunOn(t, f, claimOf(t, claim.AccountsRefusalsID))
		claimtest.RequireHeld(t, o)
		require.Equal(t, len(secure.Refused(claimtest.Newest.Words(), 42)), o.Seen)
		require.Empty(t, f.GivenUp)
	})
	t.Run("another account's grants", func(t *testing.T) {
		f := refusing(t)
		for _, s := range []*claimtest.Server{f.Servers[topology.Source], f.Spares[topology.Source]} {
			s.Answer("SHOW GRANTS", "Grants", []any{"GRANT ALL PRIVILEGES ON *.* TO `user1`@`%`"})
		}
		f.Spares[topology.Source].Answer("TRUNCATE TABLE test1.t1", "")
		o := claimtest.RunOn(t, f, claimOf(t, claim.AccountsRefusalsID))
		require.Equal(t, []string{claim.AccountsRefusalsID + ".more-grants", claim.AccountsRefusalsID + ".allowed"}, []string{o.Violations[0].Code, o.Violations[1].Code})
		for _, p := range secure.Refused(claimtest.Newest.Words(), 42) {
			if p.Destructive {
				require.NotContains(t, f.Servers[topology.Source].Heard, p.Statement, "it is for a server made for it")
			}
		}
		require.Equal(t, []topology.Side{topology.Source}, f.GivenUp)
	})
	for name, end := range map[string]func(*claimtest.Server){
		"ends, and says so":   func(s *claimtest.Server) { s.Answer("SHUTDOWN", "") },
		"ends without a word": func(s *claimtest.Server) { s.EndsAt = "SHUTDOWN" },
	} {
		t.Run("the spare server "+name, func(t *testing.T) {
			f := refusing(t)
			end(f.Spares[topology.Source])
			o := claimtest.RunOn(t, f, claimOf(t, claim.AccountsRefusalsID))
			require.Len(t, o.Violations, 1, o.Reason)
			require.Equal(t, claim.AccountsRefusalsID+".allowed", o.Violations[0].Code)
			require.Contains(t, o.Violations[0].Text, "SHUTDOWN")
			require.Equal(t, len(secure.Refused(claimtest.Newest.Words(), 42)), o.Seen, "all others were tried before")
			require.Equal(t, []topology.Side{topology.Source}, f.GivenUp, "the next look needs another spare server")
		})
	}
	t.Run("connection lost", func(t *testing.T) {
		f := refusing(t)
		f.Spares[topology.Source].Fail("DROP USER", mysql.ErrInvalidConn)
		require.Equal(t, claim.NotLooked, claimtest.RunOn(t, f, claimOf(t, claim.AccountsRefusalsID)).Status, "the server is there")
		require.Equal(t, []topology.Side{topology.Source}, f.GivenUp)
	})
	t.Run("other grants there", func(t *testing.T) {
		f := refusing(t)
		f.Spares[topology.Source].Answer("SHOW GRANTS", "Grants", []any{"GRANT USAGE ON *.* TO `user1`@`%`"})
		require.Contains(t, claimtest.RunOn(t, f, claimOf(t, claim.AccountsRefusalsID)).Reason, "at the spare server")
	})
	t.Run("no login", func(t *testing.T) {
		f := claimtest.NewHealthyPair(t)
		f.OnLogin = func(topology.Side, replication.Login) error { return &mysql.MySQLError{Number: 1045} }
		require.Equal(t, claim.NotLooked, claimtest.RunOn(t, f, claimOf(t, claim.AccountsRefusalsID)).Status)
	})
}
