package claim

import (
	"context"

	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const restSecretsID = "rest.secrets"

// channelNeedle is the channel's password.
const channelNeedle = "password of " + secure.ReplicationUser

// RestSecrets is where the servers' passwords stand, in all that both clusters
// have on disk. What the search finds of what it hid itself is its positive
// control.
type RestSecrets struct {
	Looked
}

// Seen counts what was searched.
func (o *RestSecrets) Seen() (int, string) {
	if reason := o.missing(); reason != "" {
		return 0, reason
	}
	for _, want := range soughtSecrets() {
		if !o.asked(want) {
			return 0, "fewer needles than asked: nothing was searched for by the name of " + want.Name
		}
	}
	return o.count(), "nothing was searched"
}

func restSecrets() Claim {
	return observed(Claim{
		ID: restSecretsID, Step: 7, Effect: Reads, Long: true, Uses: PartKeys | PartHost | PartDisks,
		Title:    "no password of the run is readable on any volume, in any log or inspect document of all nodes, beyond the gaps of the profile",
		Codes:    codes(restSecretsID, "log", "inspect", "elsewhere"),
		Sabotage: secretsReadable(),
	}, lookRestSecrets, func(o *RestSecrets, _ secure.Profile, _ release.Release) []Violation {
		f := found{id: restSecretsID}
		o.judgeHits(&f, func(c class) string {
			switch c { //nolint:exhaustive // all others alike
			case binaryLogs, relayLogs, serverLog, containerLog:
				return "log"
			case inspected:
				return "inspect"
			}
			return "elsewhere"
		})
		return f.all
	})
}

// localPassword names the password of an account that is local to a server.
func localPassword(side topology.Side, user string) string {
	return "password of " + user + " at the " + string(side)
}

// localAccounts have a password of their own at each server.
var localAccounts = []string{secure.AdminUser, secure.Root}

func soughtSecrets() []Sought {
	all := []Sought{{Name: channelNeedle, Kind: channelPassword}}
	for _, side := range topology.Sides {
		for _, user := range localAccounts {
			all = append(all, Sought{Name: localPassword(side, user), Kind: otherPassword})
		}
	}
	return all
}

func lookRestSecrets(ctx context.Context, s Subject) (*RestSecrets, error) {
	texts := map[string]secret.Secret{channelNeedle: s.Keys.Password(topology.Source, secure.ReplicationUser)}
	for _, side := range topology.Sides {
		for _, user := range localAccounts {
			texts[localPassword(side, user)] = s.Keys.Password(side, user)
		}
	}
	looked, err := search(ctx, s, soughtSecrets(), texts)
	return &RestSecrets{looked}, err
}
