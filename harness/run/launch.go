package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ndbproof/harness/cluster"
	"ndbproof/harness/load"
	"ndbproof/harness/poll"
	"ndbproof/harness/procedure"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/images"
)

// limitStart is that of bringing a pair up, far above what it takes on a slow machine.
const limitStart = 8 * time.Minute

// living is the pair of a run, and what goes on beside it.
type living struct {
	pair   *cluster.Pair // nil before it was made; another one after a sabotage that did not heal
	team   *load.Team    // what writes to it; nil before
	deaths deaths
	marker bool // the marker row was seen: what fails from here on is no failure to start
}

// deaths passes the death of a node on to what is at work.
type deaths struct {
	mu  sync.Mutex
	end context.CancelCauseFunc
}

// endWith has the deaths from now on end a context.
func (d *deaths) endWith(end context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = end
}

func (d *deaths) died(x *cluster.Death) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.end != nil {
		d.end(x)
	}
}

// launch carries out steps 1 to 6, to the marker row on the replica. On error there is
// in l what there is of the pair.
func launch(ctx context.Context, a order, f found, l *living) error {
	start, done := poll.WithLimit(ctx, limitStart, "bringing the pair up")
	defer done()
	l.deaths.endWith(a.stop)
	var begun time.Time
	err := bringUp(start, ctx, a, f, l, func(s procedure.Step, note string) {
		if s.Number == 1 {
			begun = time.Now()
		}
		enter(a, s.Number)
		if note != "" {
			a.journal.Note(note)
		}
	})
	if err != nil {
		return err
	}
	l.marker = true
	a.journal.Time("marker", time.Since(begun))
	a.journal.Say("marker", topology.Replica, "sql", "the marker row is on the replica")
	return nil
}

// enter begins a step of the procedure.
func enter(a order, number int) {
	a.journal.Enter(number, procedure.Title(number), fmt.Sprintf("step %d", number))
}

// bringUp makes a pair, with ctx, and watches its nodes until watched ends.
func bringUp(ctx, watched context.Context, a order, f found, l *living, begin func(procedure.Step, string)) error {
	probe, err := images.EnsureProbe(ctx, f.objects, images.Options{Say: a.journal.Note})
	if err != nil {
		return err
	}
	source, replica := specs(a, f.image)
	keys, err := cluster.NewKeys(a.secrets, source, replica)
	if err != nil {
		return err
	}
	setup := &procedure.Setup{
		Source: source, Replica: replica, Watch: func(p *cluster.Pair) { p.Watch(watched, l.deaths.died) },
		Options: cluster.Options{
			Engine: f.objects, Image: f.image.Ref, Tools: f.image.ToolsRef, Probe: probe,
			Keys: keys, Secrets: a.secrets, Say: a.journal.Say,
		},
	}
	err = procedure.Up(ctx, setup, begin)
	l.pair = setup.Pair
	return err
}

// specs are the two clusters as they are deployed.
func specs(a order, image images.Image) (source, replica topology.Spec) {
	p := secure.Weaken(a.promised, a.Deploy...)
	source = topology.Standard(topology.Source, image.Release, image.Layout, p)
	replica = topology.Standard(topology.Replica, image.Release, image.Layout, p)
	if a.AsWritten {
		source.EncryptAtStart, replica.EncryptAtStart = p.BinlogEncryption, p.BinlogEncryption
	}
	return source, replica
}
