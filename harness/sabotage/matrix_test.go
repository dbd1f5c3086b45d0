package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// stage is a pair without nodes: what is broken in it, by claim, and how.
type stage struct {
	mu      sync.Mutex
	broken  map[string]string // "" or a word of a violation; "unseen": cannot be looked for
	behind  error             // of catching up
	looked  []string
	renewed []string
	kept    []string
	died    func(error)
}

// bench is all that the matrix asks of a pair.
func (s *stage) bench() claim.Bench {
	return claim.Bench{Subject: claim.Subject{Spec: func(side topology.Side) topology.Spec {
		return topology.Spec{Name: string(side), Release: release.MustParse("9.7.4")}
	}}}
}

func (s *stage) catchUp(context.Context, claim.Bench) error { return s.behind }

// act breaks or mends.
type act = func(context.Context) error

// undone is what a sabotage does, and what undoes it.
func undone(do, undo act) func(context.Context, claim.Bench) (func(context.Context) error, error) {
	return func(ctx context.Context, _ claim.Bench) (func(context.Context) error, error) { return undo, do(ctx) }
}

// nothing breaks, or mends, nothing.
func nothing(context.Context) error { return nil }

func (s *stage) breaks(id, word string) act {
	return func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.broken[id] = word
		return nil
	}
}

type seen struct {
	Word string `json:"word"`
}

func (*seen) Seen() (int, string) { return 1, "" }

// claimOf looks whether it is broken on the stage.
func (s *stage) claimOf(id string, e claim.Effect, sabotages ...claim.Sabotage) claim.Claim {
	return claim.Claim{
		ID: id, Effect: e, Sabotage: sabotages,
		Look: func(context.Context, claim.Subject, *evidence.Dir) (claim.Observation, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.looked = append(s.looked, id)
			if s.broken[id] == "unseen" {
				return nil, errors.New("there was nothing")
			}
			return &seen{s.broken[id]}, nil
		},
		Judge: func(o claim.Observation, _ secure.Profile, _ release.Release) []claim.Violation {
			if w := o.(*seen).Word; w != "" {
				return []claim.Violation{{Code: id + "." + w, Text: "it is " + w}}
			}
			return nil
		},
	}
}

// sabotageOf breaks claim id with a word, and mends it.
func (s *stage) sabotageOf(id, word string) claim.Sabotage {
	return claim.Sabotage{Name: id + " " + word, Effect: claim.Disturbs, Want: id + "." + word, Do: undone(s.breaks(id, word), s.breaks(id, ""))}
}

// play runs the rows of all claims' sabotages.
func (s *stage) play(t *testing.T, claims ...claim.Claim) (evidence.Sabotage, error) {
	t.Helper()
	var rows []claim.Row
	for _, c := range claims {
		for _, x := range c.Sabotage {
			rows = append(rows, claim.Row{Claim: c, Sabotage: x})
		}
	}
	m := &Matrix{Bench: s.bench(), Claims: claims, Scratch: evidence.At(t.TempDir()), Stage: Stage{
		CatchUp: s.catchUp, Deaths: func(end context.CancelCauseFunc) { s.died = end },
		Ready: func(context.Context) error { return nil },
		Keep: func(n int, outcomes []evidence.Outcome) string {
			s.kept = append(s.kept, fmt.Sprintf("%d: %d", n, len(evidence.Falls(outcomes))))
			return fmt.Sprintf("sabotage/%02d", n)
		},
		Renew: func(_ context.Context, n int, why string) (claim.Bench, error) {
			s.renewed = append(s.renewed, fmt.Sprintf("%d: %s", n, why))
			s.broken, s.behind = map[string]string{}, nil
			return s.bench(), nil
		},
		Group: func(string, int) {}, Show: func(evidence.Sabotage, *evidence.SabotageRow) {},
	}}
	var err error
	synctest.Test(t, func(t *testing.T) { err = m.Run(t.Context(), rows) })
	return m.Result(), err
}

// dead is the death of a node.
type dead string

