package load

import (
	"context"
	"time"
)

// pace lets rate rows a second through, evenly. What the server could not take
// within a tenth of a second is not made up for later: after an outage the rate
// is the same as before it.
func pace(ctx context.Context, rate int) <-chan struct{} {
	tokens := make(chan struct{}, max(1, rate/10))
	go func() {
		begin := time.Now()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for given := int64(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for due := int64(time.Since(begin).Seconds() * float64(rate)); given < due; given++ {
				select {
				case tokens <- struct{}{}:
				default:
				}
			}
		}
	}()
	return tokens
}

// rest pauses a connection whose last row had no answer, so that a server that
// cannot give any is not asked a thousand times a second.
func rest(ctx context.Context) {
	t := time.NewTimer(retryPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
