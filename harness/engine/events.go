package engine

import (
	"context"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// End is the end of a container's program.
type End struct {
	ID     string            // of the container
	Labels map[string]string // of the container, and what the engine adds
}

// Ends gives the end of each container of this run that has a label. The channel
// is closed when ctx ends or the engine goes away; why it went, other calls say.
func (r *Run) Ends(ctx context.Context, label string) <-chan End {
	f := filters.NewArgs(filters.Arg("type", "container"), filters.Arg("event", "die"),
		filters.Arg("label", labelRun+"="+r.Lease.Run), filters.Arg("label", label))
	messages, errs := r.api.Events(ctx, events.ListOptions{Filters: f})
	ends := make(chan End)
	go func() {
		defer close(ends)
		for {
			select {
			case m := <-messages:
				select {
				case ends <- End{m.Actor.ID, m.Actor.Attributes}:
				case <-ctx.Done():
					return
				}
			case <-errs: //nolint:errcheck // calls to the engine will say what is wrong with it
				return
			}
		}
	}()
	return ends
}
