package topology

// StepMark is how far a step is.
type StepMark struct {
	State   StepState `json:"state"`
	Seconds float64   `json:"seconds"` // since its begin, or what it took
}

// StepState is waiting, at it, done or failed.
type StepState string

// States of a step. A step without a mark is waiting.
const (
	StepWaiting StepState = "waiting"
	StepAtIt    StepState = "at it"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
)

// Text shows the plan and how far each step is, by its ID.
func (p Plan) Text(done map[string]StepMark) string { return "" }
