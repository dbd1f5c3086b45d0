// Package channel has the claims about the replication channel: what protects it, and what
// becomes of one that nothing protects.
package channel

import "ndbproof/harness/claim"

// Claims gives all of them.
func Claims() []claim.Claim {
	return []claim.Claim{certificates(), channel(), plainChannel()}
}
