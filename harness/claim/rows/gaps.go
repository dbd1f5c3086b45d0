package rows

import (
	"fmt"

	"ndbproof/harness/claim"
)

// Gaps are those that the evidence of these claims tells of.
func Gaps() []claim.Gap {
	return []claim.Gap{
		claim.NewGap("G10", "a count of rows does not see wrong ones", claim.RowsParityID, contentsCompared),
	}
}

// contentsCompared is gap G10: it is closed by looking at rows instead.
func contentsCompared(o *Contents) (string, bool) {
	source, replica := o.Report.Rows()
	if source == 0 {
		return "no row was compared", true
	}
	return fmt.Sprintf("%d rows of the source and %d of the replica were compared by their contents, and with what the writers have sent", source, replica), false
}
