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
			Do: statements(side, encryptionOff), Undo: encryptedAgain(side),
		}
	}
	return []Sabotage{
		clear("rows in a clear binary log", side, "binary-log", binlogsID, keysID, directID),
		clear("rows in a clear relay log", topology.Replica, "relay-log", binlogsID, relaylogsID, keysID, directID),
		clear("uncommitted rows in a clear log cache", side, "temporary", binlogsID, keysID, directID),
		{
			Name: "clear log copied aside under another name", Effect: Disturbs, Want: restMarkersID + ".binary-log",
			Do:   inTurn(statements(side, encryptionOff), copiedAside(side, left), encryptedAgain(side)),
			Undo: inTurn(encryptedAgain(side), asRoot(side, "rm", "-f", left)), // also when Do ended half way
		},
		{
			Name: "general log switched on", Effect: Disturbs, Want: restMarkersID + ".log",
			Do: statements(side, "SET GLOBAL general_log_file="+secure.QuoteString(general), "SET GLOBAL general_log=ON"),
			Undo: inTurn(statements(side, "SET GLOBAL general_log=OFF", "SET GLOBAL general_log_file=DEFAULT"),
				asRoot(side, "rm", "-f", general)),
		},
		{
			Name: "marker beside the keyring", Effect: Disturbs, Want: restMarkersID + ".elsewhere",
			Do: func(ctx context.Context, b Bench) error {
				m, err := b.Mark(ctx)
				if err != nil {
					return err
				}
				return put(side, noted, []byte(m.Marker))(ctx, b)
			},
			Undo: asRoot(side, "rm", "-f", noted),
		},
	}
}

// noted is a file that nobody expects in the keyring's folder.
const noted = topology.KeyringDir + "/notes"

// copiedAside commits a marker and copies the log that it stands in.
func copiedAside(side topology.Side, to string) act {
	return func(ctx context.Context, b Bench) error {
		m, err := b.Mark(ctx)
		if err != nil {
			return err
		}
		p, err := binaryLog.place(ctx, b, side)
		if err != nil {
			return err
		}
		return asServer(side, "cp", path.Join(p.dir, m.End.File), to)(ctx, b)
	}
}

func secretsReadable() []Sabotage {
	leak := func(name string, side topology.Side, file, user, word string) Sabotage {
		file = path.Join(topology.MysqlDir, file)
		return Sabotage{
			Name: name, Effect: Disturbs, Want: restSecretsID + "." + word,
			Do: func(ctx context.Context, b Bench) error {
				p := b.Password(side, user).Reveal()
				if p == "" {
					return errors.New("leak a password of " + user + ": it is not known")
				}
				return put(side, file, []byte("connected with --password="+p+"\n"))(ctx, b)
			},
			Undo: asRoot(side, "rm", "-f", file),
		}
	}
	return []Sabotage{
		leak("channel's password in a script", topology.Replica, "channel.sql", secure.ReplicationUser, "elsewhere"),
		leak("root's password in a log", topology.Source, "client.log", secure.Root, "log"),
	}
}
