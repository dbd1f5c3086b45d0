package upgrade

// Ignored is a list of differences that do not count, each with its reason.
type Ignored []Ignore

// Ignore matches differences by area, place and name; "*" stands for any text.
type Ignore struct {
	Area   Area   `json:"area"`
	Where  string `json:"where,omitempty"` // "" matches every place
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Reviewed is the list in this repository, harness/upgrade/ignored.json.
func Reviewed() Ignored { return nil }