func (d dead) Error() string { return string(d) }
func (dead) NodeDied()       {}

func newStage() *stage { return &stage{broken: map[string]string{}} }

func TestMatrixCatchesWhatFalls(t *testing.T) {
	s := newStage()
	long := s.claimOf("d", claim.Reads)
	long.Long = true
	got, err := s.play(t,
		s.claimOf("a", claim.Reads, s.sabotageOf("a", "open")),
		s.claimOf("b", claim.Disturbs, s.sabotageOf("b", "lost")),
		s.claimOf("c", claim.Connects), long,
	)
	require.NoError(t, err)
	assert.Equal(t, "caught 2/2, false alarms 0", got.Score())
	assert.Equal(t, []string{"a", "b", "c", "d"}, got.Claims)
	assert.Equal(t, [][]string{{"X", " ", ".", " "}, {".", "X", ".", " "}}, [][]string{got.Marks(got.Rows[0]), got.Marks(got.Rows[1])},
		"a claim that disturbs, or takes long, is judged only for its own sabotage")
	assert.Equal(t, []string{"a.open"}, got.Rows[0].Got)
	assert.Equal(t, "sabotage/01", got.Rows[0].Evidence)
	assert.True(t, got.Rows[0].Healed)
	assert.Equal(t, []string{"1: 1", "2: 1"}, s.kept)
	require.Len(t, got.Controls, 1)
	assert.Equal(t, []evidence.Status{evidence.Held, evidence.Held, evidence.Held, evidence.Held}, got.Controls[0].Cells)
	assert.Empty(t, s.renewed)
}

func TestMatrixSeesClaimsThatDoNotFall(t *testing.T) {
	s := newStage()
	mends := s.breaks("a", "")
	idle := s.sabotageOf("a", "open")
	idle.Name, idle.Do = "nothing is broken", undone(nothing, mends)
	other := s.sabotageOf("a", "open")
	other.Name, other.Do = "broken in another way", undone(s.breaks("a", "shut"), mends)
	unseen := s.sabotageOf("a", "open")
	unseen.Name, unseen.Do = "not to be looked at", undone(s.breaks("a", "unseen"), mends)
	missing := s.sabotageOf("a", "open")
	missing.Name, missing.Do = "cannot be done", undone(
		func(context.Context) error { return errors.New("no such file") },
		func(context.Context) error { return errors.New("nothing to undo") })
	got, err := s.play(t, s.claimOf("a", claim.Reads, idle, other, unseen, missing))
	require.NoError(t, err)
	assert.Equal(t, "caught 0/4, false alarms 0", got.Score())
	for i, want := range []string{"the claim held", "the claim is violated, but not by a.open", "the claim is not-looked, which is no catch", "not done: no such file"} {
		assert.Equal(t, want, got.Rows[i].Reason)
		assert.Equal(t, i < 3, got.Rows[i].Done)
		assert.True(t, got.Rows[i].Healed, "%s: %s", got.Rows[i].Name, got.Rows[i].Trouble)
	}
	assert.Equal(t, []string{"a.shut"}, got.Rows[1].Got)
}

func TestMatrixSeesFalseAlarms(t *testing.T) {
	s := newStage()
	both := func(word string) claim.Sabotage {
		x := s.sabotageOf("a", "open")
		x.Name = word
		x.Do = undone(
			func(ctx context.Context) error {
				return errors.Join(s.breaks("a", "open")(ctx), s.breaks("b", word)(ctx))
			},
			func(ctx context.Context) error { return errors.Join(s.breaks("a", "")(ctx), s.breaks("b", "")(ctx)) })
		return x
	}
	listed := both("listed")
	listed.Also = []string{"b"}
	got, err := s.play(t, s.claimOf("a", claim.Reads, both("violated"), both("unseen"), listed), s.claimOf("b", claim.Connects))
	require.NoError(t, err)
	assert.Equal(t, "caught 3/3, false alarms 2", got.Score())
	assert.Equal(t, []string{"b"}, got.Rows[0].FalseAlarms)
	assert.Equal(t, []string{"b"}, got.Rows[1].FalseAlarms, "a claim that cannot look does not stand")
	assert.Empty(t, got.Rows[2].FalseAlarms)
	assert.Equal(t, []string{"X", "x"}, got.Marks(got.Rows[2]))
	assert.Equal(t, []string{"X", "!"}, got.Marks(got.Rows[0]))
	assert.Contains(t, got.Rows[0].Fell[1].String(), "b violated: it is violated (b.violated)")
}

