package claim

import (
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// refusing is a pair whose servers, spare ones too, refuse what they must.
func refusing(t *testing.T) *fake {
	t.Helper()
	f := healthy(t)
	for _, p := range secure.Refused(newest.Words(), 42) {
		s := f.servers[topology.Source]
		if p.Destructive {
			s = f.spares[topology.Source]
		}
		s.fails(p.Statement, &mysql.MySQLError{Number: p.Errno, Message: "denied"})
	}
	return f
}

func TestRefusalsLook(t *testing.T) {
	t.Run("as promised", func(t *testing.T) {
		f := refusing(t)
		o := judged(t, f, refusalsID)
		held(t, o)
		require.Equal(t, len(secure.Refused(newest.Words(), 42)), o.Seen)
		require.Empty(t, f.given)
	})
	t.Run("another account's grants", func(t *testing.T) {
		f := refusing(t)
		for _, s := range []*server{f.servers[topology.Source], f.spares[topology.Source]} {
			s.on("SHOW GRANTS", "Grants", []any{"GRANT ALL PRIVILEGES ON *.* TO `user1`@`%`"})
		}
		f.spares[topology.Source].on("TRUNCATE TABLE test1.t1", "")
		o := judged(t, f, refusalsID)
		require.Equal(t, []string{refusalsID + ".more-grants", refusalsID + ".allowed"}, []string{o.Violations[0].Code, o.Violations[1].Code})
		for _, p := range secure.Refused(newest.Words(), 42) {
			if p.Destructive {
				require.NotContains(t, f.servers[topology.Source].heard, p.Statement, "it is for a server made for it")
			}
		}
		require.Equal(t, []topology.Side{topology.Source}, f.given)
	})
	for name, end := range map[string]func(*server){
		"ends, and says so":   func(s *server) { s.on("SHUTDOWN", "") },
		"ends without a word": func(s *server) { s.ended = "SHUTDOWN" },
	} {
		t.Run("the spare server "+name, func(t *testing.T) {
			f := refusing(t)
			end(f.spares[topology.Source])
			o := judged(t, f, refusalsID)
			require.Len(t, o.Violations, 1, o.Reason)
			require.Equal(t, refusalsID+".allowed", o.Violations[0].Code)
			require.Contains(t, o.Violations[0].Text, "SHUTDOWN")
			require.Equal(t, len(secure.Refused(newest.Words(), 42)), o.Seen, "all others were tried before")
			require.Equal(t, []topology.Side{topology.Source}, f.given, "whoever looks next needs another one")
		})
	}
	t.Run("connection lost", func(t *testing.T) {
		f := refusing(t)
		f.spares[topology.Source].fails("DROP USER", mysql.ErrInvalidConn)
		require.Equal(t, NotLooked, judged(t, f, refusalsID).Status, "the server is there")
		require.Equal(t, []topology.Side{topology.Source}, f.given)
	})
	t.Run("other grants there", func(t *testing.T) {
		f := refusing(t)
		f.spares[topology.Source].on("SHOW GRANTS", "Grants", []any{"GRANT USAGE ON *.* TO `user1`@`%`"})
		require.Contains(t, judged(t, f, refusalsID).Reason, "at the spare server")
	})
	t.Run("no login", func(t *testing.T) {
		f := healthy(t)
		f.login = func(topology.Side, replication.Login) error { return &mysql.MySQLError{Number: 1045} }
		require.Equal(t, NotLooked, judged(t, f, refusalsID).Status)
	})
}
