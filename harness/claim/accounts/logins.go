package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Logins is the matrix of logins, as both servers answered it.
type Logins struct {
	Tried []TriedLogin `json:"tried"`
}

// TriedLogin is one cell of the matrix on one side.
type TriedLogin struct {
	Side  topology.Side `json:"side"`
	Login               // what was tried
	Cache string        `json:"cache"` // of caching_sha2_password, for the account: "warm", "cold"
	Want  []int         `json:"want"`  // one of these; 0 is a login
	Got   int           `json:"got"`
	Says  string        `json:"says,omitempty"`
	TLS   string        `json:"tls_version,omitempty"` // of the session, as the server says
}

func (t TriedLogin) String() string {
	return fmt.Sprintf("%s as %s by %s, %s, %s password, %s cache", t.Client, t.User, t.Transport, t.Mode, t.Password, t.Cache)
}

// Seen counts cells.
func (o *Logins) Seen() (int, string) { return len(o.Tried), "no login was tried" }

func logins() claim.Claim {
	const admin = "'" + secure.AdminUser + "'@'%'"
	return claim.Define(claim.Claim{
		ID: claim.AccountsLoginsID, Step: 7, Effect: claim.Disturbs, Uses: claim.PartSQL | claim.PartKeys | claim.PartHost,
		Title: "every login ends as it must: by TLS or not, TCP or socket, right or wrong password, warm or cold cache, for every account, by the release's own client and by another",
		Codes: claim.MakeCodes(claim.AccountsLoginsID, "accepted", "refused", "other-error", "plain"),
		Sabotage: []claim.Sabotage{
			{
				Name: "require_secure_transport off, for the matrix of logins", Effect: claim.Disturbs, Want: claim.AccountsLoginsID + ".accepted", Also: []string{claim.ChannelPlainID, claim.AccountsPlainClientID},
				Do: claim.AllowPlainTransport(topology.Source),
			},
			{
				Name: "admin no longer requires TLS, on the socket either", Effect: claim.Disturbs, Want: claim.AccountsLoginsID + ".accepted", Also: []string{claim.AccountsListID, claim.AccountsPlainClientID},
				Do: claim.MakeChange(claim.RunStatements(topology.Replica, "ALTER USER "+admin+" REQUIRE NONE"),
					claim.RunStatements(topology.Replica, "ALTER USER "+admin+" REQUIRE SSL")),
			},
		},
	}, lookLogins, judgeLogins)
}

func lookLogins(ctx context.Context, s claim.Subject) (*Logins, error) {
	var both [2][]TriedLogin
	var errs [2]error
	var g sync.WaitGroup
	for i, side := range topology.Sides {
		g.Go(func() { both[i], errs[i] = loginsOf(ctx, s, side) })
	}
	g.Wait()
	return &Logins{slices.Concat(both[0], both[1])}, errors.Join(errs[:]...)
}

