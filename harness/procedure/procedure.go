// Package procedure is the published procedure as a list of steps, and carries out
// those that bring a pair up. It is the only place where that order is written.
package procedure

import (
	"context"

	"ndbproof/harness/cluster"
	"ndbproof/harness/topology"
)

// Setup is what a pair is brought up from, and the pair once step 1 has made it.
type Setup struct {
	Source, Replica topology.Spec
	Options         cluster.Options
	// Watch is called when there are nodes to watch; nil: nothing watches.
	Watch func(*cluster.Pair)
	Pair  *cluster.Pair
}

// Step is a step of the published procedure.
type Step struct {
	Number int
	Title  string
	// Do carries the step out. It is nil where the step is judged: 7 and 8.
	Do func(context.Context, *Setup) error
	// Note says why a step takes no time of its own; nil: it takes some.
	Note func(Setup) string
}

// Steps are those of the published procedure, in their order. What can start together
// does: the files of steps 2 and 3 are in the nodes before their programs start, and
// the mysqlds wait for their data nodes by themselves.
var Steps = []Step{
	{Number: 1, Title: "both clusters up", Do: startClusters},
	{Number: 2, Title: "TLS on both servers, client files at the replica", Note: func(Setup) string {
		return "certificates of the run's own CA, in place before the servers start"
	}},
	{Number: 3, Title: "log encryption with a keyring", Note: howEncrypted},
	{Number: 4, Title: "mysqlds serving", Do: serve},
	{Number: 5, Title: "user1 with REPLICATION SLAVE only", Do: func(ctx context.Context, s *Setup) error { return s.Pair.Channel.CreateAccount(ctx) }},
	{Number: 6, Title: "channel over verified TLS", Do: func(ctx context.Context, s *Setup) error { return s.Pair.Channel.Open(ctx) }},
	{Number: Checks, Title: "checks"},
	{Number: Inserts, Title: "continuous inserts, same rows on both sides"},
}

// Steps that are judged.
const (
	Checks  = 7
	Inserts = 8
)

// Title of a step by its number; "" when there is none.
func Title(number int) string {
	for _, s := range Steps {
		if s.Number == number {
			return s.Title
		}
	}
	return ""
}

// Up carries out the steps that bring a pair up, to the marker row on the replica.
// begin is called as each step begins, with its note; it may be nil. On error there is
// in setup what there is of the pair.
func Up(ctx context.Context, setup *Setup, begin func(s Step, note string)) error {
	for _, s := range Steps {
		if s.Number == Checks {
			return nil
		}
		note := ""
		if s.Note != nil {
			note = s.Note(*setup)
		}
		if begin != nil {
			begin(s, note)
		}
		if s.Do == nil {
			continue
		}
		if err := s.Do(ctx, setup); err != nil {
			return err
		}
	}
	return nil
}

func startClusters(ctx context.Context, s *Setup) (err error) {
	if s.Pair, err = cluster.LaunchPair(ctx, s.Source, s.Replica, s.Options); err != nil {
		return err
	}
	if s.Watch != nil {
		s.Watch(s.Pair)
	}
	return s.Pair.Both(func(c *cluster.Cluster) error { return c.Started(ctx) })
}

func howEncrypted(s Setup) string {
	if s.Source.EncryptAtStart {
		return "binlog_encryption=ON in my.cnf, as the procedure has it"
	}
	return "keyring in place; encryption follows at run time, because this release has known defect F1"
}

func serve(ctx context.Context, s *Setup) error {
	return s.Pair.Both(func(c *cluster.Cluster) error {
		if err := c.Serving(ctx); err != nil {
			return err
		}
		return c.Encrypt(ctx)
	})
}
