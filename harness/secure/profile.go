// Package secure is security as data: certificates, accounts, grants, and the
// profiles that say what a deployment promises.
package secure

import "slices"

// Profile is what a deployment promises, and so what claims expect. The zero
// value promises nothing.
type Profile struct {
	Name                   string    `json:"name" yaml:"name"`
	RequireSecureTransport bool      `json:"require_secure_transport" yaml:"require_secure_transport"`
	BinlogEncryption       bool      `json:"binlog_encryption" yaml:"binlog_encryption"` // binary and relay logs, both servers
	Keyring                bool      `json:"keyring" yaml:"keyring"`
	ChannelTLS             bool      `json:"channel_tls" yaml:"channel_tls"`         // SOURCE_SSL=1
	VerifyIdentity         bool      `json:"verify_identity" yaml:"verify_identity"` // CA given and host name checked
	NdbLogBin              bool      `json:"ndb_log_bin" yaml:"ndb_log_bin"`
	Gaps                   []string  `json:"gaps" yaml:"gaps"`         // that it may leave open, by their ids in docs/threat-model.md
	Accounts               []Account `json:"accounts" yaml:"accounts"` // all accounts of each server, and no others
}

// Account is one account of a server.
type Account struct {
	User    string   `json:"user" yaml:"user"`
	Host    string   `json:"host" yaml:"host"`
	TLS     bool     `json:"tls" yaml:"tls"`                           // REQUIRE SSL
	Locked  bool     `json:"locked,omitempty" yaml:"locked,omitempty"` // the server's own accounts
	Grants  []string `json:"grants" yaml:"grants"`                     // what SHOW GRANTS prints, for accounts that the procedure is about
	Purpose string   `json:"purpose" yaml:"purpose"`
	// Procedure tells accounts of the procedure from those of the harness.
	Procedure bool `json:"procedure" yaml:"procedure"`
}

// Name is 'user'@'host' as MySQL quotes it in SHOW GRANTS.
func (a Account) Name() string { return "`" + a.User + "`@`" + a.Host + "`" }

// The accounts that the harness names itself.
const (
	ReplicationUser = "user1"          // of the procedure, step 5
	AdminUser       = "ndbproof_admin" // of the harness: local to each server, over TLS only
	Root            = "root"
)

// Published2021 is the profile of the procedure "Security Configuration For MySQL NDB
// Cluster Replication", which MySQL's NDB team published for 8.0.25 in June 2021
// (https://clustertesting.blogspot.com/2021/06/security-configuration-for-mysql-ndb.html).
// It protects the logs and the channel, and nothing below them.
func Published2021() Profile {
	return Profile{
		Name:                   "published-2021",
		RequireSecureTransport: true,
		BinlogEncryption:       true,
		Keyring:                true,
		ChannelTLS:             true,
		VerifyIdentity:         true,
		NdbLogBin:              true,
		Gaps:                   []string{"G1", "G2", "G3", "G4", "G6", "G7", "G8", "G9"},
		Accounts: []Account{
			{
				User: ReplicationUser, Host: "%", Procedure: true, Purpose: "the channel's account (step 5); reaches the replica through the binary log",
				Grants: []string{"GRANT REPLICATION SLAVE ON *.* TO `user1`@`%`"},
			},
			{User: Root, Host: "localhost", Purpose: "the server's own, on the unix socket only"},
			{User: AdminUser, Host: "%", TLS: true, Purpose: "the harness's, not part of the procedure"},
			{User: "mysql.infoschema", Host: "localhost", Locked: true, Purpose: "the server's own"},
			{User: "mysql.session", Host: "localhost", Locked: true, Purpose: "the server's own"},
			{User: "mysql.sys", Host: "localhost", Locked: true, Purpose: "the server's own"},
		},
	}
}

// Weakness takes one promise out of a deployment. Claims go on expecting it:
// that is how they are seen to fail.
type Weakness func(*Profile)

// Weaken gives a copy of p, to be deployed, without some of its promises.
func Weaken(p Profile, ws ...Weakness) Profile {
	p.Accounts = slices.Clone(p.Accounts)
	for _, w := range ws {
		w(&p)
	}
	return p
}

// Weaknesses for sabotage.
var (
	NoBinlogEncryption Weakness = func(p *Profile) { p.BinlogEncryption = false }
	NoKeyring          Weakness = func(p *Profile) { p.Keyring = false; p.BinlogEncryption = false }
	PlainTransport     Weakness = func(p *Profile) { p.RequireSecureTransport = false }
	UnverifiedChannel  Weakness = func(p *Profile) { p.VerifyIdentity = false }
	NoNdbLogBin        Weakness = func(p *Profile) { p.NdbLogBin = false }
)