// loginsOf goes through the matrix on one side. The cache is emptied on a session
// that is open already.
func loginsOf(ctx context.Context, s claim.Subject, side topology.Side) ([]TriedLogin, error) {
	conn, err := s.Server(side).DB.Conn(ctx)
	if err != nil {
		return nil, claim.WithSide(side, err)
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	wrong := secret.New()
	var all []TriedLogin
	for _, l := range loginMatrix(s.Promised) {
		for _, cell := range []struct {
			cache string
			want  []int
		}{{"cold", l.Cold}, {"warm", l.Warm}} {
			t := TriedLogin{Side: side, Login: l, Cache: cell.cache, Want: cell.want}
			t.Cold, t.Warm = nil, nil
			password := wrong
			if l.Password == "right" {
				password = s.Keys.Password(side, l.User)
			}
			if err := t.undisturbed(ctx, s, conn, password); err != nil {
				return all, err
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// disturbances is how often others may log in while a cell needs a cold cache.
const disturbances = 20

// undisturbed tries a cell, and one with a cold cache again when it ends with an
// error that is not wanted and another client has a new session of that account:
// each login warms the cache for all, and writers and pools log in at any time.
func (t *TriedLogin) undisturbed(ctx context.Context, s claim.Subject, conn *sql.Conn, password secret.Secret) error {
	for range disturbances {
		before, err := sessionsOf(ctx, conn, t.User)
		if err == nil {
			err = prepareCache(ctx, s, conn, *t)
		}
		if err != nil {
			return claim.WithSide(t.Side, err)
		}
		t.Got, t.Says, t.TLS = 0, "", ""
		if err := t.try(ctx, s, password); err != nil {
			return err
		}
		if t.Cache != "cold" || t.Got == 0 || slices.Contains(t.Want, t.Got) {
			return nil
		}
		after, err := sessionsOf(ctx, conn, t.User)
		if err != nil {
			return claim.WithSide(t.Side, err)
		}
		if !slices.ContainsFunc(after, func(id uint64) bool { return !slices.Contains(before, id) }) {
			return nil
		}
	}
	return fmt.Errorf("log in to the %s with %s: others logged in to that account in each of %d tries, and warmed the cache", t.Side, t, disturbances)
}

// sessionsOf are the connections of an account that stand.
func sessionsOf(ctx context.Context, conn *sql.Conn, user string) ([]uint64, error) {
	rows, err := replication.Rows(ctx, conn, "SELECT PROCESSLIST_ID FROM performance_schema.threads WHERE PROCESSLIST_USER = ?", user)
	if err != nil {
		return nil, err
	}
	var ids []uint64
	for _, text := range replication.Column(rows, "PROCESSLIST_ID") {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the sessions of %s: %w", user, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// prepareCache empties the cache, and for a warm one logs in over TLS. Root
// cannot do that by TCP, and where it can log in no cache plays a part.
func prepareCache(ctx context.Context, s claim.Subject, conn *sql.Conn, t TriedLogin) error {
	if t.Cache == "cold" {
		_, err := conn.ExecContext(ctx, "FLUSH LOCAL PRIVILEGES")
		return err
	}
	if t.User == secure.Root {
		return nil
	}
	db, err := s.Server(t.Side).Login(ctx, replication.Login{User: t.User, Password: s.Keys.Password(t.Side, t.User), TLS: replication.TLSVerify})
	if err != nil {
		return nil //nolint:nilerr // the cell over TLS with the right password will say so
	}
	return db.Close()
}

func (t *TriedLogin) try(ctx context.Context, s claim.Subject, password secret.Secret) error {
	if t.Client == clientDriver {
		return t.tryDriver(ctx, s, password)
	}
	out, err := claim.RunTool(ctx, s, t.Side, claim.SQLNode(s, t.Side), node.Command{
		Argv: t.argv(s.Spec(t.Side).LinkHost()), Env: map[string]string{"MYSQL_PWD": password.Reveal()},
	})
	if err != nil {
		return err
	}
	if out.Exit == 0 {
		t.TLS = strings.TrimPrefix(brief.Line(out.Stdout), "Ssl_version ")
		if t.TLS == "Ssl_version" {
			t.TLS = ""
		}
		return nil
	}
	m := clientError.FindStringSubmatch(out.Stderr)
	if m == nil {
		return fmt.Errorf("log in to the %s with %s: exit %d without an error's number: %s", t.Side, t, out.Exit, brief.Line(out.Stderr))
	}
	t.Got, err = strconv.Atoi(m[1])
	t.Says = brief.Line(m[0])
	return err
}

// clientError is how mysql reports one.
var clientError = regexp.MustCompile(`(?m)^ERROR (\d+) .*$`)

func (t *TriedLogin) tryDriver(ctx context.Context, s claim.Subject, password secret.Secret) error {
	mode := replication.TLSVerify
	if t.Mode == modePlain {
		mode = replication.TLSOff
	}
	db, err := s.Server(t.Side).Login(ctx, replication.Login{User: t.User, Password: password, TLS: mode, PublicKey: mode == replication.TLSOff})
	if err == nil {
		rows, err := replication.Rows(ctx, db, askTLS)
		if err == nil && len(rows) > 0 {
			t.TLS = rows[0]["Value"]
		}
		return errors.Join(err, db.Close())
	}
	number, says, answered := replication.ErrorNumber(err)
	if !answered {
		return fmt.Errorf("log in to the %s with %s: no answer of the server: %w", t.Side, t, err)
	}
	t.Got, t.Says = int(number), says
	return nil
}

func judgeLogins(o *Logins, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.AccountsLoginsID}
	for _, t := range o.Tried {
		switch {
		case slices.Contains(t.Want, t.Got):
			if t.Got == 0 && t.Mode == modeTLS && !slices.Contains(claim.TLSVersions, t.TLS) {
				f.Add("plain", t.Side, fmt.Sprintf("%s: logs in under %q; expected one of %q", t, t.TLS, claim.TLSVersions))
			}
		case t.Got == 0:
			f.Add("accepted", t.Side, fmt.Sprintf("%s: logs in; expected error %s", t, numbers(t.Want)))
		case slices.Contains(t.Want, 0):
			f.Add("refused", t.Side, fmt.Sprintf("%s: refused with %d (%s); expected a login", t, t.Got, t.Says))
		default:
			f.Add("other-error", t.Side, fmt.Sprintf("%s: refused with %d (%s); expected %s", t, t.Got, t.Says, numbers(t.Want)))
		}
	}
	return f.All
}

func numbers(all []int) string {
	text := make([]string, len(all))
	for i, n := range all {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, " or ")
}
