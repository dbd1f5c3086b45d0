package rest

import (
	"context"

	"ndbproof/harness/claim"
	"ndbproof/harness/release"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// channelNeedle is the channel's password.
const channelNeedle = "password of " + secure.ReplicationUser

// Secrets is where the servers' passwords stand, in all that both clusters
// have on disk. What the search finds of what it hid itself is its positive
// control.
type Secrets struct {
	Looked
}

// Seen counts what was searched.
func (o *Secrets) Seen() (int, string) {
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

func secretsClaim() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.RestSecretsID, Step: 7, Effect: claim.Reads, Long: true, Uses: claim.PartKeys | claim.PartHost | claim.PartDisks,
		Title:    "no password of the run is readable on any volume, in any log or inspect document of all nodes, beyond the gaps of the profile",
		Codes:    claim.MakeCodes(claim.RestSecretsID, "log", "inspect", "elsewhere"),
		Sabotage: secretsReadable(),
	}, lookSecrets, func(o *Secrets, p secure.Profile, _ release.Release) []claim.Violation {
		f := claim.Violations{ID: claim.RestSecretsID}
		o.judgeHits(&f, p, func(c class) string {
			switch c { //nolint:exhaustive // all others alike
			case binaryLogs, relayLogs, serverLog, containerLog:
				return "log"
			case inspected:
				return "inspect"
			}
			return "elsewhere"
		})
		return f.All
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

func lookSecrets(ctx context.Context, s claim.Subject) (*Secrets, error) {
	texts := map[string]secret.Secret{channelNeedle: s.Keys.Password(topology.Source, secure.ReplicationUser)}
	for _, side := range topology.Sides {
		for _, user := range localAccounts {
			texts[localPassword(side, user)] = s.Keys.Password(side, user)
		}
	}
	looked, err := search(ctx, s, soughtSecrets(), texts)
	return &Secrets{looked}, err
}
