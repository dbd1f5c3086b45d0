package accounts

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestPlainClients(t *testing.T) {
	good := func() *PlainClients {
		o := &PlainClients{}
		for _, side := range topology.Sides {
			for _, l := range attempts(secure.Published2021()) {
				l.Side, l.Got = side, l.Want
				o.Logins = append(o.Logins, l)
			}
		}
		return o
	}
	claimtest.RequireJudges(t, claimOf(t, claim.AccountsPlainClientID), good, []claimtest.Broken[*PlainClients]{
		claimtest.Break("accepted", func(o *PlainClients) { o.Logins[2].Got = 0 }, []string{"accepted"}),
		claimtest.Break("root over TLS", func(o *PlainClients) { o.Logins[5].Got = 0 }, []string{"accepted"}),
		claimtest.Break("another error", func(o *PlainClients) { o.Logins[9].Got = 3159 }, []string{"other-error"}),
	})
	control := good()
	control.Logins[0].Got = 1045
	claimtest.RequireUnseen(t, map[string]claim.Observation{"the control failed": control})
}

func TestPlainClientsLook(t *testing.T) {
	refused := func(_ topology.Side, l replication.Login) error {
		switch {
		case l.User == secure.Root || l.User == secure.AdminUser && l.TLS == replication.TLSOff:
			return fmt.Errorf("log in: %w", &mysql.MySQLError{Number: 1045})
		case l.TLS == replication.TLSOff:
			require.True(t, l.PublicKey)
			return &mysql.MySQLError{Number: 3159}
		}
		return nil
	}
	f := claimtest.NewHealthyPair(t)
	f.OnLogin = refused
	claimtest.RequireHeld(t, claimtest.RunOn(t, f, claimOf(t, claim.AccountsPlainClientID)))

	f.OnLogin = func(s topology.Side, l replication.Login) error {
		if l.User == secure.ReplicationUser {
			return nil
		}
		return refused(s, l)
	}
	require.Equal(t, claim.Violated, claimtest.RunOn(t, f, claimOf(t, claim.AccountsPlainClientID)).Status)

	f.OnLogin = func(topology.Side, replication.Login) error {
		return &net.OpError{Op: "dial", Err: errors.New("refused")}
	}
	o := claimtest.RunOn(t, f, claimOf(t, claim.AccountsPlainClientID))
	require.Equal(t, claim.NotLooked, o.Status)
	require.Contains(t, o.Reason, "no answer of the server")
}

// TestAttempts fixes what is tried of the published profile.
func TestAttempts(t *testing.T) {
	require.ElementsMatch(t, []Tried{
		{User: secure.ReplicationUser, TLS: replication.TLSVerify, Controls: true},
		{User: secure.AdminUser, TLS: replication.TLSVerify, Controls: true},
		{User: secure.ReplicationUser, TLS: replication.TLSOff, Want: 3159},
		{User: secure.AdminUser, TLS: replication.TLSOff, Want: 1045},
		{User: secure.Root, TLS: replication.TLSOff, Want: 1045},
		{User: secure.Root, TLS: replication.TLSVerify, Want: 1045},
	}, attempts(secure.Published2021()))
}
