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
		for _, l := range LoginMatrix() {
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
	for _, l := range LoginMatrix() {
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
	for _, l := range LoginMatrix() {
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
	require.Len(t, o.Tried, 2*2*len(LoginMatrix()))
	byDriver := Logins{slices.DeleteFunc(slices.Clone(o.Tried), func(l TriedLogin) bool { return l.Client != clientDriver && l.Mode != modeOther })}
	require.Empty(t, judgeLogins(&byDriver, secure.Seed2021(), claimtest.Newest))
	require.Contains(t, f.Servers[topology.Replica].Heard, "FLUSH LOCAL PRIVILEGES")
	require.Equal(t, "TLSv1.3", o.Tried[0].TLS)

	f.OnRun = func(topology.Side, node.Command) (node.Output, error) {
		return node.Output{Exit: 1, Stderr: "mysql: unknown variable"}, nil
	}
	_, err = lookLogins(t.Context(), f.Subject())
	require.ErrorContains(t, err, "without an error's number")
}

// A cell that needs a cold cache and finds a warm one is tried again, when somebody
// else has logged in meanwhile, and stands as it is when nobody has.
func TestColdCacheOfAnother(t *testing.T) {
	for name, c := range map[string]struct {
		others int // tries during which somebody else logs in
		tries  int
		got    int
		err    string
	}{
		"nobody":               {0, 1, replication.AccessDenied, ""},
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
