package run

import (
	"ndbproof/harness/evidence"
	"ndbproof/harness/secure"
)

// profileOf is a profile as results keep it.
func profileOf(p secure.Profile) evidence.Profile {
	o := evidence.Profile{
		Name: p.Name, RequireSecureTransport: p.RequireSecureTransport, BinlogEncryption: p.BinlogEncryption, Keyring: p.Keyring,
		ChannelTLS: p.ChannelTLS, VerifyIdentity: p.VerifyIdentity, NdbLogBin: p.NdbLogBin, Gaps: p.Gaps,
	}
	for _, a := range p.Accounts {
		o.Accounts = append(o.Accounts, evidence.ProfileAccount(a))
	}
	return o
}
