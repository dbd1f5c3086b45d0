package evidence

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// claims gives n claims that held, and then those of other ends.
func claims(held int, others ...Outcome) []Outcome {
	var out []Outcome
	for i := range held {
		out = append(out, Outcome{ID: fmt.Sprintf("rows.%d", i), Status: Held})
	}
	return append(out, others...)
}

func ended(s Status, ids ...string) []Outcome {
	var out []Outcome
	for _, id := range ids {
		out = append(out, Outcome{ID: id, Status: s})
	}
	return out
}

var f1 = DefectResult{ID: "F1", Title: "the procedure as written crashes mysqld", Status: DefectNotTried, WorkedAround: true}

func TestHeadlineAndExit(t *testing.T) {
	listed := Provenance{Listed: true, ImageID: "sha256:1"}
	worked := []DefectResult{f1}
	for name, tt := range map[string]struct {
		r      Results
		accept []string
		exit   Exit
		want   string
	}{
		"held": {
			Results{Claims: claims(15)}, nil, ExitHeld, "9.7.4: 15 of 15 claims held",
		},
		"worked around": {
			Results{Claims: claims(15), Defects: worked},
			nil, ExitWorkedAround,
			"9.7.4: 15 of 15 claims held; F1 worked around",
		},
		"worked around and accepted": {
			Results{Claims: claims(15), Defects: worked},
			[]string{"F1"},
			ExitHeld,
			"9.7.4: 15 of 15 claims held; F1 worked around, accepted",
		},
		"another defect accepted": {
			Results{Claims: claims(15), Defects: worked},
			[]string{"F2"},
			ExitWorkedAround,
			"9.7.4: 15 of 15 claims held; F1 worked around",
		},
		"gaps open": {
			Results{Claims: claims(15), Defects: worked, Gaps: []GapResult{{ID: "G1", Status: GapOpen}, {ID: "G2", Status: GapClosed}, {ID: "G3"}}},
			nil, ExitWorkedAround,
			"9.7.4: 15 of 15 claims held, 2 gaps open; F1 worked around",
		},
		"a gap open beside a violation": {
			Results{Claims: claims(1, ended(Violated, "a")...), Gaps: []GapResult{{ID: "G1", Status: GapOpen}}},
			nil, ExitViolated,
			"9.7.4: 1 of 2 claims violated (a), 1 held, 1 gap open",
		},
		"a defect that was looked for and is absent": {
			Results{Claims: claims(15), Defects: []DefectResult{{ID: "F1", Status: DefectAbsent}}},
			nil, ExitHeld,
			"9.7.4: 15 of 15 claims held",
		},
		"not applicable": {
			Results{Claims: claims(14, ended(NotApplicable, "a")...)},
			nil, ExitHeld,
			"9.7.4: 14 of 14 claims held, 1 not applicable to this release",
		},
		"unlisted": {
			Results{Claims: claims(2), Provenance: Provenance{TarballSHA256: "ab"}},
			nil, ExitHeld,
			"9.7.4 (unlisted build): 2 of 2 claims held",
		},
		"built from source": {
			Results{Claims: claims(2), Provenance: Provenance{TarballSHA256: "ab", Build: &SourceBuild{How: BuiltFromSource}}},
			nil, ExitHeld,
			"9.7.4 (built from source): 2 of 2 claims held",
		},
		"built from a patched source": {
			Results{Claims: claims(2), Provenance: Provenance{TarballSHA256: "ab", Build: &SourceBuild{How: BuiltFromSource, Patches: []SourcePatch{{Name: "f1.patch"}}}}},
			nil, ExitHeld,
			"9.7.4 (unlisted build): 2 of 2 claims held",
		},
		"violated": {
			Results{Claims: claims(13, ended(Violated, "channel.tls", "logs.binlog-encrypted")...)},
			nil, ExitViolated,
			"9.7.4: 2 of 15 claims violated (channel.tls, logs.binlog-encrypted), 13 held",
		},
		"violated, worked around, not looked at": {
			Results{Claims: slices.Concat(claims(1), ended(NotLooked, "b"), ended(Violated, "a")), Defects: worked},
			[]string{"F1"},
			ExitViolated,
			"9.7.4: 1 of 3 claims violated (a), 1 not looked at (b), 1 held; F1 worked around, accepted",
		},
		"not looked at": {
			Results{Claims: claims(13, ended(NotLooked, "a", "b")...)},
			nil, ExitNotLooked,
			"9.7.4: 2 of 15 claims not looked at (a, b), 13 held",
		},
		"many": {
			Results{Claims: ended(NotLooked, "a", "b", "c", "d", "e", "f", "g")},
			nil, ExitNotLooked,
			"9.7.4: 7 of 7 claims not looked at (a, b, c, d, e and 2 more)",
		},
		"an unknown status": {
			Results{Claims: claims(1, ended("", "a")...)},
			nil, ExitNotLooked,
			"9.7.4: 1 of 2 claims not looked at (a), 1 held",
		},
		"no claim": {
			Results{}, nil, ExitNotLooked, "9.7.4: no claim was judged",
		},
		"no claim is about the release": {
			Results{Claims: ended(NotApplicable, "a")},
			nil, ExitNotLooked,
			"9.7.4: no claim was judged, 1 not applicable to this release",
		},
		"could not start": {
			Results{Error: &Failure{Exit: ExitNotStarted, Text: "start source ndb2:\n exited with 1\n"}, Defects: worked},
			nil, ExitNotStarted,
			"9.7.4: could not start: start source ndb2: exited with 1",
		},
		"ended midway": {
			Results{Claims: claims(3, ended(NotLooked, "a")...), Error: &Failure{Exit: ExitNotLooked, Text: "the engine is gone"}},
			nil, ExitNotLooked,
			"9.7.4: could not look: the engine is gone; 1 of 4 claims not looked at (a), 3 held",
		},
		"ended midway after a violation": {
			Results{Claims: claims(3, ended(Violated, "a")...), Error: &Failure{Exit: ExitNotLooked, Text: "the engine is gone"}},
			nil, ExitViolated,
			"9.7.4: 1 of 4 claims violated (a), 3 held; could not look: the engine is gone",
		},
		"a node died": {
			Results{Claims: claims(3), Error: &Failure{Exit: ExitViolated, Text: "source sql died of signal 11"}},
			nil, ExitViolated,
			"9.7.4: violated: source sql died of signal 11; 3 of 3 claims held",
		},
		"a failure without an exit": {
			Results{Claims: claims(3), Error: &Failure{Text: "lost"}},
			nil, ExitNotLooked,
			"9.7.4: could not look: lost; 3 of 3 claims held",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := tt.r
			r.Release = "9.7.4"
			if r.Provenance.TarballSHA256 == "" {
				r.Provenance = listed
			}
			got := Conclude(r, tt.accept)
			assert.Equal(t, tt.want, got.Verdict.Headline)
			assert.Equal(t, tt.exit, got.Exit)
			assert.Equal(t, Schema, got.Schema)
			assert.Equal(t, got, Conclude(got, tt.accept), "concluding twice changes nothing")
		})
	}
}

