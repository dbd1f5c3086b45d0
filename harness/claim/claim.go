// Package claim holds what is asserted about a pair of clusters: for each claim
// how to look, how to judge what was seen, and how to break it. Looking touches
// servers through Subject; judging is pure. Nothing here knows of containers.
package claim

import (
	"context"
	"crypto/x509"
	"database/sql"
	"net"

	"ndbproof/harness/epoch"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Subject is what a claim may touch: a pair in containers, or somebody's own.
type Subject interface {
	// Spec says what the cluster is meant to be.
	Spec(topology.Side) topology.Spec
	// Admin is a pool of the harness's own account, over TLS. Not to be closed.
	Admin(topology.Side) *sql.DB
	// Password of an account on a side.
	Password(side topology.Side, user string) secret.Secret
	// Login tries one new connection and pings. The caller closes it.
	Login(context.Context, topology.Side, replication.Login) (*sql.DB, error)
	// Dial opens a TCP connection to the side's mysqld.
	Dial(context.Context, topology.Side) (net.Conn, error)
	// Authority is the run's own CA, Leaf the certificate made for the side's server.
	Authority() *x509.Certificate
	Leaf(topology.Side) *x509.Certificate

	// List gives dir itself and everything under it, recursively, symbolic links
	// not followed. A dir that does not exist is an empty list.
	List(ctx context.Context, side topology.Side, node, dir string) ([]node.Stat, error)
	// Read gives a file's first max bytes; max <= 0: all.
	Read(ctx context.Context, side topology.Side, node, path string, max int64) ([]byte, error)
	// Run runs a program of the release in the node's container.
	Run(ctx context.Context, side topology.Side, node string, c node.Command) (node.Output, error)
	// Sockets gives what listens in the node's network namespace.
	Sockets(ctx context.Context, side topology.Side, node string) ([]node.Socket, error)

	// Addresses tells whose the addresses on the pair's networks are.
	Addresses(context.Context) ([]node.Address, error)
	// Capture begins to capture what travels in the nodes' network namespaces, and
	// returns when all of them see packets. end gives what they saw, in the order
	// of at; it must be called.
	Capture(ctx context.Context, at []topology.NodeRef, o node.CaptureOrder) (end func(context.Context) ([]node.Captured, error), err error)
	// Spare gives a server of the side's release that belongs to nobody, with the
	// side's accounts as they are now: for statements that would do harm.
	Spare(ctx context.Context, side topology.Side) (replication.Spare, error)
	// Rogue runs a program of the release in a new container on the side's cluster
	// network that has no configuration, certificate or password.
	Rogue(ctx context.Context, side topology.Side, c node.Command) (node.Output, error)

	// Scan searches every byte of every file on the volumes of all nodes, of the
	// files without a name that they have open, and of where else programs write.
	Scan(context.Context, []node.Needle) (node.PairSearch, error)
	// Log is all that a node has written to its standard output and error, Inspect
	// what the engine tells of its container.
	Log(ctx context.Context, side topology.Side, node string) ([]byte, error)
	Inspect(ctx context.Context, side topology.Side, node string) ([]byte, error)

	// Mark commits a marker row on the source and waits until its epoch stands
	// in the source's binary log.
	Mark(context.Context) (replication.Mark, error)
	// MarkAs is Mark with a marker that somebody has to know before it is committed.
	MarkAs(ctx context.Context, marker string) (replication.Mark, error)
	// Markers are all markers committed so far.
	Markers() []string
	// Arrived tells whether a marker's row stands on the replica.
	Arrived(ctx context.Context, marker string) (bool, error)
	// Channel is how the channel is configured by the procedure, password
	// included: what a claim that takes the channel away restores.
	Channel() secure.ChannelOptions
	// CatchUp commits a fence row on the source and waits for its epoch on the replica.
	CatchUp(context.Context) (epoch.Epoch, error)
	// Workload tells what the writer has written; Settle stops it first.
	Workload() load.Totals
	Settle(context.Context) (load.Totals, error)
	// Ledger is the writers' own account of every write. It may be asked once
	// they have been settled.
	Ledger() load.Ledger
}

// Bench is what a sabotage may do besides.
type Bench interface {
	Subject
	// RootSQL runs statements as root over the unix socket of the side's mysqld.
	RootSQL(ctx context.Context, side topology.Side, statements string) (string, error)
	// Put writes a file into a node from outside.
	Put(ctx context.Context, side topology.Side, node string, f topology.File) error
	// Listen opens a port in the node's network namespace, from outside, until
	// stop is called.
	Listen(ctx context.Context, side topology.Side, node string, port int) (stop func() error, err error)
	// ServerFiles gives server-cert.pem and server-key.pem for the side's mysqld,
	// with their paths and modes, to be Put and loaded; a stranger's come with its
	// CA, at topology.StrangeCAPath.
	ServerFiles(side topology.Side, i secure.Identity) ([]topology.File, error)
	// Restart restarts a side's mysqld, with what weaknesses take out of the
	// deployment or, without one, as it was first. The channel runs again and has
	// caught up when it returns, unless the source logs no rows.
	Restart(ctx context.Context, side topology.Side, weaknesses ...secure.Weakness) error
}

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
	ID       string                    // "seed.7.1.binlogs"
	Step     int                       // of the procedure
	Title    string                    // the promise in plain words
	Needs    release.Feature           // "" when every release can
	Promised func(secure.Profile) bool // nil: by every profile
	Codes    []string                  // of all violations that Judge can give
	Controls []string
	Effect   Effect
	Long     bool               // looking takes so long that the matrix does it only for the claim's own sabotages, and in controls
	Blank    func() Observation // for reading kept evidence
	Look     func(context.Context, Subject, *evidence.Dir) (Observation, error)
	Judge    func(Observation, secure.Profile, release.Release) []Violation
	Sabotage []Sabotage
}

// Sabotage is a change to the deployment that breaks what a claim is about.
type Sabotage struct {
	Name     string
	Effect   Effect
	Profiles []string // nil: all
	Do, Undo func(context.Context, Bench) error
	Want     string   // the violation's code
	Also     []string // claims that may fall with it
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

// Outcome is a claim's result, as it stands in results.json.
type Outcome = evidence.Outcome
