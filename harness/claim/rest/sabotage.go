package rest

import (
	"context"
	"errors"
	"path"

	"ndbproof/harness/claim"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Sabotages of the claims about what stands on disk.

func markersReadable() []claim.Sabotage {
	const side = topology.Source
	const left = topology.MysqlDir + "/of-an-earlier-life.bak"
	const general = topology.MysqlDir + "/general.log"
	clear := func(name string, side topology.Side, word string, also ...string) claim.Sabotage {
		return claim.Sabotage{
			Name: name, Effect: claim.Disturbs, Want: claim.RestMarkersID + "." + word, Also: also,
			Do: claim.WriteClearLogs(side),
		}
	}
	return []claim.Sabotage{
		clear("rows in a clear binary log", side, "binary-log", claim.LogsBinlogEncryptedID, claim.LogsKeysID, claim.LogsDirectReadID),
		clear("rows in a clear relay log", topology.Replica, "relay-log", claim.LogsBinlogEncryptedID, claim.LogsRelaylogEncryptedID, claim.LogsKeysID, claim.LogsDirectReadID),
		clear("uncommitted rows in a clear log cache", side, "temporary", claim.LogsBinlogEncryptedID, claim.LogsKeysID, claim.LogsDirectReadID),
		{
			Name: "clear log copied aside under another name", Effect: claim.Disturbs, Want: claim.RestMarkersID + ".binary-log",
			Do: claim.MakeChange(
				claim.ChainActs(claim.RunStatements(side, secure.EncryptionOff), copyAside(side, left), claim.EncryptAgain(side)),
				claim.ChainActs(claim.EncryptAgain(side), claim.RunAsRoot(side, "rm", "-f", left))),
		},
		{
			Name: "general log switched on", Effect: claim.Disturbs, Want: claim.RestMarkersID + ".log",
			Do: claim.MakeChange(
				claim.RunStatements(side, "SET GLOBAL general_log_file="+secure.QuoteString(general), "SET GLOBAL general_log=ON"),
				claim.ChainActs(claim.RunStatements(side, "SET GLOBAL general_log=OFF", "SET GLOBAL general_log_file=DEFAULT"), claim.RunAsRoot(side, "rm", "-f", general))),
		},
		{
			Name: "marker beside the keyring", Effect: claim.Disturbs, Want: claim.RestMarkersID + ".elsewhere",
			Do: claim.MakeChange(func(ctx context.Context, b claim.Bench) error {
				m, err := b.Channel.Mark(ctx)
				if err != nil {
					return err
				}
				return claim.PutFile(side, notes, []byte(m.Marker))(ctx, b)
			}, claim.RunAsRoot(side, "rm", "-f", notes)),
		},
	}
}

// notes is a file that has no business in the keyring's folder.
const notes = topology.KeyringDir + "/notes"

// copyAside commits a marker and copies the log that has it.
func copyAside(side topology.Side, to string) claim.Act {
	return func(ctx context.Context, b claim.Bench) error {
		m, err := b.Channel.Mark(ctx)
		if err != nil {
			return err
		}
		p, err := b.Server(side).LogPlace(ctx, replication.BinaryLogKind)
		if err != nil {
			return err
		}
		return claim.RunAsServer(side, "cp", path.Join(p.Dir, m.End.File), to)(ctx, b)
	}
}

func secretsReadable() []claim.Sabotage {
	leak := func(name string, side topology.Side, file, user, word string) claim.Sabotage {
		file = path.Join(topology.MysqlDir, file)
		return claim.Sabotage{
			Name: name, Effect: claim.Disturbs, Want: claim.RestSecretsID + "." + word,
			Do: claim.MakeChange(func(ctx context.Context, b claim.Bench) error {
				p := b.Keys.Password(side, user).Reveal()
				if p == "" {
					return errors.New("leak a password of " + user + ": it is not known")
				}
				return claim.PutFile(side, file, []byte("connected with --password="+p+"\n"))(ctx, b)
			}, claim.RunAsRoot(side, "rm", "-f", file)),
		}
	}
	return []claim.Sabotage{
		leak("channel's password in a script", topology.Replica, "channel.sql", secure.ReplicationUser, "elsewhere"),
		leak("root's password in a log", topology.Source, "client.log", secure.Root, "log"),
	}
}
