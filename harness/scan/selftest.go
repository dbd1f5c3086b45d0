package scan

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"ndbproof/harness/node"
)

// page is how finely a sparse file in memory has holes, in bytes.
const page = 4096

// SelfTest hides every pattern in a sparse file, in memory, where a search is
// most likely to miss it: at the beginning or at the end of what is data, with
// its zero bytes, if it has some there, in the hole beside it. It gives how many
// were hidden, and how many the same search as of every other file found.
func SelfTest(needles []node.Needle) (hidden, seen int, err error) {
	f, err := NewFinder(needles)
	if err != nil {
		return 0, 0, err
	}
	fd, err := unix.MemfdCreate("selftest", unix.MFD_CLOEXEC)
	if err != nil {
		return 0, 0, fmt.Errorf("make a sparse file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "selftest")
	defer file.Close() //nolint:errcheck // in memory
	hidden = len(f.Searcher.needles)
	want := make([]node.Hit, hidden)
	for i, n := range f.Searcher.needles {
		at, data := hideaway(i, n)
		if _, err := file.WriteAt(data.bytes, data.at); err != nil {
			return 0, 0, fmt.Errorf("write a sparse file in memory: %w", err)
		}
		want[i] = f.hit(Hit{i, at})
	}
	if err := file.Truncate(int64(4*hidden+4) * page); err != nil {
		return hidden, 0, fmt.Errorf("write a sparse file in memory: %w", err)
	}
	s, err := f.File(file)
	for _, h := range s.Hits {
		h.Places = 0
		if slices.Contains(want, h) {
			seen++
		}
	}
	return hidden, seen, err
}

// written is a part of a file: its offset, and its bytes.
type written struct {
	at    int64
	bytes []byte
}

// hideaway gives where pattern i will stand, and what must be written for that:
// its own bytes up to a page's end or from a page's beginning on, without a
// zero byte that the hole beside the page gives, and on their other side a byte
// that keeps one encoding from passing for the other.
func hideaway(i int, pattern []byte) (at int64, w written) {
	begin := int64(4*i+1) * page
	head, tail := bytes.TrimPrefix(pattern, []byte{0}), bytes.TrimSuffix(pattern, []byte{0})
	atEnd := len(tail) < len(pattern) || len(head) == len(pattern) && i%2 == 1
	if atEnd {
		at = begin + page - int64(len(tail))
		return at, written{at - 1, append([]byte{'x'}, tail...)}
	}
	return begin - int64(len(pattern)-len(head)), written{begin, append(bytes.Clone(head), 'x')}
}
