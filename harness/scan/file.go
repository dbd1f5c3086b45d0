package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"ndbproof/harness/node"
)

// extent is a part of a file, in bytes from its beginning.
type extent struct{ from, to int64 }

// extents are the parts of a file that hold data, in order (lseek(2), SEEK_DATA
// and SEEK_HOLE): NDB's redo logs and InnoDB's tablespaces are sparse. A file
// system that cannot tell them makes one part of the whole file. They leave
// r's offset anywhere.
func extents(r io.Seeker, size int64) ([]extent, error) {
	var all []extent
	for at := int64(0); at < size; {
		from, err := r.Seek(at, unix.SEEK_DATA)
		switch {
		case errors.Is(err, syscall.ENXIO):
			return all, nil // nothing but a hole follows
		case errors.Is(err, syscall.EINVAL):
			return []extent{{0, size}}, nil
		case err != nil:
			return nil, fmt.Errorf("find data: %w", err)
		}
		to, err := r.Seek(from, unix.SEEK_HOLE)
		if errors.Is(err, syscall.ENXIO) { // cut off since
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find a hole: %w", err)
		}
		all = append(all, extent{from, min(to, size)})
		at = to
	}
	return all, nil
}

// widen makes each part reach over its ends into the holes, so far that no
// needle is cut: one in UTF-16 begins or ends with a zero byte, which may be a
// hole's. What then overlaps becomes one part.
func widen(all []extent, by, size int64) []extent {
	var out []extent
	for _, e := range all {
		e = extent{max(0, e.from-by), min(size, e.to+by)}
		if n := len(out); n > 0 && e.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, e.to)
			continue
		}
		out = append(out, e)
	}
	return out
}

// Finder searches files for texts that have names. It serves one goroutine.
type Finder struct {
	*Searcher
	needles []node.Needle
}

// NewFinder takes one needle or more.
func NewFinder(needles []node.Needle) (*Finder, error) {
	texts := make([]string, len(needles))
	for i, n := range needles {
		texts[i] = n.Text.Reveal()
	}
	s, err := newSearcher(Patterns(Needles(texts...)))
	if err != nil {
		return nil, err
	}
	return &Finder{s, needles}, nil
}

// File searches all of a file that holds data. Size is what it had when the
// search began; what a server appends during the search is not read. Place and path are the
// caller's to fill in.
func (f *Finder) File(file *os.File) (node.Searched, error) {
	var out node.Searched
	st, err := file.Stat()
	if err != nil {
		return out, fmt.Errorf("search: %w", err)
	}
	out.Size = st.Size()
	head := make([]byte, 8)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return out, fmt.Errorf("search: read at offset 0: %w", err)
	}
	out.Kind = string(KindOf(head[:n]))
	parts, err := extents(file, out.Size)
	if err != nil {
		return out, fmt.Errorf("search: %w", err)
	}
	var hits []Hit
	for _, e := range widen(parts, int64(f.longest-1), out.Size) {
		some, read, err := f.Search(io.NewSectionReader(file, e.from, e.to-e.from))
		out.Scanned += read
		for _, h := range some {
			hits = append(hits, Hit{h.Needle, e.from + h.Offset})
		}
		if err != nil {
			return out, err
		}
	}
	out.Hits = f.summed(hits)
	return out, nil
}

// Bytes searches what is in memory.
func (f *Finder) Bytes(b []byte) (node.Searched, error) {
	hits, scanned, err := f.Search(bytes.NewReader(b))
	return node.Searched{Kind: string(KindOf(b)), Size: int64(len(b)), Scanned: scanned, Hits: f.summed(hits)}, err
}

// summed gives for each pattern how often it was found, and where first.
func (f *Finder) summed(hits []Hit) []node.Hit {
	var out []node.Hit
	at := map[int]int{}
	for _, h := range hits {
		i, known := at[h.Needle]
		if !known {
			i = len(out)
			at[h.Needle] = i
			out = append(out, f.hit(h))
		}
		out[i].Places++
	}
	return out
}

// hit names a pattern's needle and encoding.
func (f *Finder) hit(h Hit) node.Hit {
	n, e := f.needles[h.Needle/len(Encodings)], Encodings[h.Needle%len(Encodings)]
	return node.Hit{Needle: n.Name, Encoding: string(e), First: h.Offset}
}
