package topology

// PlanFault is something in a plan that is against the rules.
type PlanFault struct {
	Code string `json:"code"`
	Step string `json:"step"` // ID
	Text string `json:"text"`
}

// Faults judges a plan for a pair as it is before.
func (p Plan) Faults(source, replica Spec) []PlanFault { return nil }

// Check is Faults as one error.
func (p Plan) Check(source, replica Spec) error { return nil }

// Without drops actions from the steps of a cluster.
func (p Plan) Without(side Side, drop ...Action) Plan { return p }

// Skip drops a step.
func (p Plan) Skip(id string) Plan { return p }

// SourceFirst takes the source cluster first.
func (p Plan) SourceFirst() Plan { return p }

// Only keeps the steps of one cluster.
func (p Plan) Only(side Side) Plan { return p }
