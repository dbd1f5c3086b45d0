package logs

import (
	"context"
	"fmt"
	"strings"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
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

func keyring() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.LogsKeyringID, Step: 7, Effect: claim.Reads, Uses: claim.PartSQL,
		Title:    "the keyring is active on both servers, and holds keys",
		Promised: func(p secure.Profile) bool { return p.Keyring },
		Codes:    claim.MakeCodes(claim.LogsKeyringID, "inactive", "no-keys"),
		Sabotage: []claim.Sabotage{lostKeys("keyring emptied", claim.LogsKeyringID+".no-keys", claim.LogsKeysID)},
	}, lookKeyring, judgeKeyring)
}

// keyringFile is the file that component and plugin alike keep their keys in.
func keyringFile(ctx context.Context, s claim.Subject, side topology.Side) (string, error) {
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
func lostKeys(name, want string, also ...string) claim.Sabotage {
	const side = topology.Replica
	reload := claim.RunStatements(side, "ALTER INSTANCE RELOAD KEYRING")
	return claim.Sabotage{
		Name: name, Effect: claim.Disturbs, Want: want, Also: also,
		Do: func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			f, err := keyringFile(ctx, b.Subject, side)
			if err != nil {
				return claim.UndoNothing, err
			}
			return claim.MakeChange(
				claim.ChainActs(claim.RunAsServer(side, "mv", f, f+".aside"), claim.PutFile(side, f, nil), reload),
				claim.ChainActs(claim.RunAsServer(side, "mv", "-f", f+".aside", f), reload))(ctx, b)
		},
	}
}

func lookKeyring(ctx context.Context, s claim.Subject) (*Keyrings, error) {
	servers, err := claim.ForEachSide(func(side topology.Side) (ServerKeyring, error) { return keyringOf(ctx, s, side) })
	return &Keyrings{servers}, err
}

// keyringOf asks for the component where the release can have it, and for the
// plugin where it can have that.
func keyringOf(ctx context.Context, s claim.Subject, side topology.Side) (ServerKeyring, error) {
	o, db, r := ServerKeyring{Side: side}, s.Server(side).DB, s.Spec(side).Release
	if r.Has(release.KeyringComponent) {
		rows, err := replication.Rows(ctx, db, "SELECT STATUS_KEY, STATUS_VALUE FROM performance_schema.keyring_component_status")
		if err != nil {
			return o, claim.WithSide(side, err)
		}
		o.Asked, o.Component = o.Asked+1, map[string]string{}
		for _, row := range rows {
			o.Component[row["STATUS_KEY"]] = strings.TrimSpace(row["STATUS_VALUE"])
		}
	}
	if r.Has(release.KeyringPlugin) {
		rows, err := replication.Rows(ctx, db, "SELECT PLUGIN_STATUS FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'keyring_file'")
		if err != nil {
			return o, claim.WithSide(side, err)
		}
		o.Asked++
		for _, row := range rows {
			o.Plugin = row["PLUGIN_STATUS"]
		}
	}
	ids, err := keyIDs(ctx, db)
	o.Keys = len(ids)
	return o, claim.WithSide(side, err)
}

// keyIDs are the names of the keys in the keyring; their material never shows.
func keyIDs(ctx context.Context, db replication.Querier) ([]string, error) {
	rows, err := replication.Rows(ctx, db, "SELECT KEY_ID FROM performance_schema.keyring_keys ORDER BY KEY_ID")
	return replication.Column(rows, "KEY_ID"), err
}

func judgeKeyring(o *Keyrings, _ secure.Profile, r release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.LogsKeyringID}
	for _, s := range o.Servers {
		component := s.Component["Component_status"] == "Active"
		plugin := s.Plugin == "ACTIVE" && r.Has(release.KeyringPlugin)
		if !component && !plugin {
			f.Add("inactive", s.Side, fmt.Sprintf("component status %q, plugin status %q; expected one active keyring", s.Component["Component_status"], s.Plugin))
		}
		if s.Keys == 0 {
			f.Add("no-keys", s.Side, "the keyring holds no key at all; expected the one that the logs are encrypted with")
		}
	}
	return f.All
}
