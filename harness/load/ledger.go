package load

import (
	"iter"
	"slices"
)

// fate is how a write ended.
type fate int

const (
	unsent  fate = iota
	pending      // begun and not yet settled
	acked        // the server said so: it must be there
	failed       // refused: it must not be there
	unknown      // the answer was lost: it may be there
	refused      // refused for now, each time it was sent: it must not be there
)

// ledger knows the fate of every key. Keys are dealt to the connections in turn,
// and each connection settles its own in order; so it keeps two counters for each
// connection and, one by one, only the keys that were not acked.
type ledger struct {
	first  uint64
	tracks []track
}

// track is one connection's share: its n-th key is first + n*connections + its number.
type track struct {
	begun, settled uint64
	odd            []odd // in order of keys
}

type odd struct {
	key  uint64
	fate fate
}

func newLedger(first uint64, connections int) ledger {
	return ledger{first, make([]track, connections)}
}

// take gives a connection its next key.
func (l *ledger) take(conn int) uint64 {
	t := &l.tracks[conn]
	key := l.first + t.begun*uint64(len(l.tracks)) + uint64(conn) //nolint:gosec // a small number
	t.begun++
	return key
}

// settle says how the key ended that the connection took last.
func (l *ledger) settle(conn int, key uint64, f fate) {
	t := &l.tracks[conn]
	t.settled++
	if f != acked {
		t.odd = append(t.odd, odd{key, f})
	}
}

// fate of any key.
func (l *ledger) fate(key uint64) fate {
	if key < l.first {
		return unsent
	}
	t, n := &l.tracks[(key-l.first)%uint64(len(l.tracks))], (key-l.first)/uint64(len(l.tracks))
	switch {
	case n >= t.begun:
		return unsent
	case n >= t.settled:
		return pending
	}
	if i, is := slices.BinarySearchFunc(t.odd, key, func(o odd, k uint64) int {
		switch {
		case o.key < k:
			return -1
		case o.key > k:
			return 1
		}
		return 0
	}); is {
		return t.odd[i].fate
	}
	return acked
}

// end is above every key that was begun.
func (l *ledger) end() uint64 {
	end := l.first
	for i, t := range l.tracks {
		if t.begun > 0 {
			end = max(end, l.first+(t.begun-1)*uint64(len(l.tracks))+uint64(i)+1)
		}
	}
	return end
}

// keys gives, in order, the keys with one fate.
func (l *ledger) keys(f fate) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for key, end := l.first, l.end(); key < end; key++ {
			if l.fate(key) == f && !yield(key) {
				return
			}
		}
	}
}

// clone is a copy that later writes do not touch.
func (l *ledger) clone() ledger {
	c := ledger{l.first, slices.Clone(l.tracks)}
	for i := range c.tracks {
		c.tracks[i].odd = slices.Clone(c.tracks[i].odd)
	}
	return c
}
