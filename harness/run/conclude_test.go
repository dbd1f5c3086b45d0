package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/journal"
	"ndbproof/harness/procedure"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

func death() *cluster.Death {
	return &cluster.Death{Side: topology.Source, Node: "sql", Exit: 2, Signal: "11", Defect: "F1"}
}

// at is a run that has come to a step.
func at(step int) order {
	a := order{journal: journal.New(journal.Silent{}, func(error) {})}
	for n := 1; n <= step; n++ {
		enter(a, n)
	}
	return a
}

// What fails before the marker row is a failure to start, whatever it is. What
// fails after it could not be looked at, but a node that dies is a violation.
func TestFailIsClassified(t *testing.T) {
	broken := errors.New("open the channel on replica sql: refused")
	for name, c := range map[string]struct {
		step   int
		marker bool
		err    error
		cause  error // that ended the run
		exit   evidence.Exit
		node   string
		text   string
	}{
		"before the marker":                                  {6, false, broken, nil, evidence.ExitNotStarted, "", broken.Error()},
		"a death before the marker":                          {4, false, fmt.Errorf("wait: %w", death()), nil, evidence.ExitNotStarted, "sql", death().Error()},
		"after the marker":                                   {7, true, broken, nil, evidence.ExitNotLooked, "", broken.Error()},
		"a death after the marker":                           {7, true, fmt.Errorf("look: %w", death()), nil, evidence.ExitViolated, "sql", death().Error()},
		"a death that ended the run":                         {8, true, context.Canceled, death(), evidence.ExitViolated, "sql", death().Error()},
		"an interrupt, whatever came of it":                  {8, true, broken, errors.New("interrupted"), evidence.ExitNotLooked, "", "interrupted"},
		"a claim violated, where the run ends with it":       {7, true, failure.Unheld{Phase: "claims before", Falls: []evidence.Fall{{Claim: "a", Status: evidence.NotLooked}, {Claim: "b", Status: evidence.Violated}}}, nil, evidence.ExitViolated, "", "claims before: a not-looked: ; b violated: "},
		"a claim that could not look, where the run ends so": {7, true, failure.Unheld{Phase: "claims before", Falls: []evidence.Fall{{Claim: "a", Status: evidence.NotLooked}}}, nil, evidence.ExitNotLooked, "", "claims before: a not-looked: "},
		"several at once, in one line":                       {2, false, errors.Join(errors.New("one"), errors.New("two")), nil, evidence.ExitNotStarted, "", "one; two"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.cause != nil {
				cancel(c.cause)
			}
			f := whatFailed(ctx, at(c.step), found{}, &living{marker: c.marker}, judged{}, c.err)
			require.NotNil(t, f)
			assert.Equal(t, c.exit, f.Exit)
			assert.Equal(t, c.node, f.Node)
			assert.Equal(t, c.text, f.Text)
			assert.Equal(t, fmt.Sprintf("step %d", c.step), f.Where)
		})
	}
}

// A run that goes to its end has judged every claim that its profile promises: one
// with fewer, or with others, has not.
func TestNothingFailed(t *testing.T) {
	a := at(8)
	a.promised = secure.Published2021()
	var all []evidence.Outcome
	for _, id := range expected(a) {
		all = append(all, evidence.Outcome{ID: id, Status: evidence.Held})
	}
	require.Greater(t, len(all), 20)
	assert.Nil(t, whatFailed(t.Context(), a, found{}, &living{marker: true}, judged{claims: all}, nil))
	steps := stepsOf(a, nil)
	require.Len(t, steps, 8)
	assert.Equal(t, evidence.StepDone, steps[7].Status)
	for want, claims := range map[string][]evidence.Outcome{
		"missing " + all[3].ID: slices.Delete(slices.Clone(all), 3, 4),
		"twice " + all[0].ID:   append(slices.Clone(all), all[0]),
		"not expected x":       append(slices.Clone(all), evidence.Outcome{ID: "x"}),
	} {
		f := whatFailed(t.Context(), a, found{}, &living{marker: true}, judged{claims: claims}, nil)
		require.NotNil(t, f, want)
		assert.Equal(t, evidence.ExitNotLooked, f.Exit)
		assert.Contains(t, f.Text, want)
	}
}

