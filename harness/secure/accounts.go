package secure

import (
	"strconv"
	"strings"

	"ndbproof/harness/release"
	"ndbproof/harness/secret"
)

// quoted escapes what a server's default SQL mode gives a meaning to between
// single quotes.
var quoted = strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", `\0`)

// QuoteString writes s as an SQL string. It holds for every SQL mode but
// NO_BACKSLASH_ESCAPES, which nothing here sets.
func QuoteString(s string) string { return "'" + quoted.Replace(s) + "'" }

// QuoteName writes s as an SQL name.
func QuoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// SQLName is 'user'@'host' as statements take it.
func (a Account) SQLName() string { return QuoteString(a.User) + "@" + QuoteString(a.Host) }

// BootstrapSQL is the first session of a new server: root's, over the unix
// socket, while root has no password. It makes the harness's account, and gives
// root a password last, so that a session that failed half way can be repeated
// as it is. Nothing of it is logged: these accounts are local to the server.
//
// GRANT ALL takes NDB_STORED_USER along, with which an account is shared through
// NDB, and dropped at the server's next start when NDB has no copy of it
// (storage/ndb/plugin/ndb_stored_grants.cc, handle_dropped_users); so that one
// is taken back. The text holds both passwords.
func BootstrapSQL(p Profile, admin, root secret.Secret) string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + ";\n") }
	line("SET SESSION sql_log_bin=0")
	for _, a := range p.Accounts {
		if a.User != AdminUser {
			continue
		}
		tls := ""
		if a.TLS {
			tls = " REQUIRE SSL"
		}
		line("CREATE USER IF NOT EXISTS ", a.SQLName(), " IDENTIFIED BY ", QuoteString(admin.Reveal()), tls)
		line("GRANT ALL ON *.* TO ", a.SQLName(), " WITH GRANT OPTION")
		line("REVOKE NDB_STORED_USER ON *.* FROM ", a.SQLName())
	}
	line("ALTER USER 'root'@'localhost' IDENTIFIED BY ", QuoteString(root.Reveal()))
	line("SET SESSION sql_log_bin=1")
	return b.String()
}

// ReplicationUserSQL is step 5, run on the source and logged, as the procedure
// has it, so that the account reaches the replica too. Its FLUSH PRIVILEGES is
// left out: after CREATE USER and GRANT it changes nothing but the cache of
// caching_sha2_password, which it empties, on the replica as well, and then a
// login without TLS fails with 2061 before the server can refuse it with 3159.
func ReplicationUserSQL(password secret.Secret) []string {
	name := Account{User: ReplicationUser, Host: "%"}.SQLName()
	return []string{
		"CREATE USER " + name + " IDENTIFIED BY " + QuoteString(password.Reveal()),
		"GRANT REPLICATION SLAVE ON *.* TO " + name,
	}
}

// ChannelOptions is how a replica reaches its source.
type ChannelOptions struct {
	Host     string
	Port     int
	User     string
	Password secret.Secret // 32 characters or less: the server takes no more
	TLS      bool
	// CA, Cert and Key are paths at the replica; "" takes an earlier one away.
	CA, Cert, Key string
	// VerifyIdentity has the source's host name checked; it needs CA.
	VerifyIdentity bool
	// GetPublicKey lets a login without TLS go as far as the source's refusal.
	GetPublicKey bool
	ConnectRetry int // seconds between attempts; 0 leaves what the channel has
	RetryCount   int // attempts; 0 leaves what the channel has
	// File and Pos are where to begin; File "" is the source's first log, since
	// naming a host makes the server forget an earlier position.
	File string
	Pos  uint64
}

// ChannelSQL is the statement that configures the channel (step 6). All that
// concerns TLS is always written: a fresh channel has SOURCE_SSL=1 in 9.7 and 0
// in 8.0, and one that was configured before keeps what a statement leaves out.
// The text holds the password.
func ChannelSQL(w release.Words, o ChannelOptions) string {
	var opts []string
	text := func(name, v string) { opts = append(opts, w.Option+name+"="+QuoteString(v)) }
	number := func(name string, n uint64) { opts = append(opts, name+"="+strconv.FormatUint(n, 10)) }
	text("HOST", o.Host)
	number(w.Option+"PORT", uint64(o.Port)) //nolint:gosec // a port is positive
	text("USER", o.User)
	text("PASSWORD", o.Password.Reveal())
	number(w.Option+"SSL", bit(o.TLS))
	text("SSL_CA", o.CA)
	text("SSL_CERT", o.Cert)
	text("SSL_KEY", o.Key)
	number(w.Option+"SSL_VERIFY_SERVER_CERT", bit(o.VerifyIdentity))
	number(w.GetPublicKey, bit(o.GetPublicKey))
	if o.ConnectRetry > 0 {
		number(w.Option+"CONNECT_RETRY", uint64(o.ConnectRetry))
	}
	if o.RetryCount > 0 {
		number(w.Option+"RETRY_COUNT", uint64(o.RetryCount))
	}
	if o.File != "" {
		text("LOG_FILE", o.File)
		number(w.Option+"LOG_POS", o.Pos)
	}
	return w.ChangeSource + " " + strings.Join(opts, ", ")
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
