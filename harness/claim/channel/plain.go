package channel

import (
	"context"
	"errors"
	"fmt"

	"ndbproof/harness/claim"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/replication"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// PlainChannel is what became of a channel without TLS, and of a row committed
// while it stood in the place of the real one.
type PlainChannel struct {
	At       replication.Position  `json:"at"` // from where the channel was restored
	Tried    int                   `json:"tried"`
	Receiver string                `json:"receiver"` // Yes, No, Connecting
	Error    replication.LastError `json:"error"`
	Mark     replication.Mark      `json:"mark"`
	Arrived  bool                  `json:"arrived"` // after the channel was restored
}

// Seen counts tries to connect that came to an end.
func (o *PlainChannel) Seen() (int, string) { return o.Tried, "the receiver did not try to connect" }

func plainChannel() claim.Claim {
	return claim.Define(claim.Claim{
		ID: claim.ChannelPlainID, Step: 7, Effect: claim.Disturbs, Uses: claim.PartSQL,
		Title:    "a channel without TLS is refused by the source, and nothing is lost when the right one is restored",
		Promised: func(p secure.Profile) bool { return p.RequireSecureTransport },
		Codes:    claim.MakeCodes(claim.ChannelPlainID, "accepted", "other-error", "lost"),
		Sabotage: []claim.Sabotage{
			{
				Name: "require_secure_transport off", Effect: claim.Disturbs, Want: claim.ChannelPlainID + ".accepted", Also: []string{claim.AccountsPlainClientID},
				Do: claim.AllowPlainTransport(topology.Source),
			},
		},
	}, lookPlainChannel, judgePlainChannel)
}

// lookPlainChannel takes the channel away, tries one without TLS, and restores
// it, whatever happens.
func lookPlainChannel(ctx context.Context, s claim.Subject) (o *PlainChannel, err error) {
	c := s.Channel
	before, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	if !before.Run() {
		return nil, fmt.Errorf("take the channel away: it does not run (receiver %q, applier %q), so it could not be told whether it was restored", before.Receiver, before.Applier)
	}
	start := c.Replica.Words().StartReplica
	if err := c.Stop(ctx); err != nil {
		return nil, errors.Join(err, c.Resume(ctx, start))
	}
	at, err := c.Status(ctx)
	if err != nil || at.Applied.File == "" {
		return nil, errors.Join(fmt.Errorf("take the channel away: its position is %q", at.Applied.File), err, c.Resume(ctx, start))
	}
	o = &PlainChannel{At: at.Applied}
	tried := o.tryPlain(ctx, c)
	if err := errors.Join(tried, c.Restore(ctx, o.At)); err != nil {
		return o, err
	}
	o.Arrived, err = c.Arrived(ctx, o.Mark.Marker)
	return o, err
}

// tryPlain puts a channel without TLS in the place of the stopped one, starts its
// receiver, commits a row, and waits for what becomes of the receiver.
func (o *PlainChannel) tryPlain(ctx context.Context, c *replication.Channel) error {
	plain := withoutTLS(c.Options())
	plain.ConnectRetry, plain.RetryCount = 1, 2
	plain.File, plain.Pos = o.At.File, o.At.Pos
	if err := c.Replace(ctx, plain); err != nil {
		return fmt.Errorf("try a channel without TLS: %w", err)
	}
	var err error
	if o.Mark, err = c.Mark(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, replication.Patience)
	defer cancel()
	return poll.Until(ctx, "the receiver without TLS to be refused or taken", func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		o.Receiver, o.Error = s.Receiver, s.ReceiverErr
		if s.ReceiverErr.Number == 0 && s.Receiver != "Yes" {
			return fmt.Errorf("it is at %q (%s), without an error", s.Receiver, s.ReceiverDoes)
		}
		o.Tried++
		return nil
	})
}

func judgePlainChannel(o *PlainChannel, _ secure.Profile, _ release.Release) []claim.Violation {
	f := claim.Violations{ID: claim.ChannelPlainID}
	switch {
	case o.Receiver == "Yes":
		f.Add("accepted", topology.Source, "the source takes a channel without TLS; expected it to refuse with 3159")
	case o.Error.Number != replication.SecureTransportRequired:
		f.Add("other-error", topology.Source, fmt.Sprintf("a channel without TLS fails with %d (%s); expected 3159", o.Error.Number, o.Error.Message))
	}
	if !o.Arrived {
		f.Add("lost", topology.Replica, fmt.Sprintf("a row committed while the channel was away (epoch %d) has not come to the replica", o.Mark.Epoch))
	}
	return f.All
}
