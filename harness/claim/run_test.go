package claim

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// counted is an observation that is as bad as it says.
type counted struct {
	N   int      `json:"n"`
	Bad []string `json:"bad"`
}

func (c *counted) Seen() (int, string) { return c.N, "there was nothing" }

func countedClaim(o *counted, err error) Claim {
	return Define(Claim{ID: "rows.counted", Step: 9, Title: "a claim"},
		func(context.Context, Subject) (*counted, error) { return o, err },
		func(o *counted, _ secure.Profile, _ release.Release) []Violation {
			f := Violations{ID: "rows.counted"}
			for _, word := range o.Bad {
				f.Add(word, "source", "it is bad")
			}
			return f.All
		})
}

func TestRun(t *testing.T) {
	needs := countedClaim(&counted{N: 1}, nil)
	needs.Needs = release.KeyringPlugin
	for name, c := range map[string]struct {
		claim      Claim
		status     Status
		reason     string
		violations int
		kept       bool
	}{
		"held":                         {countedClaim(&counted{N: 2}, nil), Held, "", 0, true},
		"violated":                     {countedClaim(&counted{N: 2, Bad: []string{"a", "b"}}, nil), Violated, "", 2, true},
		"nothing there":                {countedClaim(&counted{Bad: []string{"a"}}, nil), NotLooked, "there was nothing", 0, true},
		"could not look":               {countedClaim(nil, errors.New("no\nserver")), NotLooked, "no server", 0, false},
		"could not look to the end":    {countedClaim(&counted{N: 1, Bad: []string{"a"}}, errors.New("cut")), NotLooked, "cut", 0, true},
		"no observation and no reason": {countedClaim(nil, nil), NotLooked, "look for rows.counted: nothing was observed", 0, false},
		"not for this release":         {needs, NotApplicable, "9.7.4 has no keyring_file plugin", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := evidence.At(t.TempDir())
			o := Run(t.Context(), c.claim, onlyIntent(), dir, secure.Published2021())
			require.Equal(t, "rows.counted", o.ID)
			require.Equal(t, 9, o.Step)
			require.Equal(t, "a claim", o.Title)
			require.Equal(t, c.status, o.Status)
			require.Equal(t, c.reason, o.Reason)
			require.Len(t, o.Violations, c.violations)
			if !c.kept {
				require.Empty(t, o.Evidence)
				return
			}
			require.Equal(t, "claims/rows.counted.json", o.Evidence)
			kept, err := os.ReadFile(dir.Path(o.Evidence))
			require.NoError(t, err)
			again, err := Rejudge(c.claim, kept, secure.Published2021(), newest)
			if o.Seen == 0 && c.reason == "there was nothing" {
				require.ErrorContains(t, err, "nothing was seen")
				return
			}
			require.NoError(t, err)
			if o.Status != NotLooked {
				require.Equal(t, o.Violations, again)
			}
		})
	}
}

func TestRunWithoutRoomForEvidence(t *testing.T) {
	dir := evidence.At(t.TempDir())
	require.NoError(t, dir.Write("claims", []byte("a file where a folder should be")))
	o := Run(t.Context(), countedClaim(&counted{N: 1}, nil), onlyIntent(), dir, secure.Published2021())
	require.Equal(t, NotLooked, o.Status)
	require.Contains(t, o.Reason, "keep evidence")
}

func TestRejudgeRefusesEvidenceOfAnotherShape(t *testing.T) {
	c := countedClaim(nil, nil)
	for _, kept := range []string{``, `{"n": "two"}`, `{"n": 2, "other": 1}`} {
		_, err := Rejudge(c, []byte(kept), secure.Published2021(), newest)
		require.ErrorContains(t, err, "read the evidence of rows.counted")
	}
}

var newest = release.MustParse("9.7.4")

// onlyIntent is a subject without any part.
func onlyIntent() Subject {
	return Subject{Spec: func(side topology.Side) topology.Spec {
		return topology.Standard(side, newest, release.Layout{}, secure.Published2021())
	}}
}
