package rest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/scan"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

func TestSecrets(t *testing.T) {
	good := seenOn(t, lookSecrets)
	in := func(side topology.Side, c class, name string) func(*Secrets) {
		return func(o *Secrets) {
			f := fileOf(t, &o.Search, side, c)
			f.Hits = append(f.Hits, hit(name, scan.UTF16))
		}
	}
	root := localPassword(topology.Source, secure.Root)
	claimtest.RequireJudges(t, claimOf(t, claim.RestSecretsID), good, []claimtest.Broken[*Secrets]{
		claimtest.Break("channel's password in the source's tables", in(topology.Source, innodbFile, channelNeedle), []string{"elsewhere"}),
		claimtest.Break("channel's password on a data node", in(topology.Replica, redoLog, channelNeedle), []string{"elsewhere"}),
		claimtest.Break("root's password in the tables", in(topology.Replica, innodbFile, root), []string{"elsewhere"}),
		claimtest.Break("root's password in a log", in(topology.Source, containerLog, root), []string{"log"}),
		claimtest.Break("root's password in a relay log", in(topology.Replica, relayLogs, root), []string{"log"}),
		claimtest.Break("root's password in an inspect document", in(topology.Source, inspected, root), []string{"inspect"}),
	})
	o := good()
	in(topology.Replica, innodbFile, channelNeedle)(o)
	require.Empty(t, claimOf(t, claim.RestSecretsID).Judge(o, secure.Published2021(), claimtest.Newest), "gap G4")
	closed := secure.Published2021()
	closed.Gaps = nil
	require.Len(t, claimOf(t, claim.RestSecretsID).Judge(o, closed, claimtest.Newest), 1, "a profile that closes G4")

	missing, fewer, blind := good(), good(), good()
	missing.Search.Nodes, fewer.Needles, blind.Search.Seen = missing.Search.Nodes[1:], fewer.Needles[1:], 0
	claimtest.RequireUnseen(t, map[string]claim.Observation{"node missing": missing, "fewer needles": fewer, "blind": blind})
}

func TestSecretsNeverShowThem(t *testing.T) {
	f := claimtest.NewRestingPair(t)
	f.Disk[topology.Source][topology.MysqlDir+"/client.log"] = claimtest.NewFile([]byte("of root"), 0o600)
	dir := evidence.At(t.TempDir())
	o := claim.Run(t.Context(), claimOf(t, claim.RestSecretsID), f.Subject(), dir, secure.Published2021())
	require.Equal(t, claim.Violated, o.Status, o.Reason)
	secrets := &secret.Set{}
	require.NoError(t, secrets.Add("root", secret.Of("of root, and more")))
	file, err := dir.Open(o.Evidence)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	hits, err := secrets.Search("evidence", file)
	require.NoError(t, err)
	require.Empty(t, hits)
}
