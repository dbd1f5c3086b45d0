// Package rest has the claims about what stands on disk: keys, passwords and rows.
package rest

import "ndbproof/harness/claim"

// Claims gives all of them.
func Claims() []claim.Claim {
	return []claim.Claim{files(), secretsClaim(), markersClaim()}
}
