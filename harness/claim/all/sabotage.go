package all

import (
	"context"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/channel"
	"ndbproof/harness/claim/logs"
	"ndbproof/harness/claim/rows"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// sabotagesAcross are the sabotages that need more than one subject, or restart a server,
// by the id of their claim. They follow its own.
func sabotagesAcross() map[string][]claim.Sabotage {
	return map[string][]claim.Sabotage{
		claim.LogsKeyringID:    {absentKeyring()},
		claim.LogsRemoteReadID: {strangeCertificate()},
		claim.TrafficChannelID: {channelWithoutTLS()},
		claim.RowsRunningID:    {unloggedRows()},
	}
}

// strangeCertificate gives the source a certificate that the CA of mysqlbinlog does not
// vouch for.
func strangeCertificate() claim.Sabotage {
	return claim.Sabotage{
		Name: "server certificate of another CA, for mysqlbinlog", Effect: claim.Disturbs, Want: claim.LogsRemoteReadID + ".refused",
		Also: []string{claim.ChannelCertificatesID, claim.AccountsRefusalsID, claim.AccountsPrivilegesID, claim.AccountsPlainClientID, claim.TrafficClientID, claim.RowsParityID},
		Do:   claim.MakeChange(channel.PresentCertificate(topology.Source, secure.Stranger), channel.PresentCertificate(topology.Source, secure.Genuine)),
	}
}

// channelWithoutTLS takes TLS from the running channel, and the source lets it.
func channelWithoutTLS() claim.Sabotage {
	return claim.Sabotage{
		Name: "channel without TLS, on the wire", Effect: claim.Disturbs, Want: claim.TrafficChannelID + ".plain",
		Also: []string{claim.ChannelTLSID, claim.ChannelPlainID, claim.AccountsPlainClientID, claim.AccountsLoginsID},
		Do:   claim.ChainChanges(claim.AllowPlainTransport(topology.Source), channel.UsePlainChannel()),
	}
}

// restart restarts a side's mysqld with weaknesses, or as it was without one.
func restart(side topology.Side, ws ...secure.Weakness) claim.Act {
	return func(ctx context.Context, b claim.Bench) error { return b.Operator.Restart(ctx, side, ws...) }
}

// absentKeyring starts the replica without a keyring. A server whose newest log
// is encrypted does not start so (sql/mysqld.cc, init_gtid_sets), therefore all
// of its logs are clear before.
func absentKeyring() claim.Sabotage {
	const side = topology.Replica
	reset := func(ctx context.Context, b claim.Bench) error {
		return claim.RunStatements(side, b.Server(side).Words().ResetBinaryLogs)(ctx, b)
	}
	return claim.Sabotage{
		Name: "keyring absent", Effect: claim.Restarts, Want: claim.LogsKeyringID + ".inactive",
		Also: []string{claim.LogsBinlogEncryptedID, claim.LogsRelaylogEncryptedID, claim.LogsKeysID, claim.LogsDirectReadID, claim.RestMarkersID},
		Do: claim.MakeChange(
			claim.ChainActs(claim.RunStatements(side, secure.EncryptionOff), claim.CatchUp, claim.PurgeRelayLogs, reset, logs.AwaitClear(side), restart(side, secure.NoKeyring)),
			restart(side)),
	}
}

// unloggedRows starts the source with ndb_log_bin=0: both threads of the
// replica run and wait, and no row comes. Markers that were committed then
// are in no log, and are copied afterwards.
func unloggedRows() claim.Sabotage {
	return claim.Sabotage{
		Name: "ndb_log_bin off at the source", Effect: claim.Restarts, Want: claim.RowsRunningID + ".behind",
		Also: []string{claim.LogsBinlogEncryptedID, claim.LogsRelaylogEncryptedID, claim.LogsRemoteReadID, claim.ChannelPlainID, claim.RowsParityID, claim.RowsLoggedID},
		Do: claim.MakeChange(restart(topology.Source, secure.NoNdbLogBin),
			claim.ChainActs(restart(topology.Source), rows.RestoreMarkers)),
	}
}
