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

// What comes of a login. errPlugin is CR_AUTH_PLUGIN_ERR: the client will not
// send a password without TLS, and has no key to encrypt it with. errTLS is
// CR_SSL_CONNECTION_ERROR. An account that does not exist is answered as one
// with a plug-in drawn by lot, which differs by name and by server start
// (sql/auth/sql_authentication.cc, decoy_user).
var (
	in       = []int{0}
	insecure = []int{replication.SecureTransportRequired}
	denied   = []int{replication.AccessDenied}
	plugin   = []int{2061}
	noTrust  = []int{2026}
	nobody   = []int{replication.AccessDenied, 2061}
)

// LoginMatrix is every account, by TLS and not, with the right password and a
// wrong one, by TCP and the unix socket. All of it was seen on 9.7.4.
//
// user1 does not itself require TLS: what it meets without it is the server's
// insistence, or its client's refusal to send the password. The socket is secure
// by itself. The harness's account requires TLS on the socket, too, and so is
// denied there. root is at the socket only.
func LoginMatrix() []Login {
	const user1, admin, root = secure.ReplicationUser, secure.AdminUser, secure.Root
	const sql, driver = clientRelease, clientDriver
	const right, wrong, tcp, sock = "right", "wrong", "tcp", "socket"
	return []Login{
		{sql, user1, modeTLS, right, tcp, in, in},
		{sql, user1, modeTLS, right, sock, in, in},
		{sql, user1, modeTLS, wrong, tcp, denied, denied},
		{sql, user1, modeTLS, wrong, sock, denied, denied},
		{sql, user1, modePlain, right, tcp, insecure, plugin},
		{sql, user1, modePlain, right, sock, in, in},
		{sql, user1, modePlain, wrong, tcp, plugin, plugin},
		{sql, user1, modePlain, wrong, sock, denied, denied},
		{sql, user1, modeOther, right, tcp, noTrust, noTrust},

		{sql, admin, modeTLS, right, tcp, in, in},
		{sql, admin, modeTLS, right, sock, in, in},
		{sql, admin, modeTLS, wrong, tcp, denied, denied},
		{sql, admin, modeTLS, wrong, sock, denied, denied},
		{sql, admin, modePlain, right, tcp, denied, plugin},
		{sql, admin, modePlain, right, sock, denied, denied},
		{sql, admin, modePlain, wrong, tcp, plugin, plugin},
		{sql, admin, modePlain, wrong, sock, denied, denied},
		{sql, admin, modeOther, right, tcp, noTrust, noTrust},

		{sql, root, modeTLS, right, tcp, denied, denied},
		{sql, root, modeTLS, right, sock, in, in},
		{sql, root, modeTLS, wrong, tcp, denied, denied},
		{sql, root, modeTLS, wrong, sock, denied, denied},
		{sql, root, modePlain, right, tcp, nobody, nobody},
		{sql, root, modePlain, right, sock, in, in},
		{sql, root, modePlain, wrong, tcp, nobody, nobody},
		{sql, root, modePlain, wrong, sock, denied, denied},
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
	}
}

// askTLS gives the version of TLS of the session itself.
const askTLS = "SHOW SESSION STATUS LIKE 'Ssl_version'"

// otherName reaches the server inside its node, and stands in no certificate of
// ours: 127.0.0.1 does.
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