func TestMatrixReplacesAPairThatDoesNotHeal(t *testing.T) {
	s := newStage()
	stays := s.sabotageOf("a", "open")
	stays.Do = undone(s.breaks("a", "open"), nothing)
	fails := s.sabotageOf("a", "shut")
	fails.Do = undone(s.breaks("a", "shut"), func(context.Context) error { return errors.New("no way back") })
	behind := s.sabotageOf("a", "late")
	behind.Do = undone(s.breaks("a", "late"), func(ctx context.Context) error {
		s.behind = errors.New("the applier stands still")
		return s.breaks("a", "")(ctx)
	})
	got, err := s.play(t, s.claimOf("a", claim.Reads, stays, fails, behind, s.sabotageOf("a", "end")))
	require.NoError(t, err)
	assert.Equal(t, "caught 4/4, false alarms 0, 3 did not heal", got.Score())
	require.Len(t, s.renewed, 3)
	assert.Contains(t, s.renewed[0], "1: wait for the claims to hold again: gave up after")
	assert.Contains(t, s.renewed[0], "a violated: it is open (a.open)")
	assert.Equal(t, "2: mend: no way back", s.renewed[1])
	assert.Contains(t, s.renewed[2], "the applier stands still")
	assert.True(t, got.Rows[3].Healed)
}

func TestMatrixWaitsForAPairToHeal(t *testing.T) {
	s := newStage()
	slow := s.sabotageOf("a", "open")
	slow.Do = undone(s.breaks("a", "open"), nothing)
	a := s.claimOf("a", claim.Reads, slow)
	look := a.Look
	a.Look = func(ctx context.Context, sub claim.Subject, d *evidence.Dir) (claim.Observation, error) {
		if len(s.looked) > 4 {
			s.broken["a"] = ""
		}
		return look(ctx, sub, d)
	}
	got, err := s.play(t, a, s.claimOf("b", claim.Connects))
	require.NoError(t, err)
	assert.True(t, got.Rows[0].Healed, got.Rows[0].Trouble)
	assert.Equal(t, []string{"a", "b", "a", "b", "a", "a", "a", "b"}, s.looked, "only what fell is looked for again; the control looks for all")
}

func TestADeadNodeIsNoCatch(t *testing.T) {
	s := newStage()
	dies := func(x claim.Sabotage, name string) claim.Sabotage {
		do := x.Do
		x.Name = name
		x.Do = func(ctx context.Context, b claim.Bench) (func(context.Context) error, error) {
			s.died(dead("source sql died (exit 2, got signal 11)"))
			return do(ctx, b)
		}
		return x
	}
	a := s.claimOf("a", claim.Reads, dies(s.sabotageOf("a", "open"), "dies while it is broken"), s.sabotageOf("a", "shut"))
	look, n := a.Look, 0
	a.Look = func(ctx context.Context, sub claim.Subject, d *evidence.Dir) (claim.Observation, error) {
		if n++; n == 1 && s.broken["a"] == "shut" {
			s.died(dead("replica ndb1 died (exit 1)"))
		}
		return look(ctx, sub, d)
	}
	got, err := s.play(t, a, s.claimOf("b", claim.Connects, s.sabotageOf("b", "lost")))
	require.NoError(t, err)
	assert.Equal(t, "caught 1/3, false alarms 0, 2 did not heal", got.Score())
	assert.Equal(t, "not done: source sql died (exit 2, got signal 11)", got.Rows[0].Reason)
	assert.Equal(t, "not done: replica ndb1 died (exit 1)", got.Rows[1].Reason)
	assert.Contains(t, got.Rows[1].Fell[0].String(), "a.shut", "the result has what was seen all the same")
	assert.True(t, got.Rows[2].Caught, "the next pair is used")
	assert.Len(t, s.renewed, 2)
}

