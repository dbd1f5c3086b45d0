package claim

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const (
	keyringID = "seed.7.2.keyring"
	keysID    = "seed.7.2.keys"
)

// Keyrings is what both servers say of their keyrings.
type Keyrings struct {
	Servers []ServerKeyring `json:"servers"`
}

// ServerKeyring is what one server says. Component is empty when no component
// is loaded, Plugin when no plugin of that name is.
type ServerKeyring struct {
	Side      topology.Side     `json:"side"`
	Asked     int               `json:"asked"` // tables that were there to be asked
	Component map[string]string `json:"component,omitempty"`
	Plugin    string            `json:"plugin,omitempty"` // PLUGIN_STATUS of keyring_file
	Keys      int               `json:"keys"`             // in performance_schema.keyring_keys
}

// Seen counts tables asked. A keyring that is not there is a violation.
func (o *Keyrings) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if s.Asked == 0 {
			return 0, fmt.Sprintf("the %s has no table that tells of keyrings", s.Side)
		}
		n += s.Asked
	}
	return n, "no server was asked"
}

// LogKeys are the keys that the servers' logs name.
type LogKeys struct {
	Servers []ServerLogKeys `json:"servers"`
}

// ServerLogKeys are those of one server. Binary counts its binary logs among Logs.
type ServerLogKeys struct {
	Side    topology.Side `json:"side"`
	UUID    string        `json:"server_uuid"`
	Binary  int           `json:"binary"`
	Logs    []LogKey      `json:"logs"`
	Keyring []string      `json:"keyring"` // key ids that the keyring holds
}

// LogKey is the header of one log.
type LogKey struct {
	Path    string `json:"path"`
	KeyID   string `json:"key_id,omitempty"`
	Problem string `json:"problem,omitempty"` // why there is none
}

// Seen counts logs. Each server must have a binary log.
func (o *LogKeys) Seen() (int, string) {
	n := 0
	for _, s := range o.Servers {
		if s.Binary == 0 {
			return 0, fmt.Sprintf("the %s has no binary log", s.Side)
		}
		n += len(s.Logs)
	}
	return n, "no server was looked at"
}

func keyring() Claim {
	return observed(Claim{
		ID: keyringID, Step: 7, Effect: Reads, Uses: PartSQL,
		Title:    "the keyring is active on both servers, and holds keys",
		Promised: func(p secure.Profile) bool { return p.Keyring },
		Codes:    codes(keyringID, "inactive", "no-keys"),
		Sabotage: []Sabotage{lostKeys("keyring emptied", keyringID+".no-keys", keysID), absentKeyring()},
	}, lookKeyring, judgeKeyring)
}

func keys() Claim {
	return observed(Claim{
		ID: keysID, Step: 7, Effect: Reads, Uses: PartSQL | PartFiles,
		Title:    "every log is encrypted with a key of its own server, and the keyring holds that key",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption && p.Keyring },
		Codes:    codes(keysID, "no-key", "strangers-key", "not-in-keyring"),
		Sabotage: []Sabotage{
			lostKeys("keys of the logs lost", keysID+".not-in-keyring", keyringID),
			strayLog("log with another server's key", topology.Source, binaryLog, strangersLog, keysID+".strangers-key", binlogsID),
			strayLog("log without a key", topology.Source, binaryLog, clearLog, keysID+".no-key", binlogsID, directID),
		},
	}, lookKeys, judgeKeys)
}

// keyringFile is the file that component and plugin alike keep their keys in.
func keyringFile(ctx context.Context, s Subject, side topology.Side) (string, error) {
	o, err := keyringOf(ctx, s, side)
	if err != nil {
		return "", err
	}
	f := o.Component["Data_file"]
	if f == "" {
		return "", fmt.Errorf("find the keyring file of the %s: no component names one; this needs component_keyring_file", side)
	}
	return f, nil
}

// lostKeys puts an empty file in the place of the replica's keyring and has the
// server read it. The server goes on with the keys that it has in memory; its
// applier would fail at the next relay log, so nothing may rotate until undo.
func lostKeys(name, want string, also ...string) Sabotage {
	const side = topology.Replica
	reload := statements(side, "ALTER INSTANCE RELOAD KEYRING")
	return Sabotage{
		Name: name, Effect: Disturbs, Want: want, Also: also,
		Do: func(ctx context.Context, b Bench) (func(context.Context) error, error) {
			f, err := keyringFile(ctx, b.Subject, side)
			if err != nil {
				return undoNothing, err
			}
			return reversible(
				sequence(runAsServer(side, "mv", f, f+".aside"), put(side, f, nil), reload),
				sequence(runAsServer(side, "mv", "-f", f+".aside", f), reload))(ctx, b)
		},
	}
}

func lookKeyring(ctx context.Context, s Subject) (*Keyrings, error) {
	servers, err := eachSide(func(side topology.Side) (ServerKeyring, error) { return keyringOf(ctx, s, side) })
	return &Keyrings{servers}, err
}

