package claim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// breakable is a pair on which a sabotage can be carried out.
func breakable(t *testing.T, s Sabotage) *fake {
	t.Helper()
	f := resting(t)
	f.run = func(topology.Side, node.Command) (node.Output, error) { return node.Output{}, nil }
	f.intrude = f.run
	f.login = func(topology.Side, replication.Login) error { return nil }
	f.workload.Database, f.workload.Table = "test1", "t1"
	f.servers[topology.Source].on("FROM test1.t1", "id n c at b", []any{"1", "2", "61", "2020-01-01", "0x"})
	f.servers[topology.Source].on("SELECT id, marker", "id marker", []any{"1", "m"})
	f.servers[topology.Replica].on("information_schema.statistics", "on_table name columns_in", []any{"`a`.`b`", "i", "x,y"})
	f.servers[topology.Replica].on("FROM ndbproof.marker WHERE marker = ?", "n", []any{int64(0)}) // it was skipped
	if s.Want == keyringID+".inactive" {
		for p, file := range f.disk[topology.Replica] {
			if strings.Contains(p, ".00") {
				f.disk[topology.Replica][p] = fakeFile{clearLog, file.mode}
			}
		}
	}
	return f
}

// done is what was done to a pair, without what is only asked. What is repeated stands
// once, and markers, which are drawn, are all alike.
func (f *fake) done() []string {
	f.acts.Lock()
	defer f.acts.Unlock()
	var all []string
	for _, line := range f.acts.lines {
		if _, q, _ := strings.Cut(line, " "); strings.HasPrefix(q, "SELECT") || strings.HasPrefix(q, "SHOW") {
			continue
		}
		for i, m := range f.markers {
			line = strings.ReplaceAll(line, m, "mark"+string(rune('1'+i)))
		}
		all = append(all, line)
	}
	return slices.Compact(all)
}

// A list of sabotages is data: each can be carried out and taken back any number of
// times, on any pair.
func TestSabotagesAreData(t *testing.T) {
	for _, c := range All() {
		for _, s := range c.Sabotage {
			t.Run(s.Name, func(t *testing.T) {
				var transcripts [2][]string
				var undos [2]func(context.Context) error
				pairs := [2]*fake{breakable(t, s), breakable(t, s)}
				for i, f := range pairs {
					var err error
					undos[i], err = s.Do(t.Context(), f.bench())
					require.NoError(t, err)
				}
				for i, f := range pairs {
					before := len(f.done())
					require.NoError(t, undos[i](t.Context()))
					transcripts[i] = f.done()
					if s.Want != wireFlowsID+".unclassified" { // its intruder only stops
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
	for _, c := range All() {
		for _, s := range c.Sabotage {
			t.Run(s.Name, func(t *testing.T) {
				refused := errors.New("refused")
				for failing := 0; ; failing++ {
					f := breakable(t, s)
					n := 0
					f.fails = func(line string) error {
						if _, q, _ := strings.Cut(line, " "); strings.HasPrefix(q, "SHOW ENGINE") || strings.HasPrefix(q, "SELECT epoch") {
							return nil // is asked until it answers
						}
						if n++; n == failing+1 {
							return refused
						}
						return nil
					}
					undo, err := s.Do(t.Context(), f.bench())
					require.NotNil(t, undo)
					f.acts.Lock()
					f.fails = nil
					f.acts.Unlock()
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

func TestInTurn(t *testing.T) {
	var said []string
	say := func(word string, err error) act {
		return func(context.Context, Bench) error {
			said = append(said, word)
			return err
		}
	}
	one, two := reversible(say("1", nil), say("-1", nil)), reversible(say("2", nil), say("-2", errors.New("stuck")))
	undo, err := inTurn(one, two)(t.Context(), Bench{})
	require.NoError(t, err)
	require.ErrorContains(t, undo(t.Context()), "stuck")
	require.Equal(t, []string{"1", "2", "-2", "-1"}, said, "all of them, the last one first")

	said = nil
	undo, err = inTurn(one, reversible(say("2", errors.New("no")), say("-2", nil)), two)(t.Context(), Bench{})
	require.ErrorContains(t, err, "no")
	require.NoError(t, undo(t.Context()))
	require.Equal(t, []string{"1", "2", "-2", "-1"}, said, "also what failed, which may have ended half way, and nothing after it")
}

// A channel without TLS is the right one again before the source insists on TLS.
func TestPlainChannelIsTakenBackInOrder(t *testing.T) {
	for _, id := range []string{channelID, wireChannelID} {
		s := byID(t, id).Sabotage[0]
		f := breakable(t, s)
		undo, err := s.Do(t.Context(), f.bench())
		require.NoError(t, err)
		require.NoError(t, undo(t.Context()))
		at := func(parts ...string) int {
			return slices.IndexFunc(f.done(), func(line string) bool {
				return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) })
			})
		}
		order := []int{
			at("root:", "require_secure_transport=OFF"), at("CHANGE REPLICATION SOURCE", "SOURCE_SSL=0"),
			at("CHANGE REPLICATION SOURCE", "SOURCE_SSL=1"), at("root:", "require_secure_transport=ON"),
		}
		require.True(t, slices.IsSorted(order) && order[0] >= 0, "%v of %q", order, f.done())
	}
	require.Equal(t, secure.ReplicationUser, withoutTLS(secure.ChannelOptions{User: secure.ReplicationUser}).User)
}
