package poll

import (
	"context"
	"fmt"
	"time"
)

// WithLimit gives ctx a limit with a cause that names what was being done.
func WithLimit(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%s took longer than %s", what, d))
}

// At returns at a moment, or when ctx ends, with its cause. It is for what must not
// begin before, and never in place of a look at what is waited for.
func At(ctx context.Context, moment time.Time) error {
	timer := time.NewTimer(time.Until(moment))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
