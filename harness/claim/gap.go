package claim

// Gap is something that the published procedure does not protect, and how a run tells
// whether the profile at hand does.
type Gap struct {
	ID, Title string
	From      string // id of the claim whose evidence tells
	// Tell gives what was seen, and whether the gap is open. The observation is From's,
	// and counted for something.
	Tell func(Observation) (seen string, open bool)
}

// NewGap makes a gap of a function that knows the observation's type: what Blank of the
// claim gives.
func NewGap[O Observation](id, title, from string, tell func(O) (seen string, open bool)) Gap {
	return Gap{ID: id, Title: title, From: from, Tell: func(o Observation) (string, bool) { return tell(o.(O)) }}
}
