package upgrade

// Area is what a difference is about.
type Area string

// Areas in the order in which a report has them.
const (
	AreaClaim       Area = "claim"
	AreaGap         Area = "gap"
	AreaGrant       Area = "grant"
	AreaPrivilege   Area = "privilege"
	AreaTLS         Area = "tls"
	AreaComponent   Area = "component"
	AreaPlugin      Area = "plugin"
	AreaVariable    Area = "variable"
	AreaConfig      Area = "config"
	AreaDeprecation Area = "deprecation"
	AreaMessage     Area = "message"
	AreaStart       Area = "start"
	AreaThroughput  Area = "throughput"
	AreaLag         Area = "lag"
)

// Difference is something that is not the same under both releases.
type Difference struct {
	Area    Area   `json:"area"`
	Where   string `json:"where,omitempty"`   // "source sql"; "" for the whole pair
	Name    string `json:"name"`              // of a variable, claim, privilege, ...
	From    string `json:"from"`              // under the old release; Absent when it is not there
	To      string `json:"to"`                // under the new one
	Why     string `json:"why,omitempty"`     // why it fails, or what to think of it
	Ignored string `json:"ignored,omitempty"` // why it does not count, from the reviewed list
	Fails   bool   `json:"fails"`             // the upgrade is not taken because of it
}

// Absent stands for what is not there under a release.
const Absent = "(absent)"

// Compare gives what is not the same under both releases: what fails first, then
// by area. Ratios are held to DefaultTolerance. It is pure, and a snapshot has no
// difference from itself.
func Compare(from, to Snapshot, ignore Ignored) []Difference {
	return compare(from, to, ignore, DefaultTolerance())
}
