package journal

import "ndbproof/harness/evidence"

// Progress shows a run to people while it goes on.
type Progress interface {
	// Phase begins; the one before has ended well.
	Phase(title string)
	// Note is a line about the current phase.
	Note(text string)
	// Tell is a line that stays to be read, whatever comes after it.
	Tell(text string)
	// Claim has been judged.
	Claim(evidence.Outcome)
	// Sabotage has been tried.
	Sabotage(evidence.SabotageRow)
	// End ends the last phase; err says why the run could not go on.
	End(err error)
}

// Silent is a Progress that shows nothing.
type Silent struct{}

// Phase does nothing.
func (Silent) Phase(string) {}

// Note does nothing.
func (Silent) Note(string) {}

// Tell does nothing.
func (Silent) Tell(string) {}

// Claim does nothing.
func (Silent) Claim(evidence.Outcome) {}

// Sabotage does nothing.
func (Silent) Sabotage(evidence.SabotageRow) {}

// End does nothing.
func (Silent) End(error) {}
