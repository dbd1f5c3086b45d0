package traffic

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/evidence"
	"ndbproof/harness/secure"
)

func TestLook(t *testing.T) {
	t.Setenv("PATH", "") // no openssl
	for _, id := range []string{claim.TrafficClientID, claim.TrafficChannelID, claim.TrafficFlowsID} {
		t.Run(id, func(t *testing.T) {
			f, dir := wired(t), evidence.At(t.TempDir())
			claimtest.RequireHeld(t, claim.Run(t.Context(), claimOf(t, id), f.Subject(), dir, secure.Published2021()))
			kept, err := os.ReadFile(dir.Path("claims/" + id + "/source-sql.pcap"))
			require.NoError(t, err)
			require.Equal(t, "pcap", string(kept))
		})
	}
}

func TestCannotLook(t *testing.T) {
	t.Setenv("PATH", "")
	for _, id := range []string{claim.TrafficClientID, claim.TrafficChannelID, claim.TrafficFlowsID} {
		t.Run(id, func(t *testing.T) {
			f := wired(t)
			f.OnCapture = nil
			o := claim.Run(t.Context(), claimOf(t, id), f.Subject(), evidence.At(t.TempDir()), secure.Published2021())
			require.Equal(t, claim.NotLooked, o.Status)
			require.Contains(t, o.Reason, "operation not permitted")

			f = wired(t)
			f.Behind = errors.New("the replica lags")
			o = claim.Run(t.Context(), claimOf(t, id), f.Subject(), evidence.At(t.TempDir()), secure.Published2021())
			if id != claim.TrafficClientID {
				require.Equal(t, claim.NotLooked, o.Status)
				require.Contains(t, o.Reason, "the replica lags")
			}
		})
	}
}
