package rows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/epoch"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Running is the state of the channel after the replica caught up.
type Running struct {
	Asked  int                `json:"asked"`            // how often the status was read
	Behind string             `json:"behind,omitempty"` // why the replica did not catch up
	Status replication.Status `json:"status"`
	// Epochs of the source that the replica had applied when the run's writer began,
	// and after it caught up.
	Before  uint64 `json:"before"`
	Applied uint64 `json:"applied"`
}

// Seen counts answers. A replica without a channel, with a thread that stands, or
// that does not catch up is a violation; one that seems to be well must have had
// something to do.
func (o *Running) Seen() (int, string) {
	if o.Status.Run() && o.Behind == "" && o.Applied <= o.Before {
		return 0, fmt.Sprintf("no epoch was applied since the run began (%s then, %s now)", epoch.Epoch(o.Before), epoch.Epoch(o.Applied))
	}
	return o.Asked, "the replica was not asked"
}

func running() claim.Claim {
	w := func(pick func(release.Words) string) claim.Act {
		return func(ctx context.Context, b claim.Bench) error {
			return claim.RunStatements(topology.Replica, pick(b.Spec(topology.Replica).Release.Words()))(ctx, b)
		}
	}
	applierOn := func(w release.Words) string { return w.StartApplier }
	return claim.Define(claim.Claim{
		ID: claim.RowsRunningID, Step: 8, Effect: claim.Connects, Uses: claim.PartSQL | claim.PartWriters,
		Title: "both threads of the replica run without an error and wait for events",
		Codes: claim.MakeCodes(claim.RowsRunningID, "no-channel", "receiver", "applier", "error", "behind", "receiver-state", "applier-state"),
		Sabotage: []claim.Sabotage{
			{
				Name: "applier stopped", Effect: claim.Disturbs, Want: claim.RowsRunningID + ".applier", Also: []string{claim.RowsParityID},
				Do: claim.MakeChange(w(func(w release.Words) string { return w.StopApplier }), claim.ChainActs(w(applierOn), claim.CatchUp)),
			},
			{
				Name: "receiver stopped", Effect: claim.Disturbs, Want: claim.RowsRunningID + ".receiver", Also: []string{claim.RowsParityID, claim.ChannelTLSID},
				Do: claim.MakeChange(w(func(w release.Words) string { return w.StopReceiver }),
					claim.ChainActs(w(func(w release.Words) string { return w.StartReceiver }), claim.CatchUp)),
			},
		},
	}, lookRunning, judgeRunning)
}

// idle is how long the threads are given to come to rest behind a fence, when
// writers may still be at work.
const idle = 15 * time.Second

// errBusy is a replica that answers, and does not rest.
var errBusy = errors.New("the replica is not at rest")

// lookRunning waits for the state that is claimed, and keeps the last one seen
// when it does not come. A thread that stands still makes waiting pointless.
func lookRunning(ctx context.Context, s claim.Subject) (*Running, error) {
	o := &Running{}
	first, err := s.Channel.Status(ctx)
	if err != nil {
		return nil, err
	}
	o.Asked, o.Status, o.Before = 1, first, s.Writers.Totals().Before
	if !first.Run() {
		return o, nil
	}
	fence, cancel := context.WithTimeout(ctx, replication.Patience)
	defer cancel()
	if _, err := s.Channel.CatchUp(fence); err != nil {
		o.Behind = brief.Line(err.Error())
	}
	at, err := s.Channel.Applied(ctx)
	if err != nil {
		return o, err
	}
	o.Applied = uint64(at)
	rest, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	w := s.Spec(topology.Replica).Release.Words()
	err = poll.Until(rest, "both threads to wait for events", func(ctx context.Context) error {
		t, err := s.Channel.Status(ctx)
		if err != nil {
			return err
		}
		o.Asked, o.Status = o.Asked+1, t
		if t.ReceiverDoes != w.ReceiverWaits || t.ApplierDoes != w.ApplierWaits {
			return fmt.Errorf("%w: receiver: %q, applier: %q", errBusy, t.ReceiverDoes, t.ApplierDoes)
		}
		return nil
	})
	if errors.Is(err, errBusy) && ctx.Err() == nil {
		err = nil // what was seen last is judged
	}
	return o, err
}

func judgeRunning(o *Running, _ secure.Profile, r release.Release) []claim.Violation {
	f, t, w := claim.Violations{ID: claim.RowsRunningID}, o.Status, r.Words()
	if !t.Configured {
		f.Add("no-channel", topology.Replica, "the replica has no channel")
		return f.All
	}
	if o.Behind != "" {
		f.Add("behind", topology.Replica, "the replica did not catch up: "+o.Behind)
	}
	for _, e := range []replication.LastError{t.ReceiverErr, t.ApplierErr} {
		if e.Number != 0 {
			f.Add("error", topology.Replica, fmt.Sprintf("error %d: %s", e.Number, e.Message))
		}
	}
	for _, c := range []struct{ word, has, want string }{
		{"receiver", t.Receiver, "Yes"},
		{"applier", t.Applier, "Yes"},
		{"receiver-state", t.ReceiverDoes, w.ReceiverWaits},
		{"applier-state", t.ApplierDoes, w.ApplierWaits},
	} {
		if c.has != c.want {
			f.Add(c.word, topology.Replica, fmt.Sprintf("the %s is at %q; expected %q", c.word, c.has, c.want))
		}
	}
	return f.All
}
