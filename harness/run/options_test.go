package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/journal"
	"ndbproof/harness/secure"
)

func fine(t *testing.T) Options {
	t.Helper()
	return Options{Rows: DefaultRows, Rate: DefaultRate, Duration: DefaultDuration, Results: t.TempDir()}
}

func TestOptionsThatAreFine(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"the defaults":          func(*Options) {},
		"no time at all":        func(o *Options) { o.Duration = 0 },
		"a whole day":           func(o *Options) { o.Duration = 24 * time.Hour },
		"one row":               func(o *Options) { o.Rows = 1 },
		"as fast as it goes":    func(o *Options) { o.Rate = 0 },
		"a defect that we know": func(o *Options) { o.Accept = []string{"F1"} },
	} {
		o := fine(t)
		change(&o)
		assert.NoError(t, o.check(), name)
	}
}

// A usage error leaves nothing behind: it ends the run before anything is
// looked for.
func TestOptionsThatAreNot(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"duration -1s: want 0 to 24h":           func(o *Options) { o.Duration = -time.Second },
		"duration 25h0m0s: want 0 to 24h":       func(o *Options) { o.Duration = 25 * time.Hour },
		"rows 0: want 1 to 100000000":           func(o *Options) { o.Rows = 0 },
		"rows 100000001: want 1 to 100000000":   func(o *Options) { o.Rows = 100_000_001 },
		"rate -1: want 0 or more rows a second": func(o *Options) { o.Rate = -1 },
		"the procedure as written is a run of its own: give --as-written without --to and --sabotage": func(o *Options) { o.AsWritten, o.Sabotage = true, SabotageAll },
		"no folder for results given":                                 func(o *Options) { o.Results = "" },
		`accept "F2": no known defect has this id; there is F1`:       func(o *Options) { o.Accept = []string{"F1", "F2"} },
		`accept "f1": no known defect has this id; there is F1`:       func(o *Options) { o.Accept = []string{"f1"} },
		`sabotage "some": want ` + SabotageOne + ` or ` + SabotageAll: func(o *Options) { o.Sabotage = "some" },
	} {
		o := fine(t)
		change(&o)
		rep, err := Run(t.Context(), o, journal.Silent{})
		var u *Usage
		require.ErrorAs(t, err, &u, want)
		assert.EqualError(t, err, want)
		assert.Equal(t, evidence.ExitUsage, rep.Results.Exit, want)
		assert.Empty(t, rep.Dir, want)
	}
}

// The summary names every account that the procedure does not have, and none
// that it has.
func TestOutsiders(t *testing.T) {
	var names []string
	for _, a := range outsiders(secure.Published2021()) {
		names = append(names, a.Name)
		assert.NotEmpty(t, a.Purpose, a.Name)
	}
	assert.Equal(t, []string{"`root`@`localhost`", "`ndbproof_admin`@`%`"}, names)
	assert.Empty(t, outsiders(secure.Profile{}))
}

func TestSeedsAreDrawn(t *testing.T) {
	one, other := drawSeed(), drawSeed()
	assert.NotEqual(t, one, other)
}

func TestSabotageIsOneOrAll(t *testing.T) {
	o := Options{Rows: 1, Results: "results"}
	for _, mode := range []string{"", SabotageOne, SabotageAll} {
		o.Sabotage = mode
		require.NoError(t, o.check())
	}
	o.Sabotage = "some"
	var u *Usage
	require.ErrorAs(t, o.check(), &u)
}
