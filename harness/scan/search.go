package scan

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
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

// Needles are the texts in every encoding.
func Needles(texts ...string) []Needle {
	var ns []Needle
	for _, text := range texts {
		for _, e := range []Encoding{UTF8, UTF16, UTF16LE} {
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
const chunk = 1 << 20

// Search reads r to its end and gives every place of every needle, in order of
// offset, and how many bytes were read: 0 means that nothing was looked at.
// What was found before a read failed comes with the error.
func Search(r io.Reader, needles [][]byte) (hits []Hit, scanned int64, err error) {
	longest := 0
	for i, n := range needles {
		if len(n) == 0 {
			return nil, 0, fmt.Errorf("search for needle %d: it is empty and would stand everywhere", i)
		}
		longest = max(longest, len(n))
	}
	if longest == 0 {
		return nil, 0, errors.New("search: no needles given")
	}
	// The buffer begins with the end of what was searched before, so that a
	// needle across two reads is seen whole.
	buf, carry := make([]byte, longest-1+chunk), 0
	for {
		n, err := io.ReadFull(r, buf[carry:])
		window := buf[:carry+n]
		hits = appendHits(hits, window, carry, scanned-int64(carry), needles)
		scanned += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return hits, scanned, nil
		case err != nil:
			return hits, scanned, fmt.Errorf("search: read at offset %d: %w", scanned, err)
		}
		tail := min(longest-1, len(window))
		carry = copy(buf, window[len(window)-tail:])
	}
}

// appendHits searches window, which begins at offset base of the stream. Of
// the first carry bytes only needles that reach beyond them are new.
func appendHits(hits []Hit, window []byte, carry int, base int64, needles [][]byte) []Hit {
	first := len(hits)
	for i, n := range needles {
		for at := max(0, carry-len(n)+1); ; at++ {
			next := bytes.Index(window[at:], n)
			if next < 0 {
				break
			}
			at += next
			hits = append(hits, Hit{i, base + int64(at)})
		}
	}
	slices.SortFunc(hits[first:], func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Needle, b.Needle))
	})
	return hits
}
