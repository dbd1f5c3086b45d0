package accounts

import (
	"fmt"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Gaps are those that the evidence of these claims tells of.
func Gaps() []claim.Gap {
	return []claim.Gap{
		claim.NewGap("G6", "the channel's account may come from any host, with a password alone", claim.AccountsListID, accountFromAnywhere),
	}
}

// accountFromAnywhere is gap G6.
func accountFromAnywhere(o *Accounts) (string, bool) {
	var hosts []string
	for _, s := range o.Servers {
		for _, a := range s.Accounts {
			if a.User != secure.ReplicationUser || s.Side != topology.Source {
				continue
			}
			if strings.ContainsAny(a.Host, "%_/") {
				return fmt.Sprintf("%s exists, with ssl_type %q", a, a.TLS), true
			}
			hosts = append(hosts, a.Host)
		}
	}
	if hosts == nil {
		return "the source has no account of the channel's", true
	}
	return "the channel's account is bound to " + strings.Join(hosts, ", "), false
}