// Every run tells of all eight steps.
func TestStepsNotReached(t *testing.T) {
	for _, c := range []struct {
		step int
		want string
	}{
		{0, "--------"},
		{1, "f-------"},
		{4, "dddf----"},
		{8, "dddddddf"},
	} {
		steps := stepsOf(at(c.step), &evidence.Failure{})
		letters := map[evidence.StepStatus]string{evidence.StepDone: "d", evidence.StepFailed: "f", evidence.StepNotReached: "-"}
		var got strings.Builder
		for i, s := range steps {
			assert.Equal(t, i+1, s.Step, "in order")
			assert.Equal(t, procedure.Title(s.Step), s.Title)
			got.WriteString(letters[s.Status])
		}
		assert.Equal(t, c.want, got.String(), "failed in step %d", c.step)
	}
	a := at(8)
	a.journal.Leave(evidence.StepDone)
	assert.Len(t, stepsOf(a, &evidence.Failure{}), 8, "all were done before it failed")
}

func TestDefects(t *testing.T) {
	for name, c := range map[string]struct {
		release   string
		asWritten bool
		marker    bool
		failed    string
		want      evidence.DefectStatus
		around    bool
		clear     bool // the profile does not encrypt logs
	}{
		"9.7.4, logs in clear":              {release: "9.7.4", clear: true, marker: true, want: evidence.DefectNotTried},
		"mended, logs in clear":             {release: "9.7.4-fix1", clear: true, marker: true, want: evidence.DefectNotTried},
		"logs in clear, and it crashes":     {release: "9.7.4", clear: true, failed: death().Error(), want: evidence.DefectSeen},
		"9.7.4, worked around":              {release: "9.7.4", marker: true, want: evidence.DefectNotTried, around: true},
		"9.7.4, worked around and seen":     {release: "9.7.4", marker: true, failed: death().Error(), want: evidence.DefectSeen},
		"9.7.4 as written, it crashes":      {release: "9.7.4", asWritten: true, failed: death().Error(), want: evidence.DefectSeen},
		"9.7.4 as written, it holds":        {release: "9.7.4", asWritten: true, marker: true, want: evidence.DefectAbsent},
		"9.7.4 as written, failed before":   {release: "9.7.4", asWritten: true, failed: "no network", want: evidence.DefectNotTried},
		"mended":                            {release: "9.7.4-fix1", marker: true, want: evidence.DefectAbsent},
		"said to be mended, and it crashes": {release: "9.7.4-fix1", marker: true, failed: death().Error(), want: evidence.DefectSeen},
		"mended, failed before":             {release: "9.7.4-fix1", failed: "no network", want: evidence.DefectNotTried},
		"a release from before the defect":  {release: "8.0.25", marker: true, want: evidence.DefectAbsent},
		"another death is not taken for it": {release: "9.7.4-fix1", marker: true, failed: "source sql died (exit 2): in f", want: evidence.DefectAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			var failed *evidence.Failure
			if c.failed != "" {
				failed = &evidence.Failure{Text: c.failed}
			}
			all := defects(order{Options: Options{AsWritten: c.asWritten}, promised: secure.Profile{BinlogEncryption: !c.clear}}, found{image: images.Image{Release: release.MustParse(c.release)}}, &living{marker: c.marker}, failed)
			require.Len(t, all, len(release.Defects()))
			d := all[0]
			assert.Equal(t, "F1", d.ID)
			assert.Equal(t, c.want, d.Status)
			assert.Equal(t, c.around, d.WorkedAround)
		})
	}
	assert.Empty(t, defects(order{}, found{}, &living{}, nil), "without an image nothing is known of any defect")
}

// As written means binlog_encryption=ON in my.cnf; elsewhere that depends on the
// release.
func TestSpecs(t *testing.T) {
	for _, c := range []struct {
		release   string
		asWritten bool
		atStart   bool
	}{
		{"9.7.4", false, false},
		{"9.7.4", true, true},
		{"9.7.4-fix1", false, true},
		{"8.0.25", false, true},
	} {
		a := order{Options: Options{AsWritten: c.asWritten}, promised: secure.Profile{BinlogEncryption: true, Keyring: true}}
		source, replica := specs(a, images.Image{Release: release.MustParse(c.release)})
		assert.Equal(t, c.atStart, source.EncryptAtStart, c.release)
		assert.Equal(t, c.atStart, replica.EncryptAtStart, c.release)
		assert.NotEqual(t, source.ServerID, replica.ServerID)
	}
}
