package compare

import (
	"fmt"

	"ndbproof/harness/evidence"
	"ndbproof/harness/release"
)

// Defect is a known defect of the product in this upgrade. It is expected of a
// release when release.Defect.Has says so.
type Defect struct {
	ID           string                `json:"id"` // "F1"
	Title        string                `json:"title"`
	ExpectedFrom bool                  `json:"expected_from"` // the old release is taken to have it
	ExpectedTo   bool                  `json:"expected_to"`   // the new one is
	Status       evidence.DefectStatus `json:"status"`        // under the new release: seen, absent, not-tried
	WorkedAround bool                  `json:"worked_around"` // the plan has steps around it for the new release
	Text         string                `json:"text,omitempty"`
	Outcome      string                `json:"outcome"` // in words: "mended", "not tried (worked around)"; filled by Conclude
}

// Defects are all known defects, none of them tried yet. Those that neither
// release is expected to have are among them: they may be seen all the same.
func Defects(from, to release.Release) []Defect {
	var all []Defect
	for _, d := range release.Defects() {
		all = append(all, Defect{
			ID: d.ID, Title: d.Title, ExpectedFrom: d.Has(from), ExpectedTo: d.Has(to), Status: evidence.DefectNotTried,
		})
	}
	return all
}

// news tells that the new release has a defect that it is not known to have.
func (d Defect) news() bool { return d.Status == evidence.DefectSeen && !d.ExpectedTo }

func (d Defect) outcome() string {
	expected := d.ExpectedFrom || d.ExpectedTo
	switch {
	case d.news():
		return "seen, although it is not known of this release"
	case d.Status == evidence.DefectSeen:
		return "still there (seen)"
	case d.WorkedAround:
		return "not tried (worked around)"
	case d.Status == evidence.DefectAbsent && expected:
		return "mended"
	case d.Status == evidence.DefectAbsent:
		return "absent"
	case expected:
		return "not tried"
	}
	return "not expected, not tried"
}

// words are for the headline: only what is news to the reader.
func (d Defect) words() string {
	if !d.ExpectedFrom && !d.ExpectedTo && !d.news() {
		return ""
	}
	return fmt.Sprintf("%s %s", d.ID, d.outcome())
}
