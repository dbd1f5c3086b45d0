package claim

import (
	"context"
	"crypto/x509"

	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/replication"
	"ndbproof/harness/secret"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Subject is what a claim may touch: two clusters, and the channel between them. A part
// that is nil cannot be looked at: the claims that use it are not-looked, and say so
// (Part). Spec is always there.
type Subject struct {
	// Spec says what a side's cluster is meant to be. An upgrade changes it.
	Spec    func(topology.Side) topology.Spec
	Channel *replication.Channel // both servers, and the channel between them
	Keys    Keys
	Files   Files
	Host    Host
	Wire    Wire
	Disks   Disks
	Writers Writers
	// Promised is what the claim that looks expects of the pair, for looks that try only
	// what a profile tells of. Run sets it.
	Promised secure.Profile
}

// Server is a side's mysqld: of the source's cluster the one that logs for the channel.
func (s Subject) Server(side topology.Side) *replication.Server {
	if side == topology.Replica {
		return s.Channel.Replica
	}
	return s.Channel.Source()
}

// Keys are the certificates and the passwords.
type Keys interface {
	// Password of an account on a side.
	Password(side topology.Side, user string) secret.Secret
	// Authority is the run's own CA, Leaf the certificate made for the side's server.
	Authority() *x509.Certificate
	Leaf(topology.Side) *x509.Certificate
}

// Files are those of the nodes.
type Files interface {
	// List gives dir itself and everything under it, recursively, symbolic links
	// not followed. A dir that does not exist is an empty list.
	List(ctx context.Context, side topology.Side, node, dir string) ([]node.Stat, error)
	// Read gives a file's first max bytes; max <= 0: all.
	Read(ctx context.Context, side topology.Side, node, path string, max int64) ([]byte, error)
}

// Host is where the nodes run.
type Host interface {
	// Run runs a program of the release in the node's container.
	Run(ctx context.Context, side topology.Side, node string, c node.Command) (node.Output, error)
	// Sockets gives what listens in the node's network namespace.
	Sockets(ctx context.Context, side topology.Side, node string) ([]node.Socket, error)
	// Log is all that a node has written to its standard output and error, Inspect
	// the engine's document of its container.
	Log(ctx context.Context, side topology.Side, node string) ([]byte, error)
	Inspect(ctx context.Context, side topology.Side, node string) ([]byte, error)
	// Spare gives a server of the side's release that belongs to no cluster, with the
	// side's accounts as they are now: for statements that would do harm.
	Spare(ctx context.Context, side topology.Side) (replication.Spare, error)
	// Intrude runs a program of the release in a new container on the side's cluster
	// network that has no configuration, certificate or password.
	Intrude(ctx context.Context, side topology.Side, c node.Command) (node.Output, error)
}

// Wire is what travels between the nodes.
type Wire interface {
	// Addresses gives the addresses on the pair's networks, each with the node that
	// has it.
	Addresses(context.Context) ([]node.Address, error)
	// Capture begins to capture what travels in the nodes' network namespaces, and
	// returns when all of them see packets. end gives what they saw, in the order
	// of at; it must be called.
	Capture(ctx context.Context, at []topology.NodeRef, o node.CaptureOrder) (end func(context.Context) ([]node.Captured, error), err error)
}

// Disks are where the nodes write.
type Disks interface {
	// Scan searches every byte of every file on the volumes of all nodes, of the
	// files without a name that they have open, and of where else programs write.
	Scan(context.Context, []node.Needle) (node.PairSearch, error)
}

// Writers are the harness's own, which write to the source.
type Writers interface {
	// Totals tells what they have written; Settle stops them first.
	Totals() load.Totals
	Settle(context.Context) (load.Totals, error)
	// Ledger is their own account of every write. It may be asked once they have
	// been settled.
	Ledger() load.Ledger
}

// Bench is a Subject with all its parts, and what a sabotage may do besides.
type Bench struct {
	Subject
	Operator Operator
}

// Operator changes servers as the person who runs them can.
type Operator interface {
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
