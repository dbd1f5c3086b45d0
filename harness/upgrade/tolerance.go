package upgrade

// Tolerance is how far figures may get worse before the upgrade is not taken.
// On small machines they vary from run to run, so these bounds find what is
// broken, not what is a little slower.
type Tolerance struct {
	Throughput   float64 `json:"throughput"`    // the least ratio of TO to FROM
	Start        float64 `json:"start"`         // the greatest ratio of TO to FROM
	StartSeconds float64 `json:"start_seconds"` // a start that is slower by no more than this never fails
	LagSeconds   float64 `json:"lag_seconds"`   // by how much the mean lag may grow
}

// DefaultTolerance is that of a run that is given no other.
func DefaultTolerance() Tolerance {
	return Tolerance{Throughput: 0.5, Start: 2, StartSeconds: 5, LagSeconds: 5}
}

// Figure is something measured under both releases.
type Figure struct {
	Area    Area    `json:"area"`            // start, throughput, lag
	Where   string  `json:"where,omitempty"` // the node, of a start
	From    float64 `json:"from"`            // s, of throughput writes/s
	To      float64 `json:"to"`
	Ratio   float64 `json:"ratio"`   // of TO to FROM; 0 when FROM is 0
	Allowed string  `json:"allowed"` // the bound, in words
	Fails   bool    `json:"fails"`
}
