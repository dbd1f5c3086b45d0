// Package claim is the frame of what is asserted about a pair of clusters: what a claim
// is, how it is looked for and judged, and the usual acts of the sabotages that break it.
// Looking touches servers through Subject; judging is pure. Nothing here knows of
// containers. The claims are in the packages below, by subject; package all has the list.
package claim

import (
	"context"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
)

// Effect is how far looking, or a sabotage, goes.
type Effect int

// Effects, each including those before it.
const (
	Reads    Effect = iota // queries on the harness's own pool, files, sockets
	Connects               // new connections, programs run in nodes, rows in the harness's own tables
	Disturbs               // channel, accounts, settings or user rows, put right again
	Restarts               // of a server
)

func (e Effect) String() string { return [...]string{"reads", "connects", "disturbs", "restarts"}[e] }

// Observation is what a claim saw: JSON, kept as evidence, judged again later.
type Observation interface {
	// Seen counts what was looked at. 0 is not-looked, with the reason.
	Seen() (n int, unless string)
}

// Violation is one way in which what was seen breaks the claim.
type Violation = evidence.Violation

// Claim is one assertion.
type Claim struct {
	ID       string                    // "logs.binlog-encrypted"
	Step     int                       // of the published procedure, optional
	Title    string                    // the promise in plain words
	Needs    release.Feature           // "" when every release can
	Promised func(secure.Profile) bool // nil: by every profile
	Codes    []string                  // of all violations that Judge can give
	Controls []string
	Uses     Part // of a Subject; a claim is not-looked where one of them is missing
	Effect   Effect
	Long     bool               // looking takes so long that the matrix does it only for the claim's own sabotages, and in controls
	Blank    func() Observation // for reading kept evidence
	Look     func(context.Context, Subject, *evidence.Dir) (Observation, error)
	Judge    func(Observation, secure.Profile, release.Release) []Violation
	Sabotage []Sabotage
}

// Sabotage is a change to the deployment that breaks what a claim is about. It is data,
// to be carried out any number of times: what must be known to take it back is in the
// undo that Do returns.
type Sabotage struct {
	Name     string
	Effect   Effect
	Profiles []string // nil: all
	// Do breaks. undo takes that back on the same bench, under a context of its own; it
	// is never nil, and after an error takes back what was done before it.
	Do   func(context.Context, Bench) (undo func(context.Context) error, err error)
	Want string   // the violation's code
	Also []string // claims that may fall with it
}

// Row is a row of the matrix: a claim, and a sabotage that must make it fall.
type Row struct {
	Claim    Claim
	Sabotage Sabotage
}

// Status is how a claim ended.
type Status = evidence.Status

// The four ends of a claim.
const (
	Held          = evidence.Held
	Violated      = evidence.Violated
	NotLooked     = evidence.NotLooked
	NotApplicable = evidence.NotApplicable
)

// Outcome is a claim's result, in the form of results.json.
type Outcome = evidence.Outcome
