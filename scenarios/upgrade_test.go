package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/evidence"
	"ndbproof/harness/run"
	"ndbproof/harness/upgrade"
)

// A rolling upgrade of both clusters under load, from one release to another:
// every step checked, no row lost, and a verdict. On two cores the steps with the
// checks between them take 12 minutes at most, with one data node of each node group
// at once 9; no claim between them takes more than 8 s.
func TestVendorUpgrade(t *testing.T) {
	harness.In(t, harness.Upgrades)
	from, to := harness.UpgradePath()
	rep := harness.Procedure(t, run.Options{Release: from, Upgrade: run.Upgrade{To: to, Options: upgrade.Options{PerGroup: harness.PerGroup()}}, Accept: []string{"F1"}})
	harness.RequireUpgraded(t, rep)
	most := 12 * time.Minute
	if harness.PerGroup() {
		most = 9 * time.Minute
	}
	u := harness.UpgradeOf(t, rep)
	assert.Positive(t, u.Seconds["steps"])
	assert.LessOrEqual(t, u.Seconds["steps"]+u.Seconds["checks"], most.Seconds(), "%v", u.Seconds)
	for _, s := range u.Steps {
		for _, c := range s.Checks {
			assert.LessOrEqual(t, c.Seconds, 8.0, "%s after %s", c.ID, s.ID)
		}
	}
}

// An upgrade that is undone in the middle: every step back is checked as those
// forward, and no row is lost.
func TestUpgradeIsRolledBack(t *testing.T) {
	harness.In(t, harness.Upgrades)
	from, to := harness.UpgradePath()
	rep := harness.Procedure(t, run.Options{
		Release: from, Accept: []string{"F1"}, Upgrade: run.Upgrade{To: to, Options: upgrade.Options{PerGroup: true, RollbackAt: "replica.sql"}},
	})
	harness.RequireUpgraded(t, rep)
}

// Undone after its first step, before any data node or mysqld was touched: what was
// not restarted on the way is restarted to be compared.
func TestFirstStepIsRolledBack(t *testing.T) {
	harness.In(t, harness.Upgrades)
	from, to := harness.UpgradePath()
	rep := harness.Procedure(t, run.Options{
		Release: from, Accept: []string{"F1"}, Upgrade: run.Upgrade{To: to, Options: upgrade.Options{PerGroup: true, RollbackAt: "replica.mgm"}},
	})
	harness.RequireUpgraded(t, rep)
}

// A second mysqld takes over while the source's only one is away: writers stand
// for the two changes only, which is less than the restart takes.
func TestSecondMysqldTakesOver(t *testing.T) {
	harness.In(t, harness.Upgrades)
	from, to := harness.UpgradePath()
	rep := harness.Procedure(t, run.Options{
		Release: from, Accept: []string{"F1"}, Upgrade: run.Upgrade{To: to, Options: upgrade.Options{PerGroup: true, SpareSQL: true}},
	})
	harness.RequireUpgraded(t, rep)
	step := harness.StepOf(t, rep, "source.sql")
	assert.Positive(t, step.WritersStoodMS)
	assert.Less(t, step.WritersStoodMS, step.AwayMS)
}

// Both mysqlds go back from copies of their volumes, as they must where a release
// does not go back in place: no row is lost, and none is applied twice.
func TestRollBackFromCopies(t *testing.T) {
	harness.In(t, harness.Upgrades)
	from, to := harness.UpgradePath()
	rep := harness.Procedure(t, run.Options{
		Release: from, Accept: []string{"F1"},
		Upgrade: run.Upgrade{To: to, Options: upgrade.Options{PerGroup: true, RollbackAt: "source.sql", Copies: true}},
	})
	harness.RequireUpgraded(t, rep)
}

// Every sabotaged upgrade is caught by the check that it names, and ends there.
func TestSabotagedUpgradesAreCaught(t *testing.T) {
	harness.In(t, harness.Nightly)
	for _, twist := range upgrade.Twists() {
		t.Run(twist.Name, func(t *testing.T) {
			begun := time.Now()
			rep := harness.Procedure(t, run.Options{
				Release: twist.From, Upgrade: run.Upgrade{To: twist.To, Options: upgrade.Options{PerGroup: true, Twist: &twist}},
			})
			require.NotNil(t, rep.Results.Upgrade)
			assert.False(t, rep.Results.Upgrade.Taken)
			assert.Equal(t, evidence.ExitViolated, rep.Results.Exit, rep.Results.Verdict.Headline)
			blamed := harness.BlamedChecks(t, rep)
			require.NotEmpty(t, blamed, rep.Results.Verdict.Headline)
			assert.Equal(t, twist.Want, blamed[0], rep.Results.Verdict.Headline)
			t.Logf("caught in %.0f s", time.Since(begun).Seconds())
		})
	}
}
