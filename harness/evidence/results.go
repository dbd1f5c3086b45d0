package evidence

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// Schema names the form of results.json. A change that would break a reader
// raises the number at its end; a new key does not.
const Schema = "ndbproof/results/2"

// Results is results.json: what a run found, and what it ran on.
// docs/results.md describes every field; a test holds the two together.
type Results struct {
	Schema     string         `json:"schema"`
	Run        string         `json:"run"` // the name of the run's directory
	Verdict    Verdict        `json:"verdict"`
	Exit       Exit           `json:"exit"`
	Error      *Failure       `json:"error"`   // nil when the run went to its end
	Release    string         `json:"release"` // "9.7.4"
	Profile    Profile        `json:"profile"`
	Steps      []Step         `json:"steps"`
	Claims     []Outcome      `json:"claims"`
	Sabotage   *Sabotage      `json:"sabotage,omitempty"` // nil when nothing was broken on purpose
	Upgrade    *Upgrade       `json:"upgrade,omitempty"`  // nil when the pair stayed on its release
	Gaps       []GapResult    `json:"gaps"`
	Defects    []DefectResult `json:"defects"`
	Timings    []Timing       `json:"timings"`
	Workload   *Workload      `json:"workload"` // nil when nothing was written
	Provenance Provenance     `json:"provenance"`
}

// Verdict is what the run comes to, in words.
type Verdict struct {
	Headline string `json:"headline"`
}

// Failure is what ended a run before its end, or kept it from judging.
type Failure struct {
	Exit  Exit   `json:"exit"`  // what it means for the run: 1, 3 or 4
	Where string `json:"where"` // the phase or step: "images", "step 4"
	Side  string `json:"side,omitempty"`
	Node  string `json:"node,omitempty"`
	Text  string `json:"text"`
}

// StepStatus is how far a step of the procedure came.
type StepStatus string

// States of a step.
const (
	StepDone       StepStatus = "done"
	StepFailed     StepStatus = "failed"
	StepNotReached StepStatus = "not-reached"
)

// Step is one of the eight steps of the procedure.
type Step struct {
	Step    int        `json:"step"`
	Title   string     `json:"title"`
	Status  StepStatus `json:"status"`
	Seconds float64    `json:"seconds"`
}

// GapStatus tells whether a gap is there.
type GapStatus string

// States of a gap.
const (
	GapOpen   GapStatus = "open"
	GapClosed GapStatus = "closed"
)

// GapResult is something that the profile does not protect, or that it does
// although the published procedure did not.
type GapResult struct {
	ID       string    `json:"id"` // "G1"
	Title    string    `json:"title"`
	Status   GapStatus `json:"status"`
	Text     string    `json:"text,omitempty"`     // what was seen, or what closes it
	Evidence string    `json:"evidence,omitempty"` // file in the run's directory; none: known, not seen by this run
}

// DefectStatus tells what a run saw of a known defect of the release.
type DefectStatus string

// States of a known defect.
const (
	DefectSeen     DefectStatus = "seen"
	DefectAbsent   DefectStatus = "absent"
	DefectNotTried DefectStatus = "not-tried" // the run went around it
)

// DefectResult is a known defect of the product in this run.
type DefectResult struct {
	ID           string       `json:"id"` // "F1"
	Title        string       `json:"title"`
	Status       DefectStatus `json:"status"`
	WorkedAround bool         `json:"worked_around"`
	Accepted     bool         `json:"accepted"` // by --accept; filled by Conclude
	Text         string       `json:"text,omitempty"`
}

// Upgrade is what a rolling upgrade to another release came to; upgrade.json has
// all of it.
type Upgrade struct {
	From     string `json:"from"` // "9.7.2"
	To       string `json:"to"`   // "9.7.4"
	Headline string `json:"headline"`
	Taken    bool   `json:"taken"`
	Exit     Exit   `json:"exit"`
}

// Timing is how long a phase took. The phase "marker" is from the first key,
// network or container made to the marker row seen on the replica.
type Timing struct {
	Phase   string  `json:"phase"`
	Seconds float64 `json:"seconds"`
}

// Workload is what was written while the claims were judged.
type Workload struct {
	Database string         `json:"database"`
	Table    string         `json:"table"`
	Seconds  float64        `json:"seconds"`
	Wanted   int64          `json:"wanted"` // rows asked for; fewer acknowledged ones prove too little
	Kinds    []WorkloadKind `json:"kinds"`
}

