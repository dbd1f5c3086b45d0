package scenarios

import (
	"os"
	"testing"

	"ndbproof/harness"
)

// What the core suite leaves out: -args -suite=nightly has all of it. The matrix
// of sabotages runs with -sabotage, too, and upgrades with -from or -to.
func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, harness.Suites{
		Matrix:   "TestEveryClaimCanFail",
		Upgrades: []string{"TestVendorUpgrade", "TestUpgradeIsRolledBack", "TestFirstStepIsRolledBack", "TestSecondMysqldTakesOver", "TestRollBackFromCopies"},
		Long: []string{
			"TestCatchUpAfterReset",
			"TestImageIsBuiltFromNothing",
			"TestLiveComparisonWhileWriting",
			"TestNextPositionMeetsTheIncident",
			"TestNoFalseAlarm",
			"TestParitySpeed",
			"TestSabotagedUpgradesAreCaught",
			"TestWriterAgainstMysqlslap",
		},
	}))
}
