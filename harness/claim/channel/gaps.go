package channel

import (
	"fmt"

	"ndbproof/harness/claim"
)

// Gaps are those that the evidence of these claims tells of.
func Gaps() []claim.Gap {
	return []claim.Gap{
		claim.NewGap("G5", "the channel does not check its source's certificate", claim.ChannelTLSID, channelUnverified),
	}
}

// channelUnverified is gap G5.
func channelUnverified(o *Channel) (string, bool) {
	if w := o.Wanted; w.TLS != "YES" || w.CA == "" || w.Verify != "YES" {
		return fmt.Sprintf("SSL_ALLOWED is %q, SSL_CA_FILE %q, SSL_VERIFY_SERVER_CERTIFICATE %q", w.TLS, w.CA, w.Verify), true
	}
	return fmt.Sprintf("the replica checks certificate and name of its source by %s", o.Wanted.CA), false
}
