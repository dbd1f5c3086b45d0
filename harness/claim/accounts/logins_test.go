package accounts

import (
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// goodLogins is the matrix, answered as it must be.
func goodLogins() *Logins {
	o := &Logins{}
	for _, side := range topology.Sides {
		for _, l := range loginMatrix(secure.Published2021()) {
			for cache, want := range map[string][]int{"warm": l.Warm, "cold": l.Cold} {
				t := TriedLogin{Side: side, Login: l, Cache: cache, Want: want, Got: want[0]}
				if t.Warm, t.Cold = nil, nil; t.Got == 0 && l.Mode == modeTLS {
					t.TLS = "TLSv1.3"
				}
				o.Tried = append(o.Tried, t)
			}
		}
	}
	return o
}

func TestLogins(t *testing.T) {
	cell := func(o *Logins, want int) *TriedLogin {
		i := slices.IndexFunc(o.Tried, func(t TriedLogin) bool { return t.Want[0] == want && t.Mode != modePlain })
		return &o.Tried[i]
	}
	claimtest.RequireJudges(t, claimOf(t, claim.AccountsLoginsID), goodLogins, []claimtest.Broken[*Logins]{
		claimtest.Break("accepted", func(o *Logins) { cell(o, replication.AccessDenied).Got = 0 }, []string{"accepted"}),
		claimtest.Break("refused", func(o *Logins) { cell(o, 0).Got = 2026 }, []string{"refused"}),
		claimtest.Break("another error", func(o *Logins) { cell(o, replication.AccessDenied).Got = 2003 }, []string{"other-error"}),
		claimtest.Break("without TLS", func(o *Logins) { cell(o, 0).TLS = "" }, []string{"plain"}),
	})
}

// TestLoginMatrix fixes that every combination is there.
func TestLoginMatrix(t *testing.T) {
	count := map[string]int{}
	seen := map[string]bool{}
	for _, l := range loginMatrix(secure.Published2021()) {
		require.NotEmpty(t, l.Warm)
		require.NotEmpty(t, l.Cold)
		key := l.Client + l.User + l.Mode + l.Password + l.Transport
		require.False(t, seen[key], key)
		seen[key] = true
		count[l.Client+" "+l.Mode]++
	}
	require.Equal(t, map[string]int{
		"mysql tls": 12, "mysql plain": 12, "mysql tls, other name": 3, "go-sql-driver tls": 6, "go-sql-driver plain": 6,
	}, count)
	errors := map[int]bool{}
	for _, l := range loginMatrix(secure.Published2021()) {
		for _, n := range slices.Concat(l.Warm, l.Cold) {
			errors[n] = true
		}
	}
	require.Equal(t, map[int]bool{0: true, 1045: true, 2026: true, 2061: true, 3159: true}, errors)
}

func TestLoginsLook(t *testing.T) {
	f := claimtest.NewPair(t, claimtest.Newest)
	for _, side := range topology.Sides {
		f.Servers[side].Answer(askTLS, "Variable_name Value", []any{"Ssl_version", "TLSv1.3"})
	}
	f.OnLogin = func(_ topology.Side, l replication.Login) error {
		switch right := l.Password.Reveal() == "of "+l.User; {
		case !right || l.User == secure.Root || l.User == secure.AdminUser && l.TLS == replication.TLSOff:
			return &mysql.MySQLError{Number: replication.AccessDenied}
		case l.TLS == replication.TLSOff:
			return &mysql.MySQLError{Number: replication.SecureTransportRequired}
		}
		return nil
	}
	f.OnRun = func(side topology.Side, c node.Command) (node.Output, error) {
		require.NotContains(t, slices.Concat(c.Argv), c.Env["MYSQL_PWD"])
		if slices.Contains(c.Argv, "--host="+otherName) {
			return node.Output{Exit: 1, Stderr: "ERROR 2026 (HY000): SSL connection error: hostname mismatch\n"}, nil
		}
		return node.Output{Stdout: "Ssl_version\tTLSv1.3\n"}, nil
	}
	o, err := lookLogins(t.Context(), f.Subject())
	require.NoError(t, err)
	require.Len(t, o.Tried, 2*2*len(loginMatrix(secure.Published2021())))
	byDriver := Logins{slices.DeleteFunc(slices.Clone(o.Tried), func(l TriedLogin) bool { return l.Client != clientDriver && l.Mode != modeOther })}
	require.Empty(t, judgeLogins(&byDriver, secure.Published2021(), claimtest.Newest))
	require.Contains(t, f.Servers[topology.Replica].Heard, "FLUSH LOCAL PRIVILEGES")
	require.Equal(t, "TLSv1.3", o.Tried[0].TLS)

	f.OnRun = func(topology.Side, node.Command) (node.Output, error) {
		return node.Output{Exit: 1, Stderr: "mysql: unknown variable"}, nil
	}
	_, err = lookLogins(t.Context(), f.Subject())
	require.ErrorContains(t, err, "without an error's number")
}

// A cell that needs a cold cache and finds a warm one is tried again when another
// client has logged in during the try; else its result is kept.
func TestColdCacheOfAnother(t *testing.T) {
	for name, c := range map[string]struct {
		others int // tries during which another client logs in
		tries  int
		got    int
		err    string
	}{
		"never":                {0, 1, replication.AccessDenied, ""},
		"once":                 {1, 2, 2061, ""},
		"whenever it is tried": {disturbances, disturbances, replication.AccessDenied, "others logged in to that account in each of 20 tries"},
	} {
		t.Run(name, func(t *testing.T) {
			f := claimtest.NewPair(t, claimtest.Newest)
			server := f.Servers[topology.Replica]
			sessions := [][]any{{int64(7)}}
			server.Answer("performance_schema.threads", "PROCESSLIST_ID", sessions...)
			tries := 0
			f.OnRun = func(topology.Side, node.Command) (node.Output, error) {
				tries++
				if tries <= c.others {
					sessions = append(sessions, []any{int64(7 + tries)})
					server.Answer("performance_schema.threads", "PROCESSLIST_ID", sessions...)
				}
				if tries <= max(c.others, c.tries-1) || c.others == 0 {
					return node.Output{Exit: 1, Stderr: "ERROR 1045 (28000): Access denied\n"}, nil
				}
				return node.Output{Exit: 1, Stderr: "ERROR 2061 (HY000): Authentication requires secure connection\n"}, nil
			}
			conn, err := f.Channel.Replica.DB.Conn(t.Context())
			require.NoError(t, err)
			defer conn.Close() //nolint:errcheck // a fake
			cell := TriedLogin{
				Side: topology.Replica, Cache: "cold", Want: []int{2061},
				Login: Login{Client: clientRelease, User: secure.AdminUser, Transport: "tcp", Mode: modePlain, Password: "right"},
			}
			err = cell.undisturbed(t.Context(), f.Subject(), conn, secret.New())
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			require.Equal(t, c.tries, tries)
			require.Equal(t, c.got, cell.Got)
		})
	}
}

// TestLoginMatrixOfThePublishedProfile fixes what was seen of it on 9.7.4.
func TestLoginMatrixOfThePublishedProfile(t *testing.T) {
	const user1, admin, root = secure.ReplicationUser, secure.AdminUser, secure.Root
	const sql, driver = clientRelease, clientDriver
	const right, wrong, tcp, socket = "right", "wrong", "tcp", "socket"
	require.ElementsMatch(t, []Login{
		{sql, user1, modeTLS, right, tcp, in, in},
		{sql, user1, modeTLS, right, socket, in, in},
		{sql, user1, modeTLS, wrong, tcp, denied, denied},
		{sql, user1, modeTLS, wrong, socket, denied, denied},
		{sql, user1, modePlain, right, tcp, insecure, plugin},
		{sql, user1, modePlain, right, socket, in, in},
		{sql, user1, modePlain, wrong, tcp, plugin, plugin},
		{sql, user1, modePlain, wrong, socket, denied, denied},
		{sql, user1, modeOther, right, tcp, noTrust, noTrust},

		{sql, admin, modeTLS, right, tcp, in, in},
		{sql, admin, modeTLS, right, socket, in, in},
		{sql, admin, modeTLS, wrong, tcp, denied, denied},
		{sql, admin, modeTLS, wrong, socket, denied, denied},
		{sql, admin, modePlain, right, tcp, denied, plugin},
		{sql, admin, modePlain, right, socket, denied, denied},
		{sql, admin, modePlain, wrong, tcp, plugin, plugin},
		{sql, admin, modePlain, wrong, socket, denied, denied},
		{sql, admin, modeOther, right, tcp, noTrust, noTrust},

		{sql, root, modeTLS, right, tcp, denied, denied},
		{sql, root, modeTLS, right, socket, in, in},
		{sql, root, modeTLS, wrong, tcp, denied, denied},
		{sql, root, modeTLS, wrong, socket, denied, denied},
		{sql, root, modePlain, right, tcp, decoy, decoy},
		{sql, root, modePlain, right, socket, in, in},
		{sql, root, modePlain, wrong, tcp, decoy, decoy},
		{sql, root, modePlain, wrong, socket, denied, denied},
		{sql, root, modeOther, right, tcp, noTrust, noTrust},

		{driver, user1, modeTLS, right, tcp, in, in},
		{driver, user1, modeTLS, wrong, tcp, denied, denied},
		{driver, user1, modePlain, right, tcp, insecure, insecure},
		{driver, user1, modePlain, wrong, tcp, denied, denied},
		{driver, admin, modeTLS, right, tcp, in, in},
		{driver, admin, modeTLS, wrong, tcp, denied, denied},
		{driver, admin, modePlain, right, tcp, denied, denied},
		{driver, admin, modePlain, wrong, tcp, denied, denied},
		{driver, root, modeTLS, right, tcp, denied, denied},
		{driver, root, modeTLS, wrong, tcp, denied, denied},
		{driver, root, modePlain, right, tcp, denied, denied},
		{driver, root, modePlain, wrong, tcp, denied, denied},
	}, loginMatrix(secure.Published2021()))
}

// A server that takes connections without TLS takes them of accounts that do not require it.
func TestLoginMatrixOfPlainTransport(t *testing.T) {
	strict := loginMatrix(secure.Published2021())
	var changed []string
	for i, l := range loginMatrix(secure.Weaken(secure.Published2021(), secure.PlainTransport)) {
		if !slices.Equal(l.Warm, strict[i].Warm) || !slices.Equal(l.Cold, strict[i].Cold) {
			changed = append(changed, l.Client+" "+l.User+" "+l.Mode)
			require.Equal(t, in, l.Warm)
		}
	}
	require.Equal(t, []string{"mysql user1 plain", "go-sql-driver user1 plain"}, changed)
}
