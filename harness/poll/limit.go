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
