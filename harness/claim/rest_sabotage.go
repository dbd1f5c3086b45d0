package claim

import (
	"context"
	"errors"
	"path"

	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Sabotages of the claims about what stands on disk.

func markersReadable() []Sabotage {
	const side = topology.Source
	const left = topology.MysqlDir + "/of-an-earlier-life.bak"
	const general = topology.MysqlDir + "/general.log"
	clear := func(name string, side topology.Side, word string, also ...string) Sabotage {
		return Sabotage{
			Name: name, Effect: Disturbs, Want: restMarkersID + "." + word, Also: also,
			Do: clearLogs(side),
		}
	}
	return []Sabotage{
		clear("rows in a clear binary log", side, "binary-log", binlogsID, keysID, directID),
		clear("rows in a clear relay log", topology.Replica, "relay-log", binlogsID, relaylogsID, keysID, directID),
		clear("uncommitted rows in a clear log cache", side, "temporary", binlogsID, keysID, directID),
		{
			Name: "clear log copied aside under another name", Effect: Disturbs, Want: restMarkersID + ".binary-log",
			Do: reversible(
				sequence(statements(side, secure.EncryptionOff), copyAside(side, left), encryptAgain(side)),
				sequence(encryptAgain(side), runAsRoot(side, "rm", "-f", left))),
		},
		{
			Name: "general log switched on", Effect: Disturbs, Want: restMarkersID + ".log",
			Do: reversible(
				statements(side, "SET GLOBAL general_log_file="+secure.QuoteString(general), "SET GLOBAL general_log=ON"),
				sequence(statements(side, "SET GLOBAL general_log=OFF", "SET GLOBAL general_log_file=DEFAULT"), runAsRoot(side, "rm", "-f", general))),
		},
		{
			Name: "marker beside the keyring", Effect: Disturbs, Want: restMarkersID + ".elsewhere",
			Do: reversible(func(ctx context.Context, b Bench) error {
				m, err := b.Channel.Mark(ctx)
				if err != nil {
					return err
				}
				return put(side, notes, []byte(m.Marker))(ctx, b)
			}, runAsRoot(side, "rm", "-f", notes)),
		},
	}
}

// notes is a file that has no business in the keyring's folder.
const notes = topology.KeyringDir + "/notes"

// copyAside commits a marker and copies the log that has it.
func copyAside(side topology.Side, to string) act {
	return func(ctx context.Context, b Bench) error {
		m, err := b.Channel.Mark(ctx)
		if err != nil {
			return err
		}
		p, err := binaryLog.place(ctx, b.Subject, side)
		if err != nil {
			return err
		}
		return runAsServer(side, "cp", path.Join(p.dir, m.End.File), to)(ctx, b)
	}
}

func secretsReadable() []Sabotage {
	leak := func(name string, side topology.Side, file, user, word string) Sabotage {
		file = path.Join(topology.MysqlDir, file)
		return Sabotage{
			Name: name, Effect: Disturbs, Want: restSecretsID + "." + word,
			Do: reversible(func(ctx context.Context, b Bench) error {
				p := b.Keys.Password(side, user).Reveal()
				if p == "" {
					return errors.New("leak a password of " + user + ": it is not known")
				}
				return put(side, file, []byte("connected with --password="+p+"\n"))(ctx, b)
			}, runAsRoot(side, "rm", "-f", file)),
		}
	}
	return []Sabotage{
		leak("channel's password in a script", topology.Replica, "channel.sql", secure.ReplicationUser, "elsewhere"),
		leak("root's password in a log", topology.Source, "client.log", secure.Root, "log"),
	}
}
