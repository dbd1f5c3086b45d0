package claim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"ndbproof/harness/brief"
	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Run looks and judges. What was seen is kept in dir as claims/<id>.json, also
// when it is too little to be judged. promised is the profile that the claims
// expect, which may differ from the one that was deployed.
func Run(ctx context.Context, c Claim, s Subject, dir *evidence.Dir, promised secure.Profile) Outcome {
	begin := time.Now()
	o := outcome(ctx, c, s, dir, promised)
	o.ID, o.Step, o.Title = c.ID, c.Step, c.Title
	o.Seconds = time.Since(begin).Seconds()
	return o
}

func outcome(ctx context.Context, c Claim, s Subject, dir *evidence.Dir, promised secure.Profile) Outcome {
	r := s.Spec(topology.Source).Release
	for _, side := range topology.Sides {
		if has := s.Spec(side).Release; c.Needs != "" && !has.Has(c.Needs) {
			return Outcome{Status: NotApplicable, Reason: fmt.Sprintf("%s has no %s", has, c.Needs)}
		}
	}
	if err := c.CannotLook(s.Parts()); err != nil {
		return Outcome{Status: NotLooked, Reason: err.Error()}
	}
	s.Promised = promised
	seen, err := c.Look(ctx, s, dir)
	var o Outcome
	if seen != nil {
		o.Evidence = "claims/" + c.ID + ".json"
		if kept := dir.JSON(o.Evidence, seen); kept != nil {
			return Outcome{Status: NotLooked, Reason: brief.Line(kept.Error())}
		}
	}
	if err == nil && seen == nil {
		err = fmt.Errorf("look for %s: nothing was observed", c.ID)
	}
	if err != nil {
		o.Status, o.Reason = NotLooked, brief.Line(err.Error())
		return o
	}
	n, unless := seen.Seen()
	if o.Seen = n; n == 0 {
		o.Status, o.Reason = NotLooked, unless
		return o
	}
	o.Status = Held
	if o.Violations = c.Judge(seen, promised, r); len(o.Violations) > 0 {
		o.Status = Violated
	}
	return o
}

// Rejudge judges kept evidence again. Evidence with fields that the observation
// does not have, or with nothing seen in it, is an error: it cannot have been
// kept by this version of the claim, or proves nothing.
func Rejudge(c Claim, observation []byte, p secure.Profile, r release.Release) ([]Violation, error) {
	o, err := Reread(c, observation)
	if err != nil {
		return nil, err
	}
	return c.Judge(o, p, r), nil
}

// Reread gives what a claim saw from its evidence.
func Reread(c Claim, observation []byte) (Observation, error) {
	o := c.Blank()
	d := json.NewDecoder(bytes.NewReader(observation))
	d.DisallowUnknownFields()
	if err := d.Decode(o); err != nil {
		return nil, fmt.Errorf("read the evidence of %s: %w: run again with this version, or judge it with the one that kept it", c.ID, err)
	}
	if n, unless := o.Seen(); n == 0 {
		return nil, fmt.Errorf("judge %s again: nothing was seen: %s", c.ID, unless)
	}
	return o, nil
}
