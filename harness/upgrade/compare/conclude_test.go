package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// Every rule of Conclude: what is broken in an upgrade that would be taken, the
// exit, and what the headline says then.
func TestConclude(t *testing.T) {
	cause := &Cause{Kind: Hung, Side: topology.Source, Node: "sql", Fact: "the greeting", Reason: "connection refused"}
	for name, c := range map[string]struct {
		change func(*Report)
		exit   evidence.Exit
		want   string // of the headline, after the path
	}{
		"taken": {
			func(*Report) {}, 0,
			"taken; 3 steps, 0 rows lost, F1 not tried (worked around); 3 differences, none of them fails",
		},
		"taken, mended": {
			func(r *Report) {
				r.Defects[0].ExpectedTo, r.Defects[0].WorkedAround, r.Defects[0].Status = false, false, evidence.DefectAbsent
				r.Differences = r.Differences[:1]
			}, 0,
			"taken; 3 steps, 0 rows lost, F1 mended; 1 difference, which does not fail",
		},
		"a defect of neither release": {
			func(r *Report) {
				r.Defects = []Defect{{ID: "F1", Status: evidence.DefectNotTried}}
				r.Differences = nil
			}, 0,
			"taken; 3 steps, 0 rows lost; no difference",
		},
		"taken, no difference": {
			func(r *Report) { r.Differences, r.Defects = nil, nil }, 0,
			"taken; 3 steps, 0 rows lost; no difference",
		},
		"a defect that is expected is seen": {
			func(r *Report) { r.Defects[0].WorkedAround, r.Defects[0].Status = false, evidence.DefectSeen }, 0,
			"taken; 3 steps, 0 rows lost, F1 still there (seen); 3 differences, none of them fails",
		},
		"a defect that is not expected is seen": {
			func(r *Report) {
				r.Defects[0].WorkedAround, r.Defects[0].ExpectedTo, r.Defects[0].Status = false, false, evidence.DefectSeen
			}, 1,
			"not taken: defect F1 (the procedure as written crashes mysqld) was seen, and 9.7.4 is not known to have it: encryption switched on at run time",
		},
		"a step fails": {
			func(r *Report) {
				r.Steps[1].Status, r.Steps[1].Error = evidence.StepFailed, "stop ndb1:\nit went on"
			}, 1,
			"not taken: step replica.ndb1: stop ndb1: it went on",
		},
		"a step fails without a word": {
			func(r *Report) { r.Steps[1].Status = evidence.StepFailed }, 1,
			"not taken: step replica.ndb1 failed, and did not say why",
		},
		"a step fails for a cause": {
			func(r *Report) {
				r.Steps[2].Status, r.Steps[2].Error, r.Steps[2].Cause = evidence.StepFailed, "timeout", cause
			}, 1,
			"not taken: step source.sql: source sql hung: the greeting did not come: connection refused",
		},
		"a step fails by its check": {
			func(r *Report) {
				r.Steps[2].Status, r.Steps[2].Error = evidence.StepFailed, "a check did not hold"
				r.Steps[2].Checks[0].Status, r.Steps[2].Checks[0].Text = evidence.Violated, "source ndb2 still runs the old program"
			}, 1,
			"not taken: step source.sql: source ndb2 still runs the old program",
		},
		"a check is violated": {
			func(r *Report) { r.Steps[0].Checks[0].Status = evidence.Violated }, 1,
			"not taken: step replica.mgm: programs (" + programsTitle + ") is violated",
		},
		"a check is not looked at": {
			func(r *Report) {
				r.Steps[0].Checks[0].Status, r.Steps[0].Checks[0].Text = evidence.NotLooked, "no answer"
			}, 3,
			"not taken: could not look: step replica.mgm: no answer",
		},
		"a check saw nothing": {
			func(r *Report) { r.Steps[0].Checks[0].Seen = 0 }, 3,
			"not taken: could not look: step replica.mgm: programs (" + programsTitle + ") is not-looked",
		},
		"rows are lost": {
			func(r *Report) { r.RowsLost = 2 }, 1, "not taken: 2 acknowledged rows lost",
		},
		"rows are not looked for": {
			func(r *Report) { r.Rows = 0 }, 3, "not taken: could not look: no acknowledged row was looked for at the end",
		},
		"a step is not reached": {
			func(r *Report) { r.Steps[2].Status = evidence.StepNotReached }, 3, "not taken: could not look: step source.sql was not reached",
		},
		"no step": {
			func(r *Report) { r.Steps = nil }, 3, "not taken: could not look: the plan has no step",
		},
		"not compared": {
			func(r *Report) { r.Looked = nil }, 3, "not taken: could not look: the two releases were not compared",
		},
		"something was not compared": {
			func(r *Report) { r.Looked[2].To = 0 }, 3,
			"not taken: could not look: area grant at replica: seen under the old release 1, under the new one 0",
		},
		"a difference fails": {
			func(r *Report) { r.Differences[0].Fails = true }, 1,
			"not taken: privilege AUDIT|ADMIN at source: (absent) -> known (new in this release)",
		},
		"a claim is violated": {
			func(r *Report) { r.Claims[0].To, r.Claims[0].Text = evidence.Violated, "no TLS" }, 1,
			"not taken: claim channel.tls is violated (it was held): no TLS",
		},
		"a claim is violated, as before": {
			func(r *Report) {
				r.Claims[0].From, r.Claims[0].To, r.Claims[0].Text = evidence.Violated, evidence.Violated, "no TLS"
			}, 1,
			"not taken: claim channel.tls is violated, as it was under 9.7.2: no TLS",
		},
		"a claim is not looked at": {
			func(r *Report) { r.Claims[0].To, r.Claims[0].Text = evidence.NotLooked, "no channel" }, 3,
			"not taken: could not look: claim channel.tls is not-looked: no channel",
		},
		"a claim does not apply any more": {
			func(r *Report) {
				r.Differences = []Difference{{Area: AreaClaim, Name: "x", From: "held", To: "not-applicable", Fails: true}}
			}, 1,
			"not taken: claim x: held -> not-applicable",
		},
		"a gap is not looked at": {
			func(r *Report) {
				r.Differences = []Difference{{Area: AreaGap, Name: "G5", From: "closed", To: gapNotLooked, Fails: true}}
			}, 3,
			"not taken: could not look: gap G5: closed -> not-looked",
		},
		"a gap was not looked at before": {
			func(r *Report) {
				r.Differences = []Difference{{Area: AreaGap, Name: "G5", From: gapNotLooked, To: "open", Fails: true}}
			}, 3,
			"not taken: could not look: gap G5: not-looked -> open",
		},
		"the pair did not start": {
			func(r *Report) {
				*r = Report{From: r.From, To: r.To, Error: &evidence.Failure{Exit: evidence.ExitNotStarted, Where: "pair", Side: "source", Node: "ndb1", Text: "no answer"}}
			}, 4,
			"not taken: could not start in pair at source ndb1: no answer",
		},
		"a failure without an exit": {
			func(r *Report) { r.Error = &evidence.Failure{Where: "claims", Text: "x"} }, 3,
			"not taken: could not look in claims: x",
		},
		"the harness failed in a step": {
			func(r *Report) {
				r.Error = &evidence.Failure{Exit: evidence.ExitNotLooked, Where: "step source.sql", Text: "the engine is gone"}
				r.Steps[2].Status, r.Steps[2].Error = evidence.StepFailed, "the engine is gone"
			}, 3,
			"not taken: could not look in step source.sql: the engine is gone",
		},
		"a step whose check could not look": {
			func(r *Report) {
				r.Steps[2].Status = evidence.StepFailed
				r.Steps[2].Checks[0] = Check{ID: "programs", Status: evidence.NotLooked, Text: "ndb_mgm did not answer"}
			}, 3,
			"not taken: could not look: step source.sql: ndb_mgm did not answer",
		},
		"several": {
			func(r *Report) {
				r.RowsLost = 1
				r.Steps[1].Status, r.Steps[1].Error = evidence.StepFailed, "x"
				r.Differences[0].Fails = true
				r.Steps[0].Checks[0].Seen = 0
				r.Rows = 0 // follows from the step
			}, 1,
			"not taken: step replica.ndb1: x; 3 more reasons",
		},
		"a long reason": {
			func(r *Report) {
				r.Steps[1].Status, r.Steps[1].Error = evidence.StepFailed, strings.Repeat("x", 400)
			}, 1,
			"not taken: step replica.ndb1: " + strings.Repeat("x", headlineText-len("step replica.ndb1: ")) + "…",
		},
	} {
		r := taken(t)
		c.change(&r)
		got := Conclude(r)
		assert.Equal(t, "9.7.2 -> 9.7.4: "+c.want, got.Verdict.Headline, name)
		assert.Equal(t, c.exit, got.Exit, name)
		assert.Equal(t, c.exit == 0, got.Verdict.Taken, name)
		assert.Equal(t, c.exit == 0, len(got.Verdict.Reasons) == 0, name)
		assert.Equal(t, got, Conclude(got), "%s: concluding again changes nothing", name)
		assert.Equal(t, Schema, got.Schema)
	}
}

