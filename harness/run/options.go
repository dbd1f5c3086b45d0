package run

import (
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/secure"
	"ndbproof/harness/upgrade"
)

// Options are what a run can be told.
type Options struct {
	Profile  string        // that is promised: a name or a YAML file, as secure.ByName takes it; "": secure.DefaultProfile
	Release  string        // a release, a tarball's path, an image; "": the newest unmodified release found
	Duration time.Duration // of the inserts, at least
	Rows     int64         // to be inserted, at least
	Rate     int           // rows per second; 0: as fast as it goes
	Keep     bool          // leave the pair running
	Results  string        // folder for results
	Accept   []string      // known defects whose workaround is accepted
	Seed     uint64        // of the workload; 0: drawn
	Command  string        // as typed, for the provenance
	Build    bool          // build or pull the image when it is not there
	Upgrade  Upgrade       // to another release; the zero value: none

	// FromSource allows to build NDB from source when no release is found otherwise.
	FromSource bool

	// Deploy changes the profile that is deployed; the promised one stays what
	// is judged. For sabotage.
	Deploy []secure.Weakness
	// Sabotage breaks the deployment on purpose after the claims were judged, one
	// thing after the other, and has them judged again each time: "", SabotageOne
	// or SabotageAll.
	Sabotage string
	// AsWritten runs the procedure as written also where a known defect is expected
	// to make that crash: so one finds out whether a release still has it.
	AsWritten bool
}

// Upgrade is what Options say of a rolling upgrade. With To set a run brings a pair up
// on the release that Options.Release names, and takes it to another one under load.
type Upgrade struct {
	To string // a release, a tarball's path, an image
	upgrade.Options
}

// What Options.Sabotage may be.
const (
	SabotageOne = "one" // one sabotage of each claim
	SabotageAll = "all"
)

// Defaults of the command and of make run.
const (
	DefaultDuration = 60 * time.Second
	DefaultRows     = 1000
	DefaultRate     = 200
	DefaultResults  = "results"
)

// Usage is an error of the caller: exit 2, and nothing left behind.
type Usage struct{ Err error }

func (u *Usage) Error() string { return u.Err.Error() }
func (u *Usage) Unwrap() error { return u.Err }

func (o *Options) check() error {
	switch {
	case o.Duration < 0 || o.Duration > 24*time.Hour:
		return &Usage{fmt.Errorf("duration %s: want 0 to 24h", o.Duration)}
	case o.Rows < 1 || o.Rows > 100_000_000:
		return &Usage{fmt.Errorf("rows %d: want 1 to 100000000", o.Rows)}
	case o.Rate < 0:
		return &Usage{fmt.Errorf("rate %d: want 0 or more rows a second", o.Rate)}
	case o.Sabotage != "" && o.Sabotage != SabotageOne && o.Sabotage != SabotageAll:
		return &Usage{fmt.Errorf("sabotage %q: want %s or %s", o.Sabotage, SabotageOne, SabotageAll)}
	case o.Sabotage != "" && o.Upgrade.To != "":
		return &Usage{errors.New("sabotage and an upgrade are two runs: give one of --sabotage and --to")}
	case o.AsWritten && (o.Upgrade.To != "" || o.Sabotage != ""):
		return &Usage{errors.New("the procedure as written is a run of its own: give --as-written without --to and --sabotage")}
	case o.Results == "":
		return &Usage{errors.New("no folder for results given")}
	}
	return checkAccepted(o.Accept)
}
