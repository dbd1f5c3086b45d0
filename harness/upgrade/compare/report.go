package compare

import (
	"strings"
	"time"

	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// Schema names the form of upgrade.json. A change that would break a reader
// raises the number at its end; a new key does not.
const Schema = "ndbproof/upgrade/2"

// Report is upgrade.json: what came of an upgrade, or of one that was rolled
// back. docs/upgrade.md describes every field; a test holds the two together.
// Between fills what follows from two snapshots, Conclude the verdict.
type Report struct {
	Schema      string            `json:"schema"`
	Run         string            `json:"run"`                   // the name of the run's directory
	From        string            `json:"from"`                  // "9.7.2"
	To          string            `json:"to"`                    // "9.7.4-fix1"
	RollbackAt  string            `json:"rollback_at,omitempty"` // id of the step at which the plan was undone
	Second      bool              `json:"second"`                // a second mysqld took over while the source's own was away
	Profile     string            `json:"profile"`
	Verdict     Verdict           `json:"verdict"`
	Exit        evidence.Exit     `json:"exit"`
	Error       *evidence.Failure `json:"error"`  // what ended the run outside of a step; nil when nothing did
	Builds      []Build           `json:"builds"` // of FROM, then of TO
	Steps       []StepResult      `json:"steps"`  // all of the plan, in its order
	Rows        int64             `json:"rows"`   // acknowledged writes that were looked for at the end; 0: not looked
	RowsLost    int64             `json:"rows_lost"`
	Claims      []ClaimResult     `json:"claims"` // all, under both releases
	Looked      []Looked          `json:"looked"` // how much was compared
	Differences []Difference      `json:"differences"`
	Figures     []Figure          `json:"figures"`
	Tolerance   Tolerance         `json:"tolerance"`
	Defects     []Defect          `json:"defects"`
	// Seconds tells where the time went: "claims before", "steps",
	// "checks", ... in seconds.
	Seconds map[string]float64 `json:"seconds"`
	Command string             `json:"command"` // how to run it again
	Start   time.Time          `json:"start"`
	End     time.Time          `json:"end"`
}

// Verdict is what an upgrade comes to.
type Verdict struct {
	Headline string `json:"headline"` // in words, one line: the cause first
	// Taken: the release can be taken; of a run that rolls back, the roll-back
	// held. Could-not-look is never taken.
	Taken   bool     `json:"taken"`
	Reasons []string `json:"reasons"` // why it is not taken, the cause first; none when it is
}

// Build is what one of the releases was run from.
type Build struct {
	Release       string `json:"release"`
	TarballSHA256 string `json:"tarball_sha256,omitempty"`
	ImageID       string `json:"image_id,omitempty"`
	Listed        bool   `json:"listed"` // images/releases.json knows this build
}

// StepResult is a step of the plan, and what came of it.
type StepResult struct {
	ID      string              `json:"id"`     // "source.ndb2"
	Title   string              `json:"title"`  // what it does
	Status  evidence.StepStatus `json:"status"` // done, failed, not-reached
	Seconds float64             `json:"seconds"`
	Checks  []Check             `json:"checks"` // made after it
	// WriteOutageMS is the longest time in it without an acknowledged write,
	// ReplicationOutageMS without a row that arrived on the replica, both told by
	// the load's own series, in ms; WritersStoodMS is how long the plan had the
	// writers stand. AwayMS is how long a mysqld was away, from its stop until it
	// served: of the source's only one writers stand that long at the least, unless
	// another one takes over.
	WriteOutageMS       int64     `json:"write_outage_ms"`
	ReplicationOutageMS int64     `json:"replication_outage_ms"`
	WritersStoodMS      int64     `json:"writers_stood_ms"`
	AwayMS              int64     `json:"away_ms"`  // 0: not a mysqld's step
	Programs            []Program `json:"programs"` // of every node, after it
	Error               string    `json:"error,omitempty"`
	Cause               *Cause    `json:"cause,omitempty"` // of a node that died, refused or hung
}

// Check is something that was looked at after a step.
type Check struct {
	ID      string          `json:"id"`    // "programs", "parity", or a claim's id
	Title   string          `json:"title"` // the promise in plain words
	Status  evidence.Status `json:"status"`
	Seen    int             `json:"seen"`           // how many things were looked at; 0 is not-looked
	Text    string          `json:"text,omitempty"` // what was seen instead, or why it was not looked at
	Seconds float64         `json:"seconds"`
}

// CheckOf is a claim's outcome as a check.
func CheckOf(o evidence.Outcome) Check {
	return Check{ID: o.ID, Title: o.Title, Status: o.Status, Seen: o.Seen, Text: strings.Join(o.Details(), "; "), Seconds: o.Seconds}
}

// Program is what a node runs.
type Program struct {
	Side    topology.Side `json:"side"`
	Node    string        `json:"node"`    // "ndb2"
	SHA256  string        `json:"sha256"`  // of /proc/1/exe, read from outside
	Version string        `json:"version"` // as the node reports it: three numbers for an NDB node, without a suffix
}

// Between gives r with what follows from what the pair was like under both
// releases: Claims, Looked, Differences, Figures and, when it is not set,
// Tolerance. Of a run that rolls back, to is what it was like afterwards, under
// FROM again.
func (r Report) Between(from, to Snapshot, ignore Ignored) Report {
	if r.Tolerance == (Tolerance{}) {
		r.Tolerance = defaultTolerance()
	}
	r.Claims = results(from.Claims, to.Claims)
	r.Looked = look(from, to)
	r.Figures = r.Tolerance.figures(from, to)
	r.Differences = compare(from, to, ignore, r.Tolerance)
	return r
}
