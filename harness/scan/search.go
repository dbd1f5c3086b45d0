package scan

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	"ndbproof/harness/secret"
)

// Encoding is how a column's character set lays out a text.
type Encoding string

// Encodings by MySQL's names: utf16 is big-endian there.
const (
	UTF8    Encoding = "utf8mb4" // ASCII, latin1 and binary alike, for a text of ASCII
	UTF16   Encoding = "utf16"
	UTF16LE Encoding = "utf16le"
)

// Needle is a text to be found, in one encoding.
type Needle struct {
	Text     string   `json:"text"`
	Encoding Encoding `json:"encoding"`
}

// Encodings are all in which a text is searched for.
var Encodings = []Encoding{UTF8, UTF16, UTF16LE}

// Needles are the texts in every encoding: of text i, those from i times
// len(Encodings) on.
func Needles(texts ...string) []Needle {
	var ns []Needle
	for _, text := range texts {
		for _, e := range Encodings {
			ns = append(ns, Needle{text, e})
		}
	}
	return ns
}

// Bytes is what the needle looks like on disk.
func (n Needle) Bytes() []byte {
	var order binary.AppendByteOrder = binary.BigEndian
	switch n.Encoding {
	case UTF16LE:
		order = binary.LittleEndian
	case UTF16:
	default:
		return []byte(n.Text)
	}
	var b []byte
	for _, unit := range utf16.Encode([]rune(n.Text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

// Patterns are the bytes of all needles, for Search; a Hit's index is theirs.
func Patterns(ns []Needle) [][]byte {
	out := make([][]byte, len(ns))
	for i, n := range ns {
		out[i] = n.Bytes()
	}
	return out
}

// Hit is one place where a needle stands.
type Hit struct {
	Needle int   `json:"needle"` // index into the needles
	Offset int64 `json:"offset"` // of its first byte, in bytes from the stream's beginning
}

// chunk is how much is read at a time.
const chunk = 256 << 10

// shortest is how many bytes a needle has at least: fewer stand everywhere.
const shortest = 2

// Searcher finds many needles in one pass. It keeps a buffer, and so serves one
// goroutine.
type Searcher struct {
	needles [][]byte
	matcher *secret.Matcher
	longest int
	buf     []byte
}

// newSearcher takes one needle or more, none shorter than two bytes.
func newSearcher(needles [][]byte) (*Searcher, error) {
	s := &Searcher{needles: needles}
	for i, n := range needles {
		if len(n) < shortest {
			return nil, fmt.Errorf("search for needle %d: its %d bytes would stand everywhere; want %d or more", i, len(n), shortest)
		}
		s.longest = max(s.longest, len(n))
	}
	if s.longest == 0 {
		return nil, errors.New("search: no needles given")
	}
	s.matcher = secret.NewMatcher(needles)
	s.buf = make([]byte, s.longest-1+chunk)
	return s, nil
}

// Search reads r to its end and gives every place of every needle, in order of
// offset, and how many bytes were read: 0 means that nothing was looked at.
// What was found before a read failed comes with the error.
func Search(r io.Reader, needles [][]byte) (hits []Hit, scanned int64, err error) {
	s, err := newSearcher(needles)
	if err != nil {
		return nil, 0, err
	}
	return s.Search(r)
}

// Search is the function Search, with this searcher's needles.
func (s *Searcher) Search(r io.Reader) (hits []Hit, scanned int64, err error) {
	// The buffer begins with the end of what was searched before, so that a
	// needle across two reads is seen whole.
	carry := 0
	for {
		n, err := io.ReadFull(r, s.buf[carry:])
		window := s.buf[:carry+n]
		base := scanned - int64(carry)
		s.matcher.Each(window, func(needle, at int) {
			if at+len(s.needles[needle]) > carry { // else it was seen before
				hits = append(hits, Hit{needle, base + int64(at)})
			}
		})
		scanned += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return inOrder(hits), scanned, nil
		case err != nil:
			return inOrder(hits), scanned, fmt.Errorf("search: read at offset %d: %w", scanned, err)
		}
		tail := min(s.longest-1, len(window))
		carry = copy(s.buf, window[len(window)-tail:])
	}
}

func inOrder(hits []Hit) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Needle, b.Needle))
	})
	return hits
}
