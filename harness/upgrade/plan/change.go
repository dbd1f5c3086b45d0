package plan

import (
	"slices"

	"ndbproof/harness/topology"
)

// What follows makes of a plan one that is wrong, for sabotage, or one that is
// about less. None of it changes the plan that it is given.

// Without leaves actions out of all steps of a cluster.
func (p Plan) Without(side topology.Side, left ...Action) Plan {
	p.Steps = slices.Clone(p.Steps)
	for i, s := range p.Steps {
		if s.Side == side {
			p.Steps[i].Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a Action) bool { return slices.Contains(left, a) })
		}
	}
	return p
}

// Skip leaves out the step with an ID. Where there is none it changes nothing.
func (p Plan) Skip(id string) Plan {
	p.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return s.ID == id })
	return p
}

// SourceFirst takes the source cluster first, and then the replica cluster; a
// roll-back stays as it is.
func (p Plan) SourceFirst() Plan {
	steps := p.Steps
	p.Steps = nil
	for _, pick := range []func(Step) bool{
		func(s Step) bool { return !s.Back && s.Side == topology.Source },
		func(s Step) bool { return !s.Back && s.Side != topology.Source },
		func(s Step) bool { return s.Back },
	} {
		for _, s := range steps {
			if pick(s) {
				p.Steps = append(p.Steps, s)
			}
		}
	}
	return p
}

// Only keeps the steps of one cluster: the plan is then about that one, and the
// other stays what it is.
func (p Plan) Only(side topology.Side) Plan {
	p.About = side
	p.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return s.Side != side })
	return p
}
