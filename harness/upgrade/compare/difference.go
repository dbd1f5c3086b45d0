package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Area is what a difference is about.
type Area string

// Areas of differences.
const (
	AreaClaim       Area = "claim"
	AreaGap         Area = "gap"
	AreaGrant       Area = "grant"
	AreaPrivilege   Area = "privilege"
	AreaTLS         Area = "tls"
	AreaComponent   Area = "component"
	AreaPlugin      Area = "plugin"
	AreaVariable    Area = "variable"
	AreaConfig      Area = "config"
	AreaDeprecation Area = "deprecation"
	AreaMessage     Area = "message"
	AreaStart       Area = "start"
	AreaThroughput  Area = "throughput"
	AreaLag         Area = "lag"
)

// areas in the order in which a report has them.
var areas = []Area{
	AreaClaim, AreaGap, AreaGrant, AreaPrivilege, AreaTLS, AreaComponent, AreaPlugin,
	AreaVariable, AreaConfig, AreaDeprecation, AreaMessage, AreaStart, AreaThroughput, AreaLag,
}

// order of an area in a report; len(areas) for one that is not known.
func (a Area) order() int {
	if i := slices.Index(areas, a); i >= 0 {
		return i
	}
	return len(areas)
}

// Difference is something that is not the same under both releases.
type Difference struct {
	Area    Area   `json:"area"`
	Where   string `json:"where,omitempty"`   // "source sql", of several nodes "source ndb1, source ndb2"; "" for the whole pair
	Name    string `json:"name"`              // of a variable, claim, privilege, ...
	From    string `json:"from"`              // under the old release; Absent when it is not there
	To      string `json:"to"`                // under the new one
	Why     string `json:"why,omitempty"`     // why it fails, or what to think of it
	Ignored string `json:"ignored,omitempty"` // why it does not count, from the reviewed list
	Fails   bool   `json:"fails"`             // the upgrade is not taken because of it
}

// Absent stands for what is not there under a release.
const Absent = "(absent)"

// String is the difference in one line.
func (d Difference) String() string {
	where := ""
	if d.Where != "" {
		where = " at " + d.Where
	}
	s := fmt.Sprintf("%s %s%s: %s -> %s", d.Area, d.Name, where, d.From, d.To)
	if d.Why != "" {
		s += " (" + d.Why + ")"
	}
	return s
}

// Compare gives what is not the same under both releases: what fails first,
// then by area, what is ignored last. What is the same at several nodes is one
// difference. Ratios are held to defaultTolerance. It is pure, and a snapshot has
// no difference from itself. A place of which only one of the two tells anything
// has none either: Looked tells of those.
func Compare(from, to Snapshot, ignore Ignored) []Difference {
	return compare(from, to, ignore, defaultTolerance())
}

func compare(from, to Snapshot, ignore Ignored, t Tolerance) []Difference {
	all := slices.Concat(
		claims(from, to), gaps(from, to),
		grants(from, to), privileges(from, to), negotiations(from, to),
		named(AreaComponent, from.Components, to.Components), named(AreaPlugin, from.Plugins, to.Plugins),
		settings(AreaVariable, from.Variables, to.Variables), settings(AreaConfig, from.Config, to.Config),
		newMessages(from, to), outside(t.figures(from, to)),
	)
	for i := range all {
		d := &all[i]
		if d.Ignored = ignore.reason(*d); d.Ignored != "" {
			d.Fails = false
		}
	}
	slices.SortStableFunc(all, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Area.order(), b.Area.order()),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Where, b.Where))
	})
	return together(all)
}

// rank orders differences by how much they matter.
func (d Difference) rank() int {
	switch {
	case d.Fails:
		return 0
	case d.Ignored == "":
		return 1
	}
	return 2
}

// together makes one of differences that follow each other and differ only in
// the place. The same grant of two accounts stays two: who has it is the point.
func together(all []Difference) []Difference {
	var out []Difference
	for _, d := range all {
		if n := len(out) - 1; n >= 0 && d.Area != AreaGrant && d.Area != AreaTLS {
			last := out[n]
			last.Where = d.Where
			if last == d {
				out[n].Where += ", " + d.Where
				continue
			}
		}
		out = append(out, d)
	}
	return out
}

// settings compares values by place and name.
func settings(a Area, from, to map[string]map[string]string) []Difference {
	var out []Difference
	for _, place := range union(from, to) {
		if len(from[place]) > 0 && len(to[place]) > 0 {
			out = append(out, values(a, place, from[place], to[place])...)
		}
	}
	return out
}

// values compares values by name. A relevant one that changes or is gone fails;
// one that is new does not, because nothing was promised of it.
func values(a Area, place string, from, to map[string]string) []Difference {
	var out []Difference
	for _, name := range union(from, to) {
		was, before := from[name]
		is, after := to[name]
		if before == after && was == is {
			continue
		}
		d := Difference{Area: a, Where: place, Name: name, From: Absent, To: Absent}
		if before {
			d.From, d.Why = was, find(relevant, Difference{Area: a, Name: name})
			d.Fails = d.Why != ""
		}
		if after {
			d.To = is
		}
		out = append(out, d)
	}
	return out
}

// named compares lines "name value" by side. Lines with the same name belong
// together.
func named(a Area, from, to map[string][]string) []Difference {
	byName := func(lines []string) map[string]string {
		m := map[string]string{}
		for _, l := range slices.Sorted(slices.Values(lines)) {
			name, value, _ := strings.Cut(strings.TrimSpace(l), " ")
			if value == "" {
				value = "there"
			}
			if old, ok := m[name]; ok && old != value {
				value = old + ", " + value
			}
			m[name] = value
		}
		return m
	}
	var out []Difference
	for _, side := range union(from, to) {
		out = append(out, values(a, side, byName(from[side]), byName(to[side]))...)
	}
	return out
}
