package replication

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"ndbproof/harness/poll"
)

// explain adds to a reason for waiting what the replica says of its threads; a thread
// that has stopped ends the wait.
func (c *Channel) explain(ctx context.Context, w *waiting, reason error) error {
	s, err := c.Status(ctx)
	if err != nil {
		return errors.Join(reason, err)
	}
	err = fmt.Errorf("%w; receiver %s (%d %s), applier %s (%d %s)", reason,
		s.Receiver, s.ReceiverErr.Number, s.ReceiverErr.Message, s.Applier, s.ApplierErr.Number, s.ApplierErr.Message)
	if why := w.hopeless(s); why != nil {
		return poll.Stop(fmt.Errorf("%w: %w", why, err))
	}
	return err
}

// retries is in the receiver's message while it tries to connect.
var retries = regexp.MustCompile(`retries: (\d+)`)

// repeated is how often an error that does not pass by itself must have come while it
// was waited for: before, it may have been mended already, and an account may be
// unknown for a moment while a source mysqld starts.
const repeated = 3

// refusals are errors that no retry of the receiver mends: account, host, privilege,
// lock, plain transport; TLS, and a plugin that wants TLS.
var refusals = []uint64{1044, 1045, 1130, 1227, 1698, 2026, 2061, 3118, 3159}

// waiting remembers of one wait how many retries the receiver had made when it was
// first seen to be refused.
type waiting struct {
	seen  bool
	first int
}

// hopeless tells why waiting for the replica is pointless; nil when it is not. A
// receiver that is connecting is waited for, unless it is refused again and again for
// what no retry mends.
func (w *waiting) hopeless(s Status) error {
	switch {
	case !s.Configured:
		return errors.New("the replica has no channel")
	case s.Applier == "No":
		return errors.New("the applier has stopped")
	case s.Receiver == "No":
		return errors.New("the receiver has stopped")
	}
	m := retries.FindStringSubmatch(s.ReceiverErr.Message)
	if s.Receiver == "Yes" || m == nil {
		w.seen = false
		return nil
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return nil //nolint:nilerr // a message that gives no number tells nothing
	}
	if !w.seen || n < w.first {
		w.seen, w.first = true, n
	}
	if n-w.first >= repeated && slices.Contains(refusals, s.ReceiverErr.Number) {
		return fmt.Errorf("the receiver was refused %d times", n-w.first)
	}
	return nil
}
