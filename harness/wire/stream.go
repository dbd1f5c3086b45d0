package wire

import (
	"slices"

	"ndbproof/harness/node"
)

// How much of a stream is held back while a segment before it is missing. More
// means that the capture has missed it.
const (
	heldSegments = 256
	heldBytes    = 4 << 20
)

// stream puts the segments of one direction in order and hands them on.
type stream struct {
	facts   *node.Stream
	content content
	started bool
	next    uint32 // sequence number of the next byte
	held    []segment
	size    int // of what is held
}

type segment struct {
	seq  uint32
	data []byte
}

// before compares sequence numbers, which wrap around.
func before(a, b uint32) bool { return int32(a-b) < 0 } //nolint:gosec // the wrap is meant

// begin is the opening packet, whose sequence number stands before the first byte.
func (s *stream) begin(seq uint32) {
	if s.started {
		return // sent again
	}
	s.started, s.next = true, seq+1
	s.content.whole = true
}

// add takes one segment, whose data it does not keep.
func (s *stream) add(seq uint32, data []byte) {
	if len(data) == 0 {
		return
	}
	s.facts.Segments++
	if !s.started {
		s.started, s.next = true, seq
	}
	if before(s.next, seq) {
		s.hold(seq, data)
		return
	}
	s.deliver(seq, data)
	s.release()
}

// deliver hands on what is new of a segment that begins at or before the next byte.
func (s *stream) deliver(seq uint32, data []byte) {
	old := s.next - seq
	if int(old) >= len(data) {
		return
	}
	data = data[old:]
	s.next += uint32(len(data)) //nolint:gosec // a packet has less than 64 KiB
	s.facts.Bytes += int64(len(data))
	s.content.read(s.facts, data)
}

func (s *stream) hold(seq uint32, data []byte) {
	at, _ := slices.BinarySearchFunc(s.held, seq, func(h segment, seq uint32) int {
		if before(h.seq, seq) {
			return -1
		}
		return 1
	})
	s.held = slices.Insert(s.held, at, segment{seq, slices.Clone(data)})
	s.size += len(data)
	for len(s.held) > heldSegments || s.size > heldBytes {
		s.skip()
	}
}

// release hands on what is held and fits now.
func (s *stream) release() {
	for len(s.held) > 0 && !before(s.next, s.held[0].seq) {
		h := s.held[0]
		s.held, s.size = s.held[1:], s.size-len(h.data)
		s.deliver(h.seq, h.data)
	}
}

// skip gives up what is missing before the first segment held.
func (s *stream) skip() {
	s.facts.Missed += int64(s.held[0].seq - s.next)
	s.next = s.held[0].seq
	s.content.gap()
	s.release()
}

// end is called when no more packets come.
func (s *stream) end() {
	for len(s.held) > 0 {
		s.skip()
	}
	s.content.end(s.facts)
}
