package claim

// The ids of all claims: subject, dot, name. A code is an id, a dot and a word. An id
// never changes and is never used for another claim: evidence and results have it.
const (
	ChannelCertificatesID   = "channel.certificates"
	RestKeyFilesID          = "rest.key-files"
	AccountsGrantsID        = "accounts.grants"
	AccountsRefusalsID      = "accounts.refusals"
	AccountsPrivilegesID    = "accounts.privileges"
	AccountsListID          = "accounts.list"
	TrafficSocketsID        = "traffic.sockets"
	ChannelTLSID            = "channel.tls"
	LogsBinlogEncryptedID   = "logs.binlog-encrypted"
	LogsRelaylogEncryptedID = "logs.relaylog-encrypted"
	LogsKeyringID           = "logs.keyring"
	LogsKeysID              = "logs.keys"
	LogsDirectReadID        = "logs.direct-read"
	LogsRemoteReadID        = "logs.remote-read"
	ChannelPlainID          = "channel.plain"
	AccountsPlainClientID   = "accounts.plain-client"
	AccountsLoginsID        = "accounts.logins"
	TrafficClientID         = "traffic.client"
	TrafficChannelID        = "traffic.channel"
	TrafficFlowsID          = "traffic.flows"
	RestSecretsID           = "rest.secrets"
	RestMarkersID           = "rest.markers"
	RowsParityID            = "rows.parity"
	RowsLoggedID            = "rows.logged"
	RowsRunningID           = "rows.running"

	// RunSecretsID is the claim that a run makes of its own files, at its end.
	RunSecretsID = "run.secrets"
)

// IDs are those of the claims about a pair, in the order in which they are judged: by
// step of the published procedure, and of the last step the contents before the state of
// the threads, because the writer has been settled then.
func IDs() []string {
	return []string{
		ChannelCertificatesID,
		RestKeyFilesID,
		AccountsGrantsID,
		AccountsRefusalsID,
		AccountsPrivilegesID,
		AccountsListID,
		TrafficSocketsID,
		ChannelTLSID,
		LogsBinlogEncryptedID,
		LogsRelaylogEncryptedID,
		LogsKeyringID,
		LogsKeysID,
		LogsDirectReadID,
		LogsRemoteReadID,
		ChannelPlainID,
		AccountsPlainClientID,
		AccountsLoginsID,
		TrafficClientID,
		TrafficChannelID,
		TrafficFlowsID,
		RestSecretsID,
		RestMarkersID,
		RowsParityID,
		RowsLoggedID,
		RowsRunningID,
	}
}
