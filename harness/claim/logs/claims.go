// Package logs has the claims about the binary and relay logs of both servers, and the keys that
// they are encrypted with.
package logs

import "ndbproof/harness/claim"

// Claims gives all of them.
func Claims() []claim.Claim {
	return []claim.Claim{binlogs(), relaylogs(), keyring(), keys(), direct(), remote()}
}
