package all

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/claim/accounts"
	"ndbproof/harness/claim/channel"
	"ndbproof/harness/claim/logs"
	"ndbproof/harness/claim/rest"
	"ndbproof/harness/claim/rows"
	"ndbproof/harness/claim/traffic"
	"ndbproof/harness/evidence"
)

// KnownGaps are all gaps that are known (docs/threat-model.md), in the order of their
// numbers.
func KnownGaps() []claim.Gap {
	all := slices.Concat(accounts.Gaps(), channel.Gaps(), logs.Gaps(), traffic.Gaps(), rest.Gaps(), rows.Gaps())
	slices.SortFunc(all, func(a, b claim.Gap) int { return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Gaps tells of each known gap whether it is open, from the evidence that the
// claims of a run kept in dir. A gap that was not looked at is open, without
// evidence and with the reason.
func Gaps(outcomes []claim.Outcome, dir *evidence.Dir) []evidence.GapResult {
	var all []evidence.GapResult
	for _, g := range KnownGaps() {
		res := evidence.GapResult{ID: g.ID, Title: g.Title, Status: evidence.GapOpen}
		o, file, err := readEvidence(g, outcomes, dir)
		if err != nil {
			res.Text = "not looked at: " + brief.Line(err.Error())
			all = append(all, res)
			continue
		}
		seen, open := g.Tell(o)
		if res.Text, res.Evidence = seen, file; !open {
			res.Status = evidence.GapClosed
		}
		all = append(all, res)
	}
	return all
}

// readEvidence reads what the claim that tells of a gap has kept.
func readEvidence(g claim.Gap, outcomes []claim.Outcome, dir *evidence.Dir) (claim.Observation, string, error) {
	i := slices.IndexFunc(outcomes, func(o claim.Outcome) bool { return o.ID == g.From })
	if i < 0 {
		return nil, "", fmt.Errorf("%s was not judged", g.From)
	}
	o := outcomes[i]
	if o.Status != claim.Held && o.Status != claim.Violated {
		return nil, "", fmt.Errorf("%s is %s: %s", g.From, o.Status, o.Reason)
	}
	kept, err := dir.Open(o.Evidence)
	if err != nil {
		return nil, "", err
	}
	defer kept.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(kept)
	if err != nil {
		return nil, "", fmt.Errorf("read evidence %s: %w", o.Evidence, err)
	}
	c := Claims()[slices.IndexFunc(Claims(), func(c claim.Claim) bool { return c.ID == g.From })]
	seen, err := claim.Reread(c, b)
	return seen, o.Evidence, err
}
