// Package journal keeps what a run does while it goes on: its phases with their times,
// the steps of the procedure, the timeline, and what people are shown.
package journal

import (
	"time"

	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// Journal is that of one run. Its methods are for one goroutine, but for Say.
type Journal struct {
	progress Progress
	timeline *evidence.Timeline // nil before Open
	broken   func(error)        // called when the timeline cannot be written
	phase    string             // what is being done
	begun    time.Time
	timings  []evidence.Timing
	step     step // of the procedure, that goes on
	steps    []evidence.Step
}

type step struct {
	number int
	title  string
	begun  time.Time
}

// New gives the journal of a run that begins. broken ends the run: without room for
// evidence there is no use in going on.
func New(p Progress, broken func(error)) *Journal { return &Journal{progress: p, broken: broken} }

// Open has the timeline kept from now on.
func (j *Journal) Open(t *evidence.Timeline) { j.timeline = t }

// Close ends the last phase, and the timeline.
func (j *Journal) Close() error {
	j.End()
	if j.timeline == nil {
		return nil
	}
	return j.timeline.Close()
}

// Begin ends the phase before and starts the next one.
func (j *Journal) Begin(phase, title string) {
	j.End()
	j.phase, j.begun = phase, time.Now()
	j.progress.Phase(title)
	j.Say("phase", "", "", title)
}

// End ends the phase that goes on, if there is one.
func (j *Journal) End() {
	if j.phase != "" {
		j.Time(j.phase, time.Since(j.begun))
	}
	j.phase = ""
}

// Doing is the phase that goes on.
func (j *Journal) Doing() string { return j.phase }

// Time keeps how long something took.
func (j *Journal) Time(what string, d time.Duration) {
	j.timings = append(j.timings, evidence.Timing{Phase: what, Seconds: d.Round(time.Millisecond).Seconds()})
}

// Timings are those of all phases so far.
func (j *Journal) Timings() []evidence.Timing { return j.timings }

// Say adds an event to the timeline.
func (j *Journal) Say(kind string, side topology.Side, node, text string) {
	if j.timeline == nil {
		return
	}
	j.timeline.Add(evidence.Event{Kind: kind, Side: string(side), Node: node, Text: text})
	if err := j.timeline.Err(); err != nil {
		j.broken(err)
	}
}

// Enter begins a step of the procedure, and ends the one before.
func (j *Journal) Enter(number int, title, phase string) {
	j.Leave(evidence.StepDone)
	j.step = step{number, title, time.Now()}
	j.Begin(phase, phase+": "+title)
}

// Leave ends the step of the procedure that goes on, if there is one, and gives its
// number.
func (j *Journal) Leave(s evidence.StepStatus) int {
	n := j.step.number
	if n == 0 {
		return 0
	}
	j.steps = append(j.steps, evidence.Step{
		Step: n, Title: j.step.title, Status: s, Seconds: time.Since(j.step.begun).Round(time.Millisecond).Seconds(),
	})
	j.step = step{}
	return n
}

// Steps are those of the procedure that were begun and ended.
func (j *Journal) Steps() []evidence.Step { return j.steps }

// Note shows a line about the current phase.
func (j *Journal) Note(text string) { j.progress.Note(text) }

// Tell shows a line that stays to be read, whatever comes after it.
func (j *Journal) Tell(text string) { j.progress.Tell(text) }

// Claim shows a claim that has been judged.
func (j *Journal) Claim(o evidence.Outcome) { j.progress.Claim(o) }

// Sabotage shows a sabotage that has been tried.
func (j *Journal) Sabotage(r evidence.SabotageRow) { j.progress.Sabotage(r) }

// Finish ends what people are shown; err says why the run could not go on.
func (j *Journal) Finish(err error) { j.progress.End(err) }
