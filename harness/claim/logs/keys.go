package logs

import (
	"context"
	"fmt"
	"path"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/scan"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

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

func keys() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.LogsKeysID, Step: 7, Effect: claim.Reads, Uses: claim.PartSQL | claim.PartFiles,
		Title:    "every log is encrypted with a key of its own server, and the keyring holds that key",
		Promised: func(p secure.Profile) bool { return p.BinlogEncryption && p.Keyring },
		Codes:    claim.MakeCodes(claim.LogsKeysID, "no-key", "strangers-key", "not-in-keyring"),
		Sabotage: []claim.Sabotage{
			lostKeys("keys of the logs lost", claim.LogsKeysID+".not-in-keyring", claim.LogsKeyringID),
			strayLog("log with another server's key", topology.Source, replication.BinaryLogKind, strangersLog, claim.LogsKeysID+".strangers-key", claim.LogsBinlogEncryptedID),
			strayLog("log without a key", topology.Source, replication.BinaryLogKind, clearLog, claim.LogsKeysID+".no-key", claim.LogsBinlogEncryptedID, claim.LogsDirectReadID),
		},
	}, lookKeys, judgeKeys)
}

func lookKeys(ctx context.Context, s claim.Subject) (*LogKeys, error) {
	servers, err := claim.ForEachSide(func(side topology.Side) (ServerLogKeys, error) { return logKeys(ctx, s, side) })
	return &LogKeys{servers}, err
}

func logKeys(ctx context.Context, s claim.Subject, side topology.Side) (ServerLogKeys, error) {
	o := ServerLogKeys{Side: side}
	rows, err := replication.Rows(ctx, s.Server(side).DB, "SELECT @@server_uuid AS uuid")
	if err != nil {
		return o, claim.WithSide(side, err)
	}
	o.UUID = rows[0]["uuid"]
	for _, k := range []replication.LogKind{replication.BinaryLogKind, replication.RelayLogKind} {
		logs, err := headers(ctx, s, side, k)
		if err != nil {
			return o, err
		}
		if k == replication.BinaryLogKind {
			o.Binary = len(logs)
		}
		o.Logs = append(o.Logs, logs...)
	}
	o.Keyring, err = keyIDs(ctx, s.Server(side).DB)
	return o, claim.WithSide(side, err)
}

// headers reads the headers of all logs of a kind.
func headers(ctx context.Context, s claim.Subject, side topology.Side, k replication.LogKind) ([]LogKey, error) {
	p, err := s.Server(side).LogPlace(ctx, k)
	if err != nil {
		return nil, err
	}
	var all []LogKey
	err = lookSteadily(ctx, s, side, k, p, func(files []node.Stat) error {
		all = nil
		for _, st := range files {
			b, err := s.Files.Read(ctx, side, claim.SQLNode(s, side), st.Path, scan.HeaderSize)
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

func judgeKeys(o *LogKeys, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.LogsKeysID}
	for _, s := range o.Servers {
		for _, l := range s.Logs {
			name := path.Base(l.Path)
			key, err := scan.ParseKeyID(l.KeyID)
			switch {
			case l.Problem != "":
				f.Add("no-key", s.Side, fmt.Sprintf("%s names no key: %s", name, l.Problem))
			case err != nil:
				f.Add("no-key", s.Side, fmt.Sprintf("%s: %v", name, err))
			case key.UUID != s.UUID:
				f.Add("strangers-key", s.Side, fmt.Sprintf("%s names a key of server %s; expected its own, %s", name, key.UUID, s.UUID))
			case !slices.Contains(s.Keyring, l.KeyID):
				f.Add("not-in-keyring", s.Side, fmt.Sprintf("%s names %s, which is not among the %d keys of the keyring", name, l.KeyID, len(s.Keyring)))
			}
		}
	}
	return f.All
}
