package evidence

import "slices"

// Profile is what the deployment promised, and so what the claims expected: all of
// secure.Profile, which this package lies below.
type Profile struct {
	Name                   string           `json:"name"` // "published-2021"
	RequireSecureTransport bool             `json:"require_secure_transport"`
	BinlogEncryption       bool             `json:"binlog_encryption"`
	Keyring                bool             `json:"keyring"`
	ChannelTLS             bool             `json:"channel_tls"`
	VerifyIdentity         bool             `json:"verify_identity"`
	NdbLogBin              bool             `json:"ndb_log_bin"`
	Gaps                   []string         `json:"gaps"`
	Accounts               []ProfileAccount `json:"accounts"`
}

// ProfileAccount is an account that the profile lists.
type ProfileAccount struct {
	User      string   `json:"user"`
	Host      string   `json:"host"`
	TLS       bool     `json:"tls"`
	Locked    bool     `json:"locked,omitempty"`
	Grants    []string `json:"grants"`
	Purpose   string   `json:"purpose"`
	Procedure bool     `json:"procedure"`
}

// listed is p with lists that are never nil.
func (p Profile) listed() Profile {
	p.Gaps, p.Accounts = list(p.Gaps), list(slices.Clone(p.Accounts))
	for i := range p.Accounts {
		p.Accounts[i].Grants = list(p.Accounts[i].Grants)
	}
	return p
}
