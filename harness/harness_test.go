package harness

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
)

func TestDefaults(t *testing.T) {
	o := defaults(t, run.Options{Duration: 5 * time.Second, Accept: []string{"F1"}})
	assert.Equal(t, Release(), o.Release)
	assert.EqualValues(t, run.DefaultRows, o.Rows)
	assert.Equal(t, run.DefaultRate, o.Rate)
	assert.Equal(t, filepath.Join("..", "results"), o.Results)
	assert.Equal(t, "go test -run TestDefaults", o.Command)
	assert.Equal(t, 5*time.Second, o.Duration)
	assert.Equal(t, []string{"F1"}, o.Accept)
	assert.False(t, o.Build, "scenarios build no image")

	given := run.Options{Release: "9.7.2", Rows: 7, Rate: 9, Results: t.TempDir()}
	o = defaults(t, given)
	assert.Equal(t, given.Release, o.Release)
	assert.Equal(t, given.Rows, o.Rows)
	assert.Equal(t, given.Rate, o.Rate)
	assert.Equal(t, given.Results, o.Results)
}

// witness counts what a scenario would have been failed for.
type witness struct {
	testing.TB
	errors int
}

func (w *witness) Helper()               {}
func (w *witness) Logf(string, ...any)   {}
func (w *witness) Log(...any)            {}
func (w *witness) Errorf(string, ...any) { w.errors++ }

// RequireHeld is what scenarios rest on: it must be able to fail.
func TestRequireHeldFails(t *testing.T) {
	held, other := evidence.Outcome{ID: "a", Status: evidence.Held}, evidence.Outcome{ID: "b", Status: evidence.NotApplicable}
	for name, c := range map[string]struct {
		results evidence.Results
		errors  int
	}{
		"held":               {evidence.Results{Claims: []evidence.Outcome{held, other}}, 0},
		"violated":           {evidence.Results{Claims: []evidence.Outcome{held, {ID: "c", Status: evidence.Violated}}}, 1},
		"not looked":         {evidence.Results{Claims: []evidence.Outcome{{ID: "c", Status: evidence.NotLooked}}}, 1},
		"no status":          {evidence.Results{Claims: []evidence.Outcome{{ID: "c"}}}, 1},
		"ended early":        {evidence.Results{Claims: []evidence.Outcome{held}, Error: &evidence.Failure{}}, 1},
		"another exit":       {evidence.Results{Claims: []evidence.Outcome{held}, Exit: evidence.ExitWorkedAround}, 1},
		"all of it":          {evidence.Results{Claims: []evidence.Outcome{{}, {}}, Error: &evidence.Failure{}, Exit: evidence.ExitNotLooked}, 4},
		"not even one claim": {evidence.Conclude(evidence.Results{}, nil), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := &witness{TB: t}
			RequireHeld(w, run.Report{Results: c.results}, evidence.ExitHeld)
			assert.Equal(t, c.errors, w.errors)
		})
	}
}

func TestRequireCaughtFails(t *testing.T) {
	for name, c := range map[string]struct {
		sabotage *evidence.Sabotage
		errors   int
	}{
		"nothing was tried": {nil, 1},
		"all caught":        {&evidence.Sabotage{Caught: 3, Total: 3}, 0},
		"one was not":       {&evidence.Sabotage{Caught: 2, Total: 3}, 1},
		"a false alarm":     {&evidence.Sabotage{Caught: 3, Total: 3, FalseAlarms: 1}, 1},
	} {
		w := &witness{TB: t}
		RequireCaught(w, run.Report{Results: evidence.Results{Sabotage: c.sabotage}})
		assert.Equal(t, c.errors, w.errors, name)
	}
}

// What the core suite leaves out is not selected, and asking for it by name
// without its suite is an error.
func TestLeaveOut(t *testing.T) {
	skip, asked := flag.Lookup("test.skip"), flag.Lookup("test.run")
	before, run := skip.Value.String(), asked.Value.String()
	t.Cleanup(func() { require.NoError(t, errors.Join(skip.Value.Set(before), asked.Value.Set(run))) })

	require.NoError(t, asked.Value.Set(""))
	all := map[string]Suite{"TestShort": Core, "TestMatrix": Matrix, "TestUpgrade": Upgrades, "TestLong": Nightly}
	require.NoError(t, leaveOut(all))
	require.Equal(t, "^(TestLong|TestMatrix|TestUpgrade)$", skip.Value.String())

	require.NoError(t, asked.Value.Set("^TestLong$"))
	require.ErrorContains(t, leaveOut(all), "-suite=nightly")

	require.NoError(t, asked.Value.Set("TestUpgrade"))
	require.ErrorContains(t, leaveOut(all), "-suite=nightly")
	require.NoError(t, flag.Set("to", "9.7.4"))
	require.NoError(t, skip.Value.Set(""))
	require.NoError(t, leaveOut(all), "-to asks for it")
	require.Equal(t, "^(TestLong|TestMatrix)$", skip.Value.String())
}

// Every scenario says which suite it is in, by a name that exists; one that does not is
// an error, and not taken for a scenario of the core suite.
func TestScenariosSayTheirSuite(t *testing.T) {
	all, err := readSuites(os.DirFS(filepath.Join("..", "scenarios")))
	require.NoError(t, err)
	assert.Equal(t, Matrix, all["TestEveryClaimCanFail"])
	assert.Equal(t, Upgrades, all["TestVendorUpgrade"])
	assert.Equal(t, Nightly, all["TestParitySpeed"])
	assert.Equal(t, Core, all["TestSecureReplicationHolds"])
	for body, want := range map[string]string{
		"harness.In(t, harness.Core)":            "",
		"harness.In(t, harness.Weekly)":          "a_test.go: TestA: there is no suite Weekly",
		"t.Log()\n\tharness.In(t, harness.Core)": "its first line does not say which suite it is in",
		"":                                       "its first line does not say which suite it is in",
	} {
		_, err := readSuites(fstest.MapFS{"a_test.go": {Data: []byte("package a\n\nfunc TestA(t *testing.T) {\n\t" + body + "\n}\n")}})
		if want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, want, body)
		}
	}
	_, err = readSuites(fstest.MapFS{})
	require.ErrorContains(t, err, "there is no test")
}
