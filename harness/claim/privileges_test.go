package claim

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func goodPrivileges() *Privileges {
	server := func(side topology.Side) ServerPrivileges {
		s := ServerPrivileges{Side: side, Names: []string{"USAGE", "REPLICATION SLAVE", "SELECT", "TRIGGER", "SYSTEM_USER", "SHUTDOWN"}, Held: heldByProcedure, Spare: heldByProcedure}
		for _, name := range s.Names {
			p, _ := secure.PrivilegeOf(secure.Privileges(newest.Words()), name)
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
	judges(t, privilegesID, goodPrivileges, []broken[*Privileges]{
		{"new", func(o *Privileges) { o.Servers[1].Names = append(o.Servers[1].Names, "EVERYTHING_ADMIN") }, []string{"new"}},
		{"held", func(o *Privileges) {
			o.Servers[0].Held = []string{"REPLICATION SLAVE", "SYSTEM_USER"}
			o.Servers[0].Spare = o.Servers[0].Held
		}, []string{"held"}},
		{"allowed at the spare server", func(o *Privileges) { o.Servers[1].Tried[2].Got = 0 }, []string{"allowed"}},
		{"allowed", func(o *Privileges) { refused(o).Got = 0 }, []string{"allowed"}},
		{"another error", func(o *Privileges) { refused(o).Got = 1146 }, []string{"other-error"}},
		{"filter refused", func(o *Privileges) { filtered(o).Got = 1044 }, []string{"other-error"}},
		{"shown", func(o *Privileges) { filtered(o).Rows = 1 }, []string{"shown"}},
		{"a name shown", func(o *Privileges) { o.Servers[0].Answers[0].Shows = []string{"mysql"} }, []string{"shown"}},
		{"a row shown", func(o *Privileges) { o.Servers[0].Answers[2].Rows = 1 }, []string{"shown"}},
	})
	nothing, held := goodPrivileges(), goodPrivileges()
	filtered(nothing).Others, held.Servers[0].Held = 0, nil
	blank := goodPrivileges()
	blank.Servers[1].Answers[0].Others = nil
	other, harmless := goodPrivileges(), goodPrivileges()
	other.Servers[0].Spare, harmless.Servers[1].Tried = nil, harmless.Servers[1].Tried[:2]
	unseen(t, map[string]Observation{"another account at the spare server": other, "nothing that would do harm": harmless})
	unseen(t, map[string]Observation{"an answer without anything to hide": blank, "a filter that hides nothing": nothing, "an account that is not there": held})
}

// privileged is a pair whose servers, spare ones too, tell of privileges and refuse
// what they must, but for what the one fake server of a side shows to all accounts.
func privileged(t *testing.T) *fake {
	t.Helper()
	f := newFake(t, newest)
	f.login = func(topology.Side, replication.Login) error { return nil }
	for _, side := range topology.Sides {
		s, spare := f.servers[side], f.spares[side]
		for _, p := range secure.Privileges(newest.Words()) {
			switch {
			case p.Destructive:
				spare.fails(p.Statement, &mysql.MySQLError{Number: p.Errno})
			case p.Kind == secure.IsRefused:
				s.fails(p.Statement, &mysql.MySQLError{Number: p.Errno})
			}
		}
		for _, a := range secure.Filtered() {
			if len(a.Absent) > 0 {
				s.on(a.Statement, "all", []any{strings.Join(a.Absent, " ")}) // to both accounts: there is one fake server
			}
		}
		s.on("PRIVILEGE_TYPE AS name", "name", []any{"REPLICATION SLAVE"})
		spare.on("PRIVILEGE_TYPE AS name", "name", []any{"REPLICATION SLAVE"})
		spare.on("CONNECTION_ID()", "id", []any{"42"})
		s.on("SHOW PRIVILEGES", "Privilege Context", []any{"Shutdown", "Server Admin"}, []any{"Select", "Tables"}, []any{"Usage", "Server Admin"}, []any{"ROLE_ADMIN", "Server Admin"})
	}
	return f
}

func TestPrivilegesLook(t *testing.T) {
	f := privileged(t)
	c := byID(t, privilegesID)
	look := func() Outcome { return Run(t.Context(), c, f.subject(), evidence.At(t.TempDir()), secure.Seed2021()) }
	o := look()
	require.Equal(t, 8, o.Seen, o.Reason)
	require.Len(t, o.Violations, 6, "what is shown to the account, on both sides, and nothing else")
	for _, v := range o.Violations {
		require.Equal(t, privilegesID+".shown", v.Code)
	}
	heard := f.spares[topology.Source].heard
	require.Equal(t, "SHUTDOWN", heard[len(heard)-1], "what ends the server comes last")
	require.NotContains(t, f.servers[topology.Source].heard, "SHUTDOWN")
	require.Empty(t, f.given)

	// An account that holds more is let try what would do harm, on that server.
	more := [][]any{{"REPLICATION SLAVE"}, {"SHUTDOWN"}}
	f.servers[topology.Replica].on("PRIVILEGE_TYPE AS name", "name", more...)
	f.spares[topology.Replica].on("PRIVILEGE_TYPE AS name", "name", more...)
	f.spares[topology.Replica].on("SHUTDOWN", "")
	o = look()
	require.Equal(t, Violated, o.Status, o.Reason)
	require.True(t, slices.ContainsFunc(o.Violations, func(v Violation) bool {
		return v.Code == privilegesID+".allowed" && v.Side == "replica" && strings.Contains(v.Text, "SHUTDOWN")
	}), "%v", o.Violations)
	require.Equal(t, []topology.Side{topology.Replica}, f.given)
	require.NotContains(t, f.servers[topology.Replica].heard, "SHUTDOWN")

	f.servers[topology.Source].fails("SELECT * FROM test1.t1", errors.New("connection lost"))
	require.Equal(t, NotLooked, look().Status)
}

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
	judges(t, loginsID, goodLogins, []broken[*Logins]{
		{"accepted", func(o *Logins) { cell(o, errDenied).Got = 0 }, []string{"accepted"}},
		{"refused", func(o *Logins) { cell(o, 0).Got = 2026 }, []string{"refused"}},
		{"another error", func(o *Logins) { cell(o, errDenied).Got = 2003 }, []string{"other-error"}},
		{"without TLS", func(o *Logins) { cell(o, 0).TLS = "" }, []string{"plain"}},
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
	f := newFake(t, newest)
	for _, side := range topology.Sides {
		f.servers[side].on(askTLS, "Variable_name Value", []any{"Ssl_version", "TLSv1.3"})
	}
	f.login = func(_ topology.Side, l replication.Login) error {
		switch right := l.Password.Reveal() == "of "+l.User; {
		case !right || l.User == secure.Root || l.User == secure.AdminUser && l.TLS == replication.TLSOff:
			return &mysql.MySQLError{Number: errDenied}
		case l.TLS == replication.TLSOff:
			return &mysql.MySQLError{Number: errInsecure}
		}
		return nil
	}
	f.run = func(side topology.Side, c node.Command) (node.Output, error) {
		require.NotContains(t, slices.Concat(c.Argv), c.Env["MYSQL_PWD"])
		if slices.Contains(c.Argv, "--host="+otherName) {
			return node.Output{Exit: 1, Stderr: "ERROR 2026 (HY000): SSL connection error: hostname mismatch\n"}, nil
		}
		return node.Output{Stdout: "Ssl_version\tTLSv1.3\n"}, nil
	}
	o, err := lookLogins(t.Context(), f.subject())
	require.NoError(t, err)
	require.Len(t, o.Tried, 2*2*len(LoginMatrix()))
	byDriver := Logins{slices.DeleteFunc(slices.Clone(o.Tried), func(l TriedLogin) bool { return l.Client != clientDriver && l.Mode != modeOther })}
	require.Empty(t, judgeLogins(&byDriver, secure.Seed2021(), newest))
	require.Contains(t, f.servers[topology.Replica].heard, "FLUSH LOCAL PRIVILEGES")
	require.Equal(t, "TLSv1.3", o.Tried[0].TLS)

	f.run = func(topology.Side, node.Command) (node.Output, error) {
		return node.Output{Exit: 1, Stderr: "mysql: unknown variable"}, nil
	}
	_, err = lookLogins(t.Context(), f.subject())
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
		"nobody":               {0, 1, errDenied, ""},
		"once":                 {1, 2, 2061, ""},
		"whenever it is tried": {disturbances, disturbances, errDenied, "others logged in to that account in each of 20 tries"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, newest)
			server := f.servers[topology.Replica]
			sessions := [][]any{{int64(7)}}
			server.on("performance_schema.threads", "PROCESSLIST_ID", sessions...)
			tries := 0
			f.run = func(topology.Side, node.Command) (node.Output, error) {
				tries++
				if tries <= c.others {
					sessions = append(sessions, []any{int64(7 + tries)})
					server.on("performance_schema.threads", "PROCESSLIST_ID", sessions...)
				}
				if tries <= max(c.others, c.tries-1) || c.others == 0 {
					return node.Output{Exit: 1, Stderr: "ERROR 1045 (28000): Access denied\n"}, nil
				}
				return node.Output{Exit: 1, Stderr: "ERROR 2061 (HY000): Authentication requires secure connection\n"}, nil
			}
			conn, err := f.channel.Replica.DB.Conn(t.Context())
			require.NoError(t, err)
			defer conn.Close() //nolint:errcheck // a fake
			cell := TriedLogin{
				Side: topology.Replica, Cache: "cold", Want: []int{2061},
				Login: Login{Client: clientRelease, User: secure.AdminUser, Transport: "tcp", Mode: modePlain, Password: "right"},
			}
			err = cell.undisturbed(t.Context(), f.subject(), conn, secret.New())
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
