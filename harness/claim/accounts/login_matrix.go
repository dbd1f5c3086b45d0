package accounts

import (
	"strconv"

	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Login is a row of the matrix: who logs in, and how, and what comes of it while
// the account's entry in caching_sha2_password's cache is there, or is not.
type Login struct {
	Client    string `json:"client"`
	User      string `json:"user"`
	Mode      string `json:"mode"`
	Password  string `json:"password"`       // "right", "wrong"
	Transport string `json:"transport"`      // "tcp", "socket"
	Warm      []int  `json:"warm,omitempty"` // errors, of which one must come; 0 is a login
	Cold      []int  `json:"cold,omitempty"`
}

// Words of the matrix.
const (
	clientRelease = "mysql"           // of the release under test, inside the server's node
	clientDriver  = "go-sql-driver"   // from this machine, which asks for the server's RSA key by itself
	modeTLS       = "tls"             // certificate and name checked
	modeOther     = "tls, other name" // the server is reached by a name that its certificate has not
	modePlain     = "plain"
)

// What comes of a login. 2061 is CR_AUTH_PLUGIN_ERR: the client does not send a password
// without TLS, and has no key to encrypt it with. 2026 is CR_SSL_CONNECTION_ERROR. A
// server answers for an account that does not exist as for one with a plug-in drawn by
// lot, which differs by name and by server start (sql/auth/sql_authentication.cc,
// decoy_user).
var (
	in       = []int{0}
	insecure = []int{replication.SecureTransportRequired}
	denied   = []int{replication.AccessDenied}
	plugin   = []int{2061}
	noTrust  = []int{2026}
	decoy    = []int{replication.AccessDenied, 2061}
)

// loginMatrix is every account of a profile that is not locked, by TLS and not, with the
// right password and a wrong one, by TCP and the unix socket. All of it was seen on 9.7.4
// for the published profile; a test has it as a table.
func loginMatrix(p secure.Profile) []Login {
	var all []Login
	for _, client := range []string{clientRelease, clientDriver} {
		for _, a := range p.Accounts {
			if !a.Locked {
				all = append(all, loginsAs(client, a, p)...)
			}
		}
	}
	return all
}

// loginsAs are the rows of one client and account.
//
// What an account that does not itself require TLS meets without it is the server's
// insistence, or its client's refusal to send the password. The socket is secure by
// itself. An account that requires TLS does so on the socket, too, and is denied there.
// One at localhost is at the socket only, since servers resolve no names.
func loginsAs(client string, a secure.Account, p secure.Profile) []Login {
	const right, wrong, tcp, socket = "right", "wrong", "tcp", "socket"
	local := a.Host == "localhost"
	row := func(mode, password, transport string, warm, cold []int) Login {
		return Login{Client: client, User: a.User, Mode: mode, Password: password, Transport: transport, Warm: warm, Cold: cold}
	}
	overTLS, plain := in, in
	if local {
		overTLS = denied
	}
	switch {
	case local, a.TLS:
		plain = denied
	case p.RequireSecureTransport:
		plain = insecure
	}
	if client == clientDriver { // has no socket, and asks for the key that encrypts a password
		return []Login{
			row(modeTLS, right, tcp, overTLS, overTLS),
			row(modeTLS, wrong, tcp, denied, denied),
			row(modePlain, right, tcp, plain, plain),
			row(modePlain, wrong, tcp, denied, denied),
		}
	}
	cold, guessed, bySocket := plugin, plugin, in
	if local {
		plain, cold, guessed = decoy, decoy, decoy
	}
	if a.TLS {
		bySocket = denied
	}
	return []Login{
		row(modeTLS, right, tcp, overTLS, overTLS),
		row(modeTLS, right, socket, in, in),
		row(modeTLS, wrong, tcp, denied, denied),
		row(modeTLS, wrong, socket, denied, denied),
		row(modePlain, right, tcp, plain, cold),
		row(modePlain, right, socket, bySocket, bySocket),
		row(modePlain, wrong, tcp, guessed, guessed),
		row(modePlain, wrong, socket, denied, denied),
		row(modeOther, right, tcp, noTrust, noTrust),
	}
}

// askTLS gives the version of TLS of the session itself.
const askTLS = "SHOW SESSION STATUS LIKE 'Ssl_version'"

// otherName reaches the server inside its node, and none of the project's
// certificates has it: they have 127.0.0.1.
const otherName = "127.0.0.2"

// argv is the login with the release's client. The password is in the environment.
func (l Login) argv(host string) []string {
	argv := []string{"mysql", "--no-defaults", "--user=" + l.User, "--connect-timeout=10", "--batch", "--skip-column-names", "--execute=" + askTLS}
	switch {
	case l.Transport == "socket":
		argv = append(argv, "--protocol=SOCKET", "--socket="+topology.SocketPath)
	case l.Mode == modeOther:
		argv = append(argv, "--protocol=TCP", "--host="+otherName, "--port="+strconv.Itoa(topology.MysqlPort))
	default:
		argv = append(argv, "--protocol=TCP", "--host="+host, "--port="+strconv.Itoa(topology.MysqlPort))
	}
	if l.Mode == modePlain {
		return append(argv, "--ssl-mode=DISABLED")
	}
	return append(argv, "--ssl-mode=VERIFY_IDENTITY", "--ssl-ca="+topology.CAPath)
}