func TestRollback(t *testing.T) {
	r := taken(t)
	r.RollbackAt = "source.ndb2"
	assert.Equal(t, "9.7.2 -> 9.7.4 -> 9.7.2: rolled back at step source.ndb2; 3 steps, 0 rows lost, F1 not tried (worked around); 3 differences, none of them fails", Conclude(r).Verdict.Headline)
	r.Looked, r.Claims, r.Differences, r.Figures = nil, nil, nil, nil
	r.Defects = nil
	got := Conclude(r)
	assert.Equal(t, "9.7.2 -> 9.7.4 -> 9.7.2: rolled back at step source.ndb2; 3 steps, 0 rows lost", got.Verdict.Headline, "what was not compared is not said to be alike")
	assert.True(t, got.Verdict.Taken)
	r.RowsLost = 1
	assert.Equal(t, "9.7.2 -> 9.7.4 -> 9.7.2: not rolled back at step source.ndb2: 1 acknowledged row lost", Conclude(r).Verdict.Headline)
}

func TestUnlistedBuildsAreNamed(t *testing.T) {
	r := taken(t)
	r.Builds[1].Listed = false
	assert.True(t, strings.HasPrefix(Conclude(r).Verdict.Headline, "9.7.2 -> 9.7.4 (unlisted build): taken;"))
}

