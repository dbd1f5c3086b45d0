package upgrade

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
	Where string `json:"where,omitempty"` // "source sql"; of grants the side; "" for the whole pair
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

// mayBeNone are areas of which a pair may have nothing: a keyring_file plugin is
// no component, and a lag of 0 s is a good one.
var mayBeNone = []Area{AreaComponent, AreaLag}

// blind tells that the comparison says nothing here. Two lists without an entry
// are alike, and that proves nothing.
func (l Looked) blind() bool {
	return (l.From == 0 || l.To == 0) && !slices.Contains(mayBeNone, l.Area)
}

// look counts what there is to compare, place by place. An area of which nothing
// is there at all has a row, too.
func look(from, to Snapshot) []Looked {
	one := func(n int) map[string]int { return map[string]int{"": n} }
	var all []Looked
	for _, a := range areas {
		count := func(s Snapshot) map[string]int { return nil }
		switch a {
		case AreaClaim:
			count = func(s Snapshot) map[string]int { return one(len(s.Claims)) }
		case AreaGap:
			count = func(s Snapshot) map[string]int { return one(len(s.Gaps)) }
		case AreaGrant:
			count = grantsBySide
		case AreaPrivilege:
			count = func(s Snapshot) map[string]int { return one(len(s.Privileges)) }
		case AreaTLS:
			count = func(s Snapshot) map[string]int { return lengths(sessions(s.TLS)) }
		case AreaComponent:
			count = func(s Snapshot) map[string]int { return one(len(s.Components)) }
		case AreaPlugin:
			count = func(s Snapshot) map[string]int { return one(len(s.Plugins)) }
		case AreaVariable:
			count = func(s Snapshot) map[string]int { return sizes(s.Variables) }
		case AreaConfig:
			count = func(s Snapshot) map[string]int { return sizes(s.Config) }
		case AreaMessage:
			count = func(s Snapshot) map[string]int { return lengths(s.Messages) }
		case AreaStart:
			count = starts
		case AreaThroughput:
			count = func(s Snapshot) map[string]int { return one(measured(s.Throughput)) }
		default: // deprecations are among the messages, and a lag of 0 is one
			continue
		}
		all = append(all, beside(a, count(from), count(to))...)
	}
	return all
}

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
