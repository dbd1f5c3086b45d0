package scenarios

import (
	"os"
	"testing"

	"ndbproof/harness"
)

// long are the scenarios that the core suite leaves out: -args -suite=nightly
// has them. The matrix of sabotages runs with -sabotage, too.
var long = []string{
	"TestImageIsBuiltFromNothing",
	"TestLiveComparisonWhileWriting",
	"TestNoFalseAlarm",
	"TestParitySpeed",
	"TestWriterAgainstMysqlslap",
}

const matrix = "TestEveryClaimCanFail"

func TestMain(m *testing.M) { os.Exit(harness.Main(m, matrix, long...)) }
