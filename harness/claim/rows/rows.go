// Package rows has the claims about the rows themselves: none is lost, and replication goes on.
package rows

import "ndbproof/harness/claim"

// Claims gives all of them.
func Claims() []claim.Claim {
	return []claim.Claim{sameRows(), loggedTables(), running()}
}