func TestConcludeLeavesItsArgumentAlone(t *testing.T) {
	r := Results{Claims: claims(1), Defects: []DefectResult{f1}}
	Conclude(r, []string{"F1"})
	assert.False(t, r.Defects[0].Accepted)
}

func TestHeadlineOfALongFailureIsCut(t *testing.T) {
	r := Conclude(Results{Error: &Failure{Exit: ExitNotStarted, Text: strings.Repeat("ä", 1000)}}, nil)
	assert.Equal(t, "ndbproof: could not start: "+strings.Repeat("ä", 300)+"…", r.Verdict.Headline)
}

func TestWorst(t *testing.T) {
	order := []Exit{ExitUsage, ExitNotStarted, ExitViolated, ExitNotLooked, ExitWorkedAround, ExitHeld}
	assert.Equal(t, []Exit{2, 4, 1, 3, 5, 0}, order)
	rapid.Check(t, func(t *rapid.T) {
		exits := rapid.SliceOfN(rapid.SampledFrom(order), 1, 6).Draw(t, "exits")
		first := slices.IndexFunc(order, func(e Exit) bool { return slices.Contains(exits, e) })
		if got := Worst(exits...); got != order[first] {
			t.Fatalf("worst of %v is %v", exits, got)
		}
	})
	assert.Equal(t, ExitNotLooked, Worst(), "no exit is not a pass")
	assert.Equal(t, ExitNotLooked, Worst(ExitHeld, 130), "nor is an exit that this package does not define")
	assert.Equal(t, "exit 130", Exit(130).String())
}

func TestCheckSet(t *testing.T) {
	want := []string{"a", "b", "c"}
	require.NoError(t, CheckSet([]string{"c", "a", "b"}, want))
	for name, tt := range map[string]struct {
		got  []string
		want string
	}{
		"fewer":   {[]string{"a", "c"}, "check the set of claims: 2 judged, 3 expected: missing b"},
		"none":    {nil, "missing a, missing b, missing c"},
		"another": {[]string{"a", "b", "d"}, "missing c, not expected d"},
		"twice":   {[]string{"a", "b", "b", "c"}, "twice b"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, CheckSet(tt.got, want), tt.want) })
	}
	require.ErrorContains(t, CheckSet(nil, nil), "no claim is expected")
}
