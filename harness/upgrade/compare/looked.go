package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Looked is how much of an area was compared in one place.
type Looked struct {
	Area  Area   `json:"area"`
	Where string `json:"where,omitempty"` // "source sql"; of grants, privileges, components and plugins the side; "" for the whole pair
	From  int    `json:"from"`            // things under the old release
	To    int    `json:"to"`              // under the new one; 0 of either is not-looked
}

// String tells what was seen, for a place where nothing was.
func (l Looked) String() string {
	where := ""
	if l.Where != "" {
		where = " at " + l.Where
	}
	return fmt.Sprintf("area %s%s: seen under the old release %d, under the new one %d", l.Area, where, l.From, l.To)
}

// blind tells that the comparison says nothing here: two lists without an entry
// are alike, and that proves nothing. A pair may have no component, though: the
// keyring of 8.0.25 is a plugin.
func (l Looked) blind() bool {
	return (l.From == 0 || l.To == 0) && l.Area != AreaComponent
}

// counted tells how much there is of an area, by place. Deprecations are among
// the messages, and a lag of 0 s is one.
var counted = []struct {
	area Area
	of   func(Snapshot) map[string]int
}{
	{AreaClaim, func(s Snapshot) map[string]int { return pairwide(len(s.Claims)) }},
	{AreaGap, func(s Snapshot) map[string]int { return pairwide(len(s.Gaps)) }},
	{AreaGrant, grantsBySide},
	{AreaPrivilege, func(s Snapshot) map[string]int { return lengths(s.Privileges) }},
	{AreaTLS, func(s Snapshot) map[string]int { return lengths(sessions(s.TLS)) }},
	{AreaComponent, func(s Snapshot) map[string]int { return lengths(s.Components) }},
	{AreaPlugin, func(s Snapshot) map[string]int { return lengths(s.Plugins) }},
	{AreaVariable, func(s Snapshot) map[string]int { return sizes(s.Variables) }},
	{AreaConfig, func(s Snapshot) map[string]int { return sizes(s.Config) }},
	{AreaMessage, messages},
	{AreaStart, starts},
	{AreaThroughput, func(s Snapshot) map[string]int { return pairwide(measured(s.Throughput)) }},
}

// look counts what there is to compare, place by place. An area of which nothing
// is there at all has a row, too.
func look(from, to Snapshot) []Looked {
	var all []Looked
	for _, c := range counted {
		all = append(all, beside(c.area, c.of(from), c.of(to))...)
	}
	return all
}

func pairwide(n int) map[string]int { return map[string]int{"": n} }

// beside joins the counts of an area under both releases.
func beside(a Area, from, to map[string]int) []Looked {
	places := union(from, to)
	if len(places) == 0 {
		places = []string{""}
	}
	var out []Looked
	for _, p := range places {
		out = append(out, Looked{a, p, from[p], to[p]})
	}
	return out
}

func grantsBySide(s Snapshot) map[string]int {
	n := map[string]int{}
	for account, lines := range s.Grants {
		side, _, _ := strings.Cut(account, " ")
		n[side] += len(lines)
	}
	return n
}

func starts(s Snapshot) map[string]int {
	n := map[string]int{}
	for node, seconds := range s.StartSeconds {
		n[node] = measured(seconds)
	}
	return n
}

func measured(f float64) int {
	if f > 0 {
		return 1
	}
	return 0
}

func lengths[T any](m map[string][]T) map[string]int {
	n := map[string]int{}
	for k, v := range m {
		n[k] = len(v)
	}
	return n
}

func sizes(m map[string]map[string]string) map[string]int {
	n := map[string]int{}
	for k, v := range m {
		n[k] = len(v)
	}
	return n
}

// union gives the keys of both, sorted.
func union[K cmp.Ordered, V any](a, b map[K]V) []K {
	all := map[K]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}
