// Package traffic has the claims about what listens at the nodes, and what travels between them.
package traffic

import "ndbproof/harness/claim"

// Claims gives all of them.
func Claims() []claim.Claim {
	return []claim.Claim{sockets(), clientClaim(), channelClaim(), flowsClaim()}
}
