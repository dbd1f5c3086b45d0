package claim

import (
	"context"
	"slices"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// All gives every claim, in the order in which they are run: by step, and
// within step 8 the contents before the state of the threads, because the
// writer has been settled then.
func All() []Claim {
	return []Claim{
		certificates(), files(),
		grants(), refusals(), privileges(), accounts(), sockets(),
		channel(),
		binlogs(), relaylogs(),
		keyring(), keys(),
		direct(), remote(),
		plainChannel(), plainClient(), logins(),
		wireClient(), wireChannel(), wireFlows(),
		restSecrets(), restMarkers(),
		sameRows(), loggedTables(), running(),
	}
}

// For gives the claims that a profile promises on a release, in the order of
// All. Those that the release cannot have are among them: a run reports them
// as not-applicable instead of being silent.
func For(p secure.Profile) []Claim {
	return slices.DeleteFunc(All(), func(c Claim) bool { return c.Promised != nil && !c.Promised(p) })
}

// observed ties a claim to a look and a judge that know the observation's type.
func observed[T any, O interface {
	*T
	Observation
}](c Claim, look func(context.Context, Subject) (O, error), judge func(O, secure.Profile, release.Release) []Violation) Claim {
	return keeping(c, func(ctx context.Context, s Subject, _ *evidence.Dir) (O, error) { return look(ctx, s) }, judge)
}

// keeping is observed for a look that keeps more than its observation.
func keeping[T any, O interface {
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

// sqlNode is the name of a side's mysqld. A pair of the procedure has one on
// each side.
func sqlNode(s Subject, side topology.Side) string { return s.Spec(side).Of(topology.Mysqld)[0].Name }

// eachSide looks at both sides, source first, and stops at the first error.
func eachSide[T any](f func(topology.Side) (T, error)) ([]T, error) {
	var all []T
	for _, side := range topology.Sides {
		t, err := f(side)
		if err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

// found collects the violations of one claim.
type found struct {
	id  string
	all []Violation
}

// add notes a violation whose code is the claim's id and a word.
func (f *found) add(word string, side topology.Side, text string) {
	f.all = append(f.all, Violation{Code: f.id + "." + word, Side: string(side), Text: text})
}

// at notes a violation on one node.
func (f *found) at(word string, side topology.Side, node, text string) {
	f.all = append(f.all, Violation{Code: f.id + "." + word, Side: string(side), Node: node, Text: text})
}

// codes are the codes of a claim, from their words.
func codes(id string, words ...string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = id + "." + w
	}
	return all
}
