package scenarios

import (
	"os"
	"testing"

	"ndbproof/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
