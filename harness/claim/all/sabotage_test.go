package all

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/claimtest"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/topology"
)

// breakable is a pair on which a sabotage can be carried out.
func breakable(t *testing.T, s claim.Sabotage) *claimtest.Pair {
	t.Helper()
	f := claimtest.NewRestingPair(t)
	f.OnRun = func(topology.Side, node.Command) (node.Output, error) { return node.Output{}, nil }
	f.OnIntrude = f.OnRun
	f.OnLogin = func(topology.Side, replication.Login) error { return nil }
	f.Workload.Database, f.Workload.Table = "test1", "t1"
	f.Servers[topology.Source].Answer("FROM test1.t1", "id n c at b", []any{"1", "2", "61", "2020-01-01", "0x"})
	f.Servers[topology.Source].Answer("SELECT id, marker", "id marker", []any{"1", "m"})
	f.Servers[topology.Replica].Answer("information_schema.statistics", "on_table name columns_in", []any{"`a`.`b`", "i", "x,y"})
	f.Servers[topology.Replica].Answer("FROM ndbproof.marker WHERE marker = ?", "n", []any{int64(0)}) // it was skipped
	if s.Want == claim.LogsKeyringID+".inactive" {
		for p, file := range f.Disk[topology.Replica] {
			if strings.Contains(p, ".00") {
				f.Disk[topology.Replica][p] = claimtest.NewFile([]byte("\xfebin in clear"), file.Mode)
			}
		}
	}
	return f
}

// A list of sabotages is data: each can be carried out and taken back any number of
// times, on any pair.
func TestSabotagesAreData(t *testing.T) {
	for _, c := range Claims() {
		for _, s := range c.Sabotage {
			t.Run(s.Name, func(t *testing.T) {
				var transcripts [2][]string
				var undos [2]func(context.Context) error
				pairs := [2]*claimtest.Pair{breakable(t, s), breakable(t, s)}
				for i, f := range pairs {
					var err error
					undos[i], err = s.Do(t.Context(), f.Bench())
					require.NoError(t, err)
				}
				for i, f := range pairs {
					before := len(f.Acts())
					require.NoError(t, undos[i](t.Context()))
					transcripts[i] = f.Acts()
					if s.Want != claim.TrafficFlowsID+".unclassified" { // its intruder only stops
						require.NotEmpty(t, transcripts[i][before:], "nothing was taken back")
					}
				}
				require.Equal(t, transcripts[0], transcripts[1])
			})
		}
	}
}

// Whatever a sabotage fails at, it returns what takes back what was done before.
func TestUndoAfterAnError(t *testing.T) {
	for _, c := range Claims() {
		for _, s := range c.Sabotage {
			t.Run(s.Name, func(t *testing.T) {
				refused := errors.New("refused")
				for failing := 0; ; failing++ {
					f := breakable(t, s)
					n := 0
					f.FailOn(func(line string) error {
						if _, q, _ := strings.Cut(line, " "); strings.HasPrefix(q, "SHOW ENGINE") || strings.HasPrefix(q, "SELECT epoch") {
							return nil // is asked until it answers
						}
						if n++; n == failing+1 {
							return refused
						}
						return nil
					})
					undo, err := s.Do(t.Context(), f.Bench())
					require.NotNil(t, undo)
					f.FailOn(nil)
					require.NoError(t, undo(t.Context()))
					if err == nil {
						require.GreaterOrEqual(t, n, failing)
						return
					}
					require.ErrorIs(t, err, refused)
				}
			})
		}
	}
}

// A channel without TLS is the right one again before the source insists on TLS.
func TestPlainChannelIsTakenBackInOrder(t *testing.T) {
	for _, id := range []string{claim.ChannelTLSID, claim.TrafficChannelID} {
		s := claimtest.FindClaim(t, Claims(), id).Sabotage[0]
		f := breakable(t, s)
		undo, err := s.Do(t.Context(), f.Bench())
		require.NoError(t, err)
		require.NoError(t, undo(t.Context()))
		at := func(parts ...string) int {
			return slices.IndexFunc(f.Acts(), func(line string) bool {
				return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) })
			})
		}
		order := []int{
			at("root:", "require_secure_transport=OFF"), at("CHANGE REPLICATION SOURCE", "SOURCE_SSL=0"),
			at("CHANGE REPLICATION SOURCE", "SOURCE_SSL=1"), at("root:", "require_secure_transport=ON"),
		}
		require.True(t, slices.IsSorted(order) && order[0] >= 0, "%v of %q", order, f.Acts())
	}
}

// A server loads no certificate that its own CA does not vouch for, so that the
// CA changes with it, and goes back before the right one is loaded.
func TestAnotherCAComesWithItsCertificate(t *testing.T) {
	for _, id := range []string{claim.ChannelCertificatesID, claim.LogsRemoteReadID} {
		for _, s := range claimtest.FindClaim(t, Claims(), id).Sabotage {
			if !strings.HasPrefix(s.Name, "server certificate of another CA") {
				continue
			}
			f := claimtest.NewHealthyPair(t)
			f.OnRun = func(_ topology.Side, c node.Command) (node.Output, error) {
				require.Equal(t, []string{"rm", "-f", topology.StrangeCAPath}, c.Argv)
				return node.Output{}, nil
			}
			undo, err := s.Do(t.Context(), f.Bench())
			require.NoError(t, err)
			require.NoError(t, undo(t.Context()))
			heard := append(f.Changes(topology.Source), f.Changes(topology.Replica)...)
			require.Len(t, heard, 2, s.Name)
			for i, ca := range []string{topology.StrangeCAPath, topology.CAPath} {
				require.Contains(t, heard[i], "SET GLOBAL ssl_ca='"+ca+"';\nALTER INSTANCE RELOAD TLS;", s.Name)
			}
		}
	}
}
