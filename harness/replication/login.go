// Package replication is one replica that follows one source, as anyone with accounts
// on both servers sees it: servers, the channel and its status, fences, markers, log
// files and their encryption, re-pointing. It speaks SQL only and knows no container.
package replication

import (
	"context"
	"database/sql"

	"ndbproof/harness/secret"
)

// TLSMode says how a login treats TLS.
type TLSMode string

// TLS modes of a login.
const (
	TLSVerify TLSMode = "verify" // TLS, CA and name checked
	TLSOff    TLSMode = "off"    // plain text
)

// Login is a connection to be tried, over TCP.
type Login struct {
	User     string
	Password secret.Secret
	TLS      TLSMode
	// PublicKey lets a plain login of a cold account go as far as the server's
	// refusal, by asking for the server's RSA key (GET_SOURCE_PUBLIC_KEY).
	PublicKey bool
	Database  string
}

// Position is a place in a binary log.
type Position struct {
	File string `json:"file"`
	Pos  uint64 `json:"pos"`
}

// Spare is a server of the release under test that belongs to no cluster, with
// the accounts of a side: what would do harm there can be tried on it.
type Spare interface {
	// Login tries one new connection and pings. Passwords are those of the side.
	// The caller closes it.
	Login(context.Context, Login) (*sql.DB, error)
	// GiveUp removes it, because it was harmed: the next caller has a new one. It
	// works also when ctx has ended.
	GiveUp(context.Context) error
}
