package compare

import "fmt"

// Tolerance is how far figures may get worse before the upgrade is not taken.
// On small machines they vary from run to run, so these bounds find what is
// broken, not what is a little slower.
type Tolerance struct {
	Throughput   float64 `json:"throughput"`    // the least ratio of TO to FROM
	Start        float64 `json:"start"`         // the greatest ratio of TO to FROM
	StartSeconds float64 `json:"start_seconds"` // a start that is slower by no more than this never fails
	LagSeconds   float64 `json:"lag_seconds"`   // by how much the mean lag may grow
}

// defaultTolerance is that of a run that is given no other.
func defaultTolerance() Tolerance {
	return Tolerance{Throughput: 0.5, Start: 2, StartSeconds: 5, LagSeconds: 5}
}

// Figure is something measured under both releases.
type Figure struct {
	Area    Area    `json:"area"`            // start, throughput, lag
	Where   string  `json:"where,omitempty"` // of a start, the role
	From    float64 `json:"from"`            // s; of throughput acknowledged writes/s
	To      float64 `json:"to"`
	Ratio   float64 `json:"ratio"`   // of TO to FROM; 0 when FROM is 0
	Allowed string  `json:"allowed"` // the bound, in words
	Fails   bool    `json:"fails"`   // outside of the bound
}

// figures gives what was measured under both releases: start-up times role by
// role, throughput, lag. What was measured under one only is not among them.
func (t Tolerance) figures(from, to Snapshot) []Figure {
	var all []Figure
	for _, node := range union(from.StartSeconds, to.StartSeconds) {
		a, b := from.StartSeconds[node], to.StartSeconds[node]
		if a > 0 && b > 0 {
			all = append(all, Figure{
				Area: AreaStart, Where: node, From: a, To: b, Ratio: b / a,
				Allowed: fmt.Sprintf("up to %gx, or %g s more", t.Start, t.StartSeconds),
				Fails:   b > a*t.Start && b-a > t.StartSeconds,
			})
		}
	}
	if a, b := from.Throughput, to.Throughput; a > 0 && b > 0 {
		all = append(all, Figure{
			Area: AreaThroughput, From: a, To: b, Ratio: b / a,
			Allowed: fmt.Sprintf("at least %gx", t.Throughput), Fails: b < a*t.Throughput,
		})
	}
	lag := Figure{
		Area: AreaLag, From: from.LagSeconds, To: to.LagSeconds,
		Allowed: fmt.Sprintf("up to %g s more", t.LagSeconds), Fails: to.LagSeconds-from.LagSeconds > t.LagSeconds,
	}
	if lag.From > 0 {
		lag.Ratio = lag.To / lag.From
	}
	return append(all, lag)
}

// quantities are what figures measure.
var quantities = map[Area]struct{ name, unit string }{
	AreaStart:      {"time to readiness", "s"},
	AreaThroughput: {"acknowledged writes", "writes/s"},
	AreaLag:        {"mean replication lag", "s"},
}

// outside gives the figures that are outside of the tolerance as differences.
// Inside of it they differ always, and mean nothing.
func outside(figures []Figure) []Difference {
	var out []Difference
	for _, f := range figures {
		if f.Fails {
			out = append(out, Difference{
				Area: f.Area, Where: f.Where, Name: quantities[f.Area].name,
				From: fmt.Sprintf("%.1f %s", f.From, quantities[f.Area].unit), To: fmt.Sprintf("%.1f %s", f.To, quantities[f.Area].unit),
				Why: "allowed is " + f.Allowed, Fails: true,
			})
		}
	}
	return out
}
