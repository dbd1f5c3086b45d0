package claim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/replication"
)

func TestPartsOfASubject(t *testing.T) {
	f := claimtest.NewPair(t, claimtest.Newest)
	require.Equal(t, "network, sql, keys, files, host, wire, disks, writers", claim.AllParts.String())
	require.Equal(t, claim.AllParts, f.Subject().Parts())
	require.Zero(t, claim.Subject{Spec: f.Spec}.Parts())
	require.Zero(t, claim.Subject{Spec: f.Spec, Channel: replication.NewChannel(nil, nil, f.Password("", ""))}.Parts())
	for one := claim.Part(1); one < claim.AllParts; one <<= 1 {
		require.Equal(t, one, claimtest.KeepParts(f.Subject(), one).Parts(), one)
		require.Equal(t, claim.AllParts&^one, claimtest.KeepParts(f.Subject(), claim.AllParts&^one).Parts(), one)
	}
}
