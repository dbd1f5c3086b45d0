package secret

import "bytes"

// Matcher finds any of many byte strings in one pass over a text (Wu and
// Manber, "A fast algorithm for multi-pattern searching", 1994, with blocks of
// two bytes): it looks at the last two bytes of a window as long as the
// shortest pattern, and most pairs of bytes let it skip the whole window.
type Matcher struct {
	patterns [][]byte
	window   int              // length of the shortest pattern
	longest  int              // length of the longest
	shift    []uint16         // by pair: how far the window may move
	ending   map[uint16][]int // by pair: the patterns whose window ends with it
}

// NewMatcher takes at least one pattern, and none shorter than two bytes.
func NewMatcher(patterns [][]byte) *Matcher {
	m := &Matcher{patterns: patterns, window: len(patterns[0]), shift: make([]uint16, 1<<16), ending: map[uint16][]int{}}
	for _, p := range patterns {
		m.window, m.longest = min(m.window, len(p)), max(m.longest, len(p))
	}
	m.window = min(m.window, 1<<16)
	last := m.window - 1
	for i := range m.shift {
		m.shift[i] = uint16(last) //nolint:gosec // bounded above
	}
	for n, p := range patterns {
		for j := 1; j <= last; j++ {
			k := pair(p, j)
			m.shift[k] = min(m.shift[k], uint16(last-j)) //nolint:gosec // bounded above
		}
		k := pair(p, last)
		m.ending[k] = append(m.ending[k], n)
	}
	return m
}

func pair(b []byte, end int) uint16 { return uint16(b[end-1])<<8 | uint16(b[end]) }

// Each calls found for every occurrence of every pattern, in the order of
// where they start.
func (m *Matcher) Each(text []byte, found func(pattern, start int)) {
	for end := m.window - 1; end < len(text); {
		k := pair(text, end)
		if s := m.shift[k]; s > 0 {
			end += int(s)
			continue
		}
		start := end - m.window + 1
		for _, n := range m.ending[k] {
			if bytes.HasPrefix(text[start:], m.patterns[n]) {
				found(n, start)
			}
		}
		end++
	}
}