// keyringOf asks for the component where the release can have it, and for the
// plugin where it can have that.
func keyringOf(ctx context.Context, s Subject, side topology.Side) (ServerKeyring, error) {
	o, db, r := ServerKeyring{Side: side}, s.Server(side).DB, s.Spec(side).Release
	if r.Has(release.KeyringComponent) {
		rows, err := replication.Rows(ctx, db, "SELECT STATUS_KEY, STATUS_VALUE FROM performance_schema.keyring_component_status")
		if err != nil {
			return o, withSide(side, err)
		}
		o.Asked, o.Component = o.Asked+1, map[string]string{}
		for _, row := range rows {
			o.Component[row["STATUS_KEY"]] = strings.TrimSpace(row["STATUS_VALUE"])
		}
	}
	if r.Has(release.KeyringPlugin) {
		rows, err := replication.Rows(ctx, db, "SELECT PLUGIN_STATUS FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'keyring_file'")
		if err != nil {
			return o, withSide(side, err)
		}
		o.Asked++
		for _, row := range rows {
			o.Plugin = row["PLUGIN_STATUS"]
		}
	}
	ids, err := keyIDs(ctx, db)
	o.Keys = len(ids)
	return o, withSide(side, err)
}

// keyIDs are the names of the keys in the keyring; their material never shows.
func keyIDs(ctx context.Context, db replication.Querier) ([]string, error) {
	rows, err := replication.Rows(ctx, db, "SELECT KEY_ID FROM performance_schema.keyring_keys ORDER BY KEY_ID")
	return replication.Column(rows, "KEY_ID"), err
}

func judgeKeyring(o *Keyrings, _ secure.Profile, r release.Release) []Violation {
	f := found{id: keyringID}
	for _, s := range o.Servers {
		component := s.Component["Component_status"] == "Active"
		plugin := s.Plugin == "ACTIVE" && r.Has(release.KeyringPlugin)
		if !component && !plugin {
			f.add("inactive", s.Side, fmt.Sprintf("component status %q, plugin status %q; expected one active keyring", s.Component["Component_status"], s.Plugin))
		}
		if s.Keys == 0 {
			f.add("no-keys", s.Side, "the keyring holds no key at all; expected the one that the logs are encrypted with")
		}
	}
	return f.all
}

func lookKeys(ctx context.Context, s Subject) (*LogKeys, error) {
	servers, err := eachSide(func(side topology.Side) (ServerLogKeys, error) { return logKeys(ctx, s, side) })
	return &LogKeys{servers}, err
}

func logKeys(ctx context.Context, s Subject, side topology.Side) (ServerLogKeys, error) {
	o := ServerLogKeys{Side: side}
	rows, err := replication.Rows(ctx, s.Server(side).DB, "SELECT @@server_uuid AS uuid")
	if err != nil {
		return o, withSide(side, err)
	}
	o.UUID = rows[0]["uuid"]
	for _, k := range []kind{binaryLog, relayLog} {
		logs, err := headers(ctx, s, side, k)
		if err != nil {
			return o, err
		}
		if k == binaryLog {
			o.Binary = len(logs)
		}
		o.Logs = append(o.Logs, logs...)
	}
	o.Keyring, err = keyIDs(ctx, s.Server(side).DB)
	return o, withSide(side, err)
}

// headers reads the headers of all logs of a kind.
func headers(ctx context.Context, s Subject, side topology.Side, k kind) ([]LogKey, error) {
	p, err := k.place(ctx, s, side)
	if err != nil {
		return nil, err
	}
	var all []LogKey
	err = k.steadily(ctx, s, side, p, func(files []node.Stat) error {
		all = nil
		for _, st := range files {
			b, err := s.Files.Read(ctx, side, sqlNode(s, side), st.Path, scan.HeaderSize)
			if err != nil {
				return err
			}
			all = append(all, logKey(st.Path, b))
		}
		return nil
	})
	return all, err
}

func logKey(file string, head []byte) LogKey {
	h, err := scan.ParseHeader(head)
	switch {
	case err != nil:
		return LogKey{Path: file, Problem: err.Error()}
	case !h.Encrypted:
		return LogKey{Path: file, Problem: "the log is clear"}
	}
	return LogKey{Path: file, KeyID: h.KeyID}
}

func judgeKeys(o *LogKeys, _ secure.Profile, _ release.Release) []Violation {
	f := found{id: keysID}
	for _, s := range o.Servers {
		for _, l := range s.Logs {
			name := path.Base(l.Path)
			key, err := scan.ParseKeyID(l.KeyID)
			switch {
			case l.Problem != "":
				f.add("no-key", s.Side, fmt.Sprintf("%s names no key: %s", name, l.Problem))
			case err != nil:
				f.add("no-key", s.Side, fmt.Sprintf("%s: %v", name, err))
			case key.UUID != s.UUID:
				f.add("strangers-key", s.Side, fmt.Sprintf("%s names a key of server %s; expected its own, %s", name, key.UUID, s.UUID))
			case !slices.Contains(s.Keyring, l.KeyID):
				f.add("not-in-keyring", s.Side, fmt.Sprintf("%s names %s, which is not among the %d keys of the keyring", name, l.KeyID, len(s.Keyring)))
			}
		}
	}
	return f.all
}
