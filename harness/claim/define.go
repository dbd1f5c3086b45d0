package claim

import (
	"context"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Define ties a claim to a look and a judge that know the observation's type.
func Define[T any, O interface {
	*T
	Observation
}](c Claim, look func(context.Context, Subject) (O, error), judge func(O, secure.Profile, release.Release) []Violation) Claim {
	return DefineKeeping(c, func(ctx context.Context, s Subject, _ *evidence.Dir) (O, error) { return look(ctx, s) }, judge)
}

// DefineKeeping is Define for a look that keeps more than its observation.
func DefineKeeping[T any, O interface {
	*T
	Observation
}](c Claim, look func(context.Context, Subject, *evidence.Dir) (O, error), judge func(O, secure.Profile, release.Release) []Violation) Claim {
	c.Blank = func() Observation { return O(new(T)) }
	c.Look = func(ctx context.Context, s Subject, dir *evidence.Dir) (Observation, error) {
		o, err := look(ctx, s, dir)
		if o == nil {
			return nil, err
		}
		return o, err
	}
	c.Judge = func(o Observation, p secure.Profile, r release.Release) []Violation {
		return judge(o.(O), p, r) // what Look or Blank gave
	}
	return c
}

// Violations collects the violations of one claim.
type Violations struct {
	ID  string
	All []Violation
}

// Add notes a violation whose code is the claim's id and a word.
func (v *Violations) Add(word string, side topology.Side, text string) {
	v.All = append(v.All, Violation{Code: v.ID + "." + word, Side: string(side), Text: text})
}

// AddAt notes a violation on one node.
func (v *Violations) AddAt(word string, side topology.Side, node, text string) {
	v.All = append(v.All, Violation{Code: v.ID + "." + word, Side: string(side), Node: node, Text: text})
}

// MakeCodes gives the codes of a claim, from their words.
func MakeCodes(id string, words ...string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = id + "." + w
	}
	return all
}
