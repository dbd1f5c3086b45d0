package upgrade

import (
	"fmt"
	"strings"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/upgrade/compare"
)

// loaded is how far a writer is.
type loaded struct {
	acked int64
	age   time.Duration
}

func (u *upgrading) loads() []loaded {
	var all []loaded
	for _, w := range u.team.Writers() {
		all = append(all, loaded{w.Counts().Acked, w.Age()})
	}
	return all
}

// checkLoad wants every writer to write still, and to have kept the floor of its
// pace since from, without the time for which the plan had it stand: a step beside
// which no writer wrote has shown nothing.
func (u *upgrading) checkLoad(from []loaded, stoodMS int64) compare.Check {
	k := compare.Check{ID: "load", Title: fmt.Sprintf("the writers went on, at %.0f%% of their pace or more", 100*load.FloorShare), Status: evidence.Held}
	var bad []string
	for i, w := range u.team.Writers() {
		rate := float64(load.BesideRate)
		if i == 0 {
			rate = float64(u.Rate)
		}
		name := w.Workload().Name
		if ended := w.Ended(); ended != nil {
			bad = append(bad, fmt.Sprintf("%s has ended: %s", name, brief.Error(ended)))
			continue
		}
		acked := w.Counts().Acked - from[i].acked
		k.Seen += int(acked)
		if why := slow(acked, w.Age()-from[i].age-time.Duration(stoodMS)*time.Millisecond, rate); why != nil {
			bad = append(bad, fmt.Sprintf("%s: %s", name, why))
		}
	}
	if len(bad) > 0 {
		k.Status, k.Text = evidence.Violated, strings.Join(bad, "; ")
	}
	return k
}

// slow says by how much the floor of a pace was missed; rate is in writes a second,
// 0: as fast as it goes, of which anything will do.
func slow(acked int64, d time.Duration, rate float64) error {
	floor := max(1, int64(load.FloorShare*rate*d.Seconds()))
	if acked >= floor {
		return nil
	}
	return fmt.Errorf("%d writes acknowledged in %.1f s, fewer than %d", acked, d.Seconds(), floor)
}
