package compare

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// Ignored is a list of differences that do not count, each with its reason.
type Ignored []Rule

// Rule matches differences by area, place and name; "*" stands for any text.
type Rule struct {
	Area   Area   `json:"area"`
	Where  string `json:"where,omitempty"` // a node; "" matches every place
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

//go:embed ignored.json
var ignoredText []byte

// Reviewed is the list in this repository, harness/upgrade/compare/ignored.json. A unit
// test reads it, so that it cannot be broken here.
func Reviewed() Ignored {
	l, _ := parseIgnored(ignoredText)
	return l
}

// parseIgnored reads a list of differences that do not count: a JSON array of
// rules. An entry without a reason is refused, and so is one about claims: a
// promise that is not kept any more always counts.
func parseIgnored(b []byte) (Ignored, error) {
	var l Ignored
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return nil, fmt.Errorf("read the list of ignored differences: %w", err)
	}
	for i, r := range l {
		switch {
		case strings.TrimSpace(r.Reason) == "":
			return nil, fmt.Errorf("read the list of ignored differences: entry %d (%s %s) has no reason", i+1, r.Area, r.Name)
		case r.Area.order() == len(areas) || r.Name == "":
			return nil, fmt.Errorf("read the list of ignored differences: entry %d (%s %s) has no area that is known, or no name", i+1, r.Area, r.Name)
		case r.Area == AreaClaim:
			return nil, fmt.Errorf("read the list of ignored differences: entry %d is about claim %s, and claims are never ignored", i+1, r.Name)
		}
	}
	return l, nil
}

// reason tells why a difference does not count; "" when it does.
func (l Ignored) reason(d Difference) string {
	if d.Area == AreaClaim {
		return ""
	}
	return find(l, d)
}

// find gives the reason of the first rule that matches.
func find(rules []Rule, d Difference) string {
	for _, r := range rules {
		if r.Area == d.Area && (r.Where == "" || like(r.Where, d.Where)) && like(r.Name, d.Name) {
			return r.Reason
		}
	}
	return ""
}

// like matches a whole text with a pattern in which "*" stands for any text.
func like(pattern, s string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for i := len(head); i <= len(s); i++ {
		if like(tail, s[i:]) {
			return true
		}
	}
	return false
}
