package replication

import (
	"context"
	"crypto/rand"
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

// Mark is a row of high entropy committed for a claim to look for.
type Mark struct {
	Marker string   `json:"marker"` // 32 characters, new for every mark
	Epoch  uint64   `json:"epoch"`
	End    Position `json:"end"` // in the source's binary log, at or behind the row's epoch
}

// Spare is a server of the release under test that belongs to no cluster, with
// the accounts of a side: what would do harm there can be tried on it.
type Spare interface {
	// Login tries one new connection and pings. Passwords are those of the side.
	// The caller closes it.
	Login(context.Context, Login) (*sql.DB, error)
	// GiveUp removes it, because it was harmed: whoever asks next has a new one.
	// It works also when ctx has ended.
	GiveUp(context.Context) error
}

// NewMarker makes a text of high entropy (130 bits) for a Mark, of letters and
// digits that every character set of ASCII's family writes alike.
func NewMarker() string { return "mark" + rand.Text() }
