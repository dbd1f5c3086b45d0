// Package accounts has the claims about who may log in to the servers, how, and what for.
package accounts

import "ndbproof/harness/claim"

// Claims gives all of them.
func Claims() []claim.Claim {
	return []claim.Claim{grants(), refusals(), privileges(), accounts(), plainClient(), logins()}
}
