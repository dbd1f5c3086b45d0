package harness

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"ndbproof/harness/evidence"
)

// base ends with SIGINT and SIGTERM: t.Cleanup does not run on a signal, so the
// scenarios end by themselves, and take down what they started.
var base = context.Background() //nolint:gochecknoglobals // set once, by Main

func interruptible() (context.Context, func()) {
	ctx, stop := signal.NotifyContext(base, os.Interrupt, syscall.SIGTERM)
	base = ctx
	return ctx, stop
}

// Context ends with the test, or with a signal.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancelCause(base)
	t.Cleanup(func() { cancel(fmt.Errorf("%s ended", t.Name())) })
	return ctx
}

// progress tells the phases to the test's log.
type progress struct{ t testing.TB }

func (p progress) Phase(title string) { p.t.Log(title) }
func (p progress) Note(text string)   { p.t.Log("    " + text) }
func (p progress) Tell(text string)   { p.t.Log(text) }
func (p progress) Claim(o evidence.Outcome) {
	p.t.Logf("    %-11s %s (%.1f s, %d seen) %v", o.Status, o.ID, o.Seconds, o.Seen, o.Details())
}

func (p progress) Sabotage(r evidence.SabotageRow) {
	p.t.Logf("    %-11s %s: %s (%.1f s, got %v) %s%s", r.Word(), r.Claim, r.Name, r.Seconds, r.Got, r.Reason, r.Trouble)
	for _, f := range r.Fell {
		p.t.Logf("                %s", f)
	}
}

func (p progress) End(err error) {
	if err != nil {
		p.t.Logf("ended: %v", err)
	}
}
