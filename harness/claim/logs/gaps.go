package logs

import (
	"fmt"

	"ndbproof/harness/claim"
	"ndbproof/harness/secure"
)

// Gaps are those that the evidence of these claims tells of.
func Gaps() []claim.Gap {
	return []claim.Gap{
		claim.NewGap("G7", "the channel's account reads all rows through the binary log", claim.LogsRemoteReadID, rowsForReader),
		claim.NewGap("G9", "the keyring is a file", claim.LogsKeyringID, keyringInFile),
	}
}

// rowsForReader is gap G7.
func rowsForReader(o *RemoteRead) (string, bool) {
	if o.Found {
		return fmt.Sprintf("mysqlbinlog as %s, over TLS, printed a row in clear that stands encrypted on disk", secure.ReplicationUser), true
	}
	return fmt.Sprintf("mysqlbinlog as %s showed no row: exit %d: %s", secure.ReplicationUser, o.Exit, o.Stderr), o.Exit == 0
}

// keyringInFile is gap G9.
func keyringInFile(o *Keyrings) (string, bool) {
	for _, s := range o.Servers {
		if file := s.Component["Data_file"]; file != "" {
			return fmt.Sprintf("the %s keeps its keys in %s", s.Side, file), true
		}
		if s.Plugin == "ACTIVE" {
			return fmt.Sprintf("the %s has plugin keyring_file", s.Side), true
		}
	}
	return "no server has a keyring that is a file", false
}
