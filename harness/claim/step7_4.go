package claim

import (
	"context"
	"errors"
	"fmt"

	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

const plainChannelID = "seed.7.4.channel"

// errInsecure is ER_SECURE_TRANSPORT_REQUIRED, errDenied ER_ACCESS_DENIED_ERROR.
const (
	errInsecure = 3159
	errDenied   = 1045
)

// PlainChannel is what became of a channel without TLS, and of a row committed
// while it stood in the place of the real one.
type PlainChannel struct {
	At       replication.Position `json:"at"` // from where the channel was restored
	Tried    int                  `json:"tried"`
	Receiver string               `json:"receiver"` // Yes, No, Connecting
	Error    Fault                `json:"error"`
	Mark     replication.Mark     `json:"mark"`
	Arrived  bool                 `json:"arrived"` // after the channel was restored
}

// Seen counts tries to connect that came to an end.
func (o *PlainChannel) Seen() (int, string) { return o.Tried, "the receiver did not try to connect" }

func plainChannel() Claim {
	return observed(Claim{
		ID: plainChannelID, Step: 7, Effect: Disturbs,
		Title:    "a channel without TLS is refused by the source, and nothing is lost when the right one is restored",
		Promised: func(p secure.Profile) bool { return p.RequireSecureTransport },
		Codes:    codes(plainChannelID, "accepted", "other-error", "lost"),
		Sabotage: []Sabotage{
			{
				Name: "require_secure_transport off", Effect: Disturbs, Want: plainChannelID + ".accepted", Also: []string{clientID},
				Do: statements(topology.Source, transportOpen), Undo: statements(topology.Source, transportClosed),
			},
		},
	}, lookPlainChannel, judgePlainChannel)
}

// lookPlainChannel takes the channel away, tries one without TLS, and restores
// it, whatever happens.
func lookPlainChannel(ctx context.Context, s Subject) (o *PlainChannel, err error) {
	w, db := s.Spec(topology.Replica).Release.Words(), s.Admin(topology.Replica)
	before, err := threads(ctx, s)
	if err != nil {
		return nil, err
	}
	if !before.run() {
		return nil, fmt.Errorf("take the channel away: it does not run (receiver %q, applier %q), so it could not be told whether it was restored", before.Receiver, before.Applier)
	}
	if _, err := db.ExecContext(ctx, w.StopReplica); err != nil {
		return nil, errors.Join(on(topology.Replica, err), resume(ctx, s, w.StartReplica))
	}
	at, err := threads(ctx, s)
	if err != nil || at.Applied.File == "" {
		return nil, errors.Join(fmt.Errorf("take the channel away: its position is %q", at.Applied.File), err, resume(ctx, s, w.StartReplica))
	}
	o = &PlainChannel{At: at.Applied}
	tried := tryPlain(ctx, s, o)
	if err := errors.Join(tried, restore(ctx, s, o.At)); err != nil {
		return o, err
	}
	o.Arrived, err = s.Arrived(ctx, o.Mark.Marker)
	return o, err
}

// tryPlain configures a channel without TLS, starts its receiver, waits for
// what becomes of it, and commits a row meanwhile.
func tryPlain(ctx context.Context, s Subject, o *PlainChannel) error {
	w, db := s.Spec(topology.Replica).Release.Words(), s.Admin(topology.Replica)
	plain := s.Channel()
	plain.TLS, plain.CA, plain.Cert, plain.Key, plain.VerifyIdentity = false, "", "", "", false
	plain.GetPublicKey = true // else a cold account ends with 2061, before the source can refuse it
	plain.ConnectRetry, plain.RetryCount = 1, 2
	plain.File, plain.Pos = o.At.File, o.At.Pos
	for _, q := range []string{w.ResetReplicaAll, secure.ChannelSQL(w, plain), w.StartReceiver} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("try a channel without TLS: %w", on(topology.Replica, err))
		}
	}
	var err error
	if o.Mark, err = s.Mark(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return poll.Until(ctx, "the receiver without TLS to be refused or taken", func(ctx context.Context) error {
		t, err := threads(ctx, s)
		if err != nil {
			return err
		}
		o.Receiver, o.Error = t.Receiver, t.ReceiverErr
		if t.ReceiverErr.Number == 0 && t.Receiver != "Yes" {
			return fmt.Errorf("it is at %q (%s), without an error", t.Receiver, t.ReceiverDoes)
		}
		o.Tried++
		return nil
	})
}

// restore brings the channel back from a position, also when ctx has ended, and
// waits until nothing is missing on the replica.
func restore(ctx context.Context, s Subject, at replication.Position) error {
	w, o := s.Spec(topology.Replica).Release.Words(), s.Channel()
	o.File, o.Pos = at.File, at.Pos
	return resume(ctx, s, w.StopReplica, w.ResetReplicaAll, secure.ChannelSQL(w, o), w.StartReplica)
}

func judgePlainChannel(o *PlainChannel, _ secure.Profile, _ release.Release) []Violation {
	f := found{id: plainChannelID}
	switch {
	case o.Receiver == "Yes":
		f.add("accepted", topology.Source, "the source takes a channel without TLS; expected it to refuse with 3159")
	case o.Error.Number != errInsecure:
		f.add("other-error", topology.Source, fmt.Sprintf("a channel without TLS fails with %d (%s); expected 3159", o.Error.Number, o.Error.Message))
	}
	if !o.Arrived {
		f.add("lost", topology.Replica, fmt.Sprintf("a row committed while the channel was away (epoch %d) has not come to the replica", o.Mark.Epoch))
	}
	return f.all
}