func TestMatrixEndsWithTheRun(t *testing.T) {
	s := newStage()
	why := errors.New("interrupted")
	var end context.CancelCauseFunc
	x := s.sabotageOf("a", "open")
	x.Do = undone(func(context.Context) error { end(why); return nil }, nothing)
	a := s.claimOf("a", claim.Reads, s.sabotageOf("a", "shut"), x, s.sabotageOf("a", "end"))
	rows := []claim.Row{{Claim: a, Sabotage: a.Sabotage[0]}, {Claim: a, Sabotage: x}, {Claim: a, Sabotage: a.Sabotage[2]}}
	m := &Matrix{Bench: s.bench(), Claims: []claim.Claim{a}, Scratch: evidence.At(t.TempDir()), Stage: Stage{
		CatchUp: s.catchUp, Deaths: func(context.CancelCauseFunc) {},
		Ready: func(context.Context) error { return nil }, Keep: func(int, []evidence.Outcome) string { return "" },
		Group: func(string, int) {}, Show: func(evidence.Sabotage, *evidence.SabotageRow) {},
	}}
	ctx, cancel := context.WithCancelCause(t.Context())
	end = cancel
	require.ErrorIs(t, m.Run(ctx, rows), why)
	assert.Len(t, m.result.Rows, 1, "a row that was cut off says nothing")
	assert.Equal(t, 3, m.result.Total)
	s2 := evidence.Conclude(evidence.Results{Sabotage: &m.result, Claims: []evidence.Outcome{{ID: "a", Status: evidence.Held}}}, nil)
	assert.Equal(t, evidence.ExitNotLooked, s2.Exit)
}

func TestAControlThatFallsReplacesThePair(t *testing.T) {
	s := newStage()
	restarts := s.sabotageOf("a", "shut")
	restarts.Effect = claim.Restarts
	b := s.claimOf("b", claim.Disturbs)
	first := s.sabotageOf("a", "open")
	first.Do = undone(s.breaks("a", "open"), func(ctx context.Context) error {
		return errors.Join(s.breaks("b", "lost")(ctx), s.breaks("a", "")(ctx))
	})
	got, err := s.play(t, s.claimOf("a", claim.Reads, first, restarts), b)
	require.NoError(t, err)
	assert.Equal(t, "caught 2/2, false alarms 1", got.Score())
	require.Len(t, got.Controls, 2)
	assert.Equal(t, []string{"disturbs", "restarts"}, []string{got.Controls[0].After, got.Controls[1].After})
	assert.Equal(t, "b", got.Controls[0].Fell[0].Claim)
	assert.Empty(t, got.Controls[1].Fell)
	require.Len(t, s.renewed, 1)
	assert.Contains(t, s.renewed[0], "claims fell although nothing was broken")
}

// TestMatrixOfAllClaims holds the rows that a run carries out to its promises.
func TestMatrixOfAllClaims(t *testing.T) {
	p := secure.Published2021()
	rows := all.Matrix(p, release.MustParse("9.7.4"))
	assert.GreaterOrEqual(t, len(rows), 28)
	gs := groups(rows)
	for i := 1; i < len(gs); i++ {
		assert.Less(t, gs[i-1][0].Sabotage.Effect, gs[i][0].Sabotage.Effect)
	}
	assert.Equal(t, claim.Restarts, gs[len(gs)-1][0].Sabotage.Effect, "those that restart a server come last")
	one := all.OneEach(rows)
	var ids []string
	for _, r := range one {
		ids = append(ids, r.Claim.ID)
		assert.NotEqual(t, claim.Restarts, r.Sabotage.Effect, r.Sabotage.Name)
	}
	for _, c := range all.For(p) {
		assert.Len(t, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id != c.ID }), 1, c.ID)
	}
}