// An empty report proves nothing.
func TestNothingIsNotTaken(t *testing.T) {
	got := Conclude(Report{})
	assert.Equal(t, evidence.ExitNotLooked, got.Exit)
	assert.False(t, got.Verdict.Taken)
}

// Taken, exit 0 and no reason go together, and whatever else is broken, a row
// lost is never taken.
func TestTakenIsExitZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := taken(t)
		from, to := snapshot(), arbitrary(t)
		r = r.Between(from, to, Reviewed())
		for i := range r.Steps {
			r.Steps[i].Status = rapid.SampledFrom([]evidence.StepStatus{evidence.StepDone, evidence.StepFailed, evidence.StepNotReached, ""}).Draw(t, "step")
		}
		r.RowsLost = rapid.Int64Range(0, 1).Draw(t, "lost")
		got := Conclude(r)
		require.Equal(t, got.Exit == evidence.ExitHeld, got.Verdict.Taken)
		require.Equal(t, len(got.Verdict.Reasons) == 0, got.Verdict.Taken)
		for _, d := range got.Differences {
			require.False(t, d.Fails && got.Verdict.Taken, d)
		}
		require.False(t, r.RowsLost > 0 && got.Verdict.Taken)
	})
}

func TestDefects(t *testing.T) {
	parse := release.MustParse
	assert.Equal(t, []Defect{{ID: "F1", Title: release.F1.Title, ExpectedFrom: true, ExpectedTo: false, Status: evidence.DefectNotTried}},
		Defects(parse("9.7.4"), parse("9.7.4-fix1")))
	for want, d := range map[string]Defect{
		"not tried (worked around)":                      {ExpectedTo: true, WorkedAround: true, Status: evidence.DefectNotTried},
		"still there (seen)":                             {ExpectedTo: true, Status: evidence.DefectSeen},
		"seen, although it is not known of this release": {ExpectedFrom: true, Status: evidence.DefectSeen},
		"mended":                  {ExpectedTo: true, Status: evidence.DefectAbsent},
		"absent":                  {Status: evidence.DefectAbsent},
		"not tried":               {ExpectedFrom: true, Status: evidence.DefectNotTried},
		"not expected, not tried": {Status: evidence.DefectNotTried},
	} {
		assert.Equal(t, want, d.outcome())
	}
}
