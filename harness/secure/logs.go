package secure

import "ndbproof/harness/release"

// Switches of log encryption. Each rotates binary and relay logs.
const (
	EncryptionOff = "SET GLOBAL binlog_encryption=OFF"
	EncryptionOn  = "SET GLOBAL binlog_encryption=ON"
)

// EncryptNewSQL works around defect F1 on a new server whose binlog injector has
// handled its first epoch: it encrypts the logs, and removes the clear one that came
// before (docs/findings.md).
func EncryptNewSQL(w release.Words) []string { return []string{EncryptionOn, w.ResetBinaryLogs} }
