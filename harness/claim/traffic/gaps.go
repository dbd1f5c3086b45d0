package traffic

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/claim"
)

// Gaps are those that the evidence of these claims tells of.
func Gaps() []claim.Gap {
	return []claim.Gap{
		claim.NewGap("G2", "rows travel in clear inside a cluster", claim.TrafficFlowsID, rowsOnLinks),
		claim.NewGap("G3", "who reaches a cluster's network reads its rows", claim.TrafficFlowsID, rowsForStrangers),
	}
}

// rowsOnLinks is gap G2. That a marker is not seen does not close it by itself:
// what travels must be TLS.
func rowsOnLinks(o *Flows) (string, bool) {
	var read []string
	var nodes, plain int
	for _, n := range o.Window.Nodes {
		here := false
		for _, f := range n.Flows {
			if !f.Class.NDB() {
				continue
			}
			if len(f.Up.Markers)+len(f.Down.Markers) > 0 {
				here = true
				read = append(read, string(f.Class))
			}
			if f.Up.Segments+f.Down.Segments > 2 && f.Up.Records+f.Down.Records == 0 {
				plain++
			}
		}
		if here {
			nodes++
		}
	}
	switch {
	case len(read) > 0:
		slices.Sort(read)
		return fmt.Sprintf("a row committed in the window was read at %d nodes, in flows %s", nodes, strings.Join(slices.Compact(read), " and ")), true
	case plain > 0:
		return fmt.Sprintf("the row was not read in passing, and %d flows inside the clusters are without TLS", plain), true
	}
	return "all flows inside the clusters are TLS, and the row was not read in passing", false
}

// unwanted is what an NDB that wants certificates says to who has none. A stranger
// that could not connect for another reason has tried nothing.
const unwanted = "Not Authorized"

// rowsForStrangers is gap G3.
func rowsForStrangers(o *Flows) (string, bool) {
	var got []string
	for _, s := range o.Strangers {
		if !s.Shown && !s.Read && !strings.Contains(s.Says, unwanted) {
			return fmt.Sprintf("not looked at: a container on the network of the %s was neither let in nor refused: %s", s.Side, s.Says), true
		}
		if s.Shown {
			got = append(got, fmt.Sprintf("ndb_mgmd of the %s shows its nodes", s.Side))
		}
		if s.Read {
			got = append(got, fmt.Sprintf("ndb_select_all prints rows of the %s", s.Side))
		}
	}
	switch {
	case len(o.Strangers) == 0:
		return "no stranger was let try", true
	case got != nil:
		return "to a container on the cluster's network, without any credentials: " + strings.Join(got, ", "), true
	}
	return fmt.Sprintf("a container on the cluster's network, without credentials, is refused: %s", o.Strangers[0].Says), false
}