// Smallest says in words how small a loss would have shown.
func (w Workload) Smallest() string {
	var acked, compared int64
	for _, k := range w.Kinds {
		acked, compared = acked+k.Acked, compared+k.Compared
	}
	if compared == 0 {
		return "No write was looked for: a loss of any size would not have shown."
	}
	return fmt.Sprintf("Each compared write was looked for by itself, on both sides: the loss of a single one, %.2g %% of them, would have shown. "+
		"Of the %d acknowledged writes %d were not compared: a later write changed the same row or table, or the row was not found as it was sent, which a violation reports.",
		100/float64(compared), acked, acked-compared)
}

// WorkloadKind counts the writes of one kind.
type WorkloadKind struct {
	Kind     string `json:"kind"`     // "insert", "update", "delete", "ddl", "transaction"
	Sent     int64  `json:"sent"`     // statements, or transactions
	Acked    int64  `json:"acked"`    // of these, acknowledged by the source
	Compared int64  `json:"compared"` // of these, found alike on both sides
}

// Provenance is what the run ran on, and how to run it again.
type Provenance struct {
	HostFacts
	Command         string           `json:"command"`
	Seed            uint64           `json:"seed,string"` // a string: JSON's numbers end at 2^53 in many readers
	Start           time.Time        `json:"start"`
	End             time.Time        `json:"end"`
	EngineVersion   string           `json:"engine_version"`
	APIVersion      string           `json:"api_version"`
	StorageDriver   string           `json:"storage_driver"`
	TarballSHA256   string           `json:"tarball_sha256"`              // "" for an image that was not built from one
	ImageID         string           `json:"image_id"`                    // "" before the image was found
	Listed          bool             `json:"listed"`                      // images/releases.json knows this build
	Build           *SourceBuild     `json:"build,omitempty"`             // of a tarball that was built here from source
	PeakMemoryBytes int64            `json:"peak_memory_bytes,omitempty"` // of the pair, when it was measured
	Accounts        []Account        `json:"accounts"`
	Nodes           []NodeProvenance `json:"nodes"`
}

// Account is an account on the servers that is not part of the procedure.
type Account struct {
	Name    string `json:"name"` // `ndbproof_admin`@`%`
	Purpose string `json:"purpose"`
}

// NodeProvenance tells which build a node ran, and with which configuration.
type NodeProvenance struct {
	Side          string   `json:"side"`           // "source", "replica"
	Name          string   `json:"name"`           // "mgm", "ndb1", "sql"
	Role          string   `json:"role"`           // "ndb_mgmd", "ndbmtd", "mysqld"
	Image         string   `json:"image"`          // id of the image
	ProgramSHA256 string   `json:"program_sha256"` // of /proc/1/exe, read from outside
	Config        []string `json:"config"`         // files in the run's directory
}

// MarshalJSON writes lists without an entry as [], so that readers need no
// case for null.
func (r Results) MarshalJSON() ([]byte, error) {
	type plain Results // without this method
	p := plain(r)
	p.Steps, p.Claims, p.Gaps = list(p.Steps), list(p.Claims), list(p.Gaps)
	p.Defects, p.Timings = list(p.Defects), list(p.Timings)
	p.Profile = p.Profile.listed()
	p.Provenance.Accounts = list(p.Provenance.Accounts)
	p.Provenance.Build = r.Provenance.Build.listed()
	p.Provenance.Nodes = list(slices.Clone(p.Provenance.Nodes))
	for i := range p.Provenance.Nodes {
		n := &p.Provenance.Nodes[i]
		n.Config = list(n.Config)
	}
	if r.Workload != nil {
		w := *r.Workload
		w.Kinds = list(w.Kinds)
		p.Workload = &w
	}
	return json.Marshal(p)
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// CheckSchema refuses a document of another schema than this version reads, before
// anything else of it is looked at.
func CheckSchema(document []byte, schema string) error {
	var has struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(document, &has); err != nil {
		return err
	}
	if has.Schema != schema {
		return fmt.Errorf("schema is %q and this version reads %q: run again with this version, or read it with the one that wrote it", has.Schema, schema)
	}
	return nil
}

// Read reads a results.json of this schema.
func Read(path string) (Results, error) {
	var r Results
	b, err := os.ReadFile(path) //nolint:gosec // the caller's own results
	if err != nil {
		return r, fmt.Errorf("read results: %w", err)
	}
	if err := CheckSchema(b, Schema); err != nil {
		return r, fmt.Errorf("read results %s: %w", path, err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read results %s: %w", path, err)
	}
	return r, nil
}
