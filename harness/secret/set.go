package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Set is all secrets of a run, each under a name that may be shown. It
// finds and removes them in what the run wrote. Safe for concurrent use.
//
// A text is searched without its white space and colons, and so are the
// patterns: a key wrapped at another width, base64 in lines of 76, or hex as
// openssl prints it are found as well. What is compressed is not.
type Set struct {
	mu       sync.Mutex
	patterns []pattern
	matcher  *Matcher // of patterns; nil after a change
}

// shortest is how many bytes a secret must have to be told from chance.
const shortest = 8

// Encodings as a Hit names them.
const (
	encRaw       = "raw"
	encBase64    = "base64"
	encBase64URL = "base64url"
	encHex       = "hex"
	encPEM       = "pem"
)

// pattern is one way in which one secret may be written.
type pattern struct {
	secret, encoding string
	text             []byte // without blanks
}

// Hit is a secret found where none should be. It never holds the value.
type Hit struct {
	Secret   string `json:"secret"`   // its name
	Encoding string `json:"encoding"` // raw, base64, base64url, hex, pem, or "base64 of pem" and the like
	File     string `json:"file"`     // as named to Search; below the searched folder when a folder is searched
	Offset   int64  `json:"offset"`   // of the first such place in the file, in bytes
}

func (h Hit) String() string {
	return fmt.Sprintf("%s (%s) in %s at byte %d", h.Secret, h.Encoding, h.File, h.Offset)
}

// Add registers a secret. One of fewer than eight bytes is refused: it would be
// found by chance.
func (s *Set) Add(name string, v Secret) error {
	if n := len(unblank([]byte(v.value))); n < shortest {
		return fmt.Errorf("register secret %s: %d characters are too few to be searched for, want %d", name, n, shortest)
	}
	s.add(name, encodings([]byte(v.value)))
	return nil
}

func (s *Set) add(name string, ps []pattern) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range ps {
		p.secret = name
		known := slices.ContainsFunc(s.patterns, func(q pattern) bool {
			return q.secret == name && bytes.Equal(q.text, p.text)
		})
		if !known {
			s.patterns = append(s.patterns, p)
		}
	}
	s.matcher = nil
}

// encodings gives the ways in which a value may be written. Inside a longer
// base64 text a value begins at one of three places of a group; the characters
// that it shares with its neighbours are left out.
func encodings(v []byte) []pattern {
	out := []pattern{{encoding: encRaw, text: unblank(v)}}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), v...))
		text = text[(8*shift+5)/6 : 8*(shift+len(v))/6]
		out = append(out,
			pattern{encoding: encBase64, text: []byte(text)},
			pattern{encoding: encBase64URL, text: []byte(strings.NewReplacer("+", "-", "/", "_").Replace(text))})
	}
	lower := hex.EncodeToString(v)
	return append(out,
		pattern{encoding: encHex, text: []byte(lower)},
		pattern{encoding: encHex, text: []byte(strings.ToUpper(lower))})
}

// blank are the bytes left out of texts and patterns.
var blank = [256]bool{' ': true, '\t': true, '\n': true, '\r': true, ':': true}

func unblank(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if !blank[c] {
			out = append(out, c)
		}
	}
	return out
}

// index gives the patterns and their matcher, or nil when nothing is
// registered. The zero pointer has none.
func (s *Set) index() ([]pattern, *Matcher) {
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.patterns) == 0 {
		return nil, nil
	}
	if s.matcher == nil {
		texts := make([][]byte, len(s.patterns))
		for i, p := range s.patterns {
			texts[i] = p.text
		}
		s.matcher = NewMatcher(texts)
	}
	return slices.Clip(s.patterns), s.matcher
}

// Redact gives b with every secret, however written, replaced by Redacted.
func (s *Set) Redact(b []byte) []byte {
	patterns, m := s.index()
	if m == nil {
		return b
	}
	var t piece
	t.add(b)
	type span struct{ from, to int64 }
	var spans []span
	m.Each(t.kept, func(p, start int) {
		end := start + len(patterns[p].text)
		spans = append(spans, span{t.at[start], t.at[end-1] + 1})
	})
	var out []byte
	var done int64 // b[:done] is in out, redacted where it had to be
	for _, sp := range spans {
		if sp.from >= done {
			out = append(append(out, b[done:sp.from]...), Redacted...)
		}
		done = max(done, sp.to)
	}
	return append(out, b[done:]...)
}

// piece is a part of a file without its blanks, and where each byte stood.
type piece struct {
	kept []byte
	at   []int64
	read int64 // bytes added so far
}

func (t *piece) add(b []byte) {
	for i, c := range b {
		if !blank[c] {
			t.kept = append(t.kept, c)
			t.at = append(t.at, t.read+int64(i))
		}
	}
	t.read += int64(len(b))
}

// keep drops all but the last n bytes.
func (t *piece) keep(n int) {
	if drop := len(t.kept) - n; drop > 0 {
		t.kept = t.kept[:copy(t.kept, t.kept[drop:])]
		t.at = t.at[:copy(t.at, t.at[drop:])]
	}
}

// errNoSecrets: a search for nothing would find nothing.
var errNoSecrets = errors.New("no secret is registered, so a search would prove nothing")

// chunk is how much of a file is searched at a time, in bytes.
const chunk = 256 << 10

// Search reads r to its end and gives for each secret, and each way of writing
// it, the first place. Name stands for r in the hits.
func (s *Set) Search(name string, r io.Reader) ([]Hit, error) {
	patterns, m := s.index()
	if m == nil {
		return nil, fmt.Errorf("search %s for secrets: %w", name, errNoSecrets)
	}
	first := map[[2]string]Hit{}
	var t piece
	buf := make([]byte, chunk)
	for {
		n, err := io.ReadFull(r, buf)
		t.add(buf[:n])
		m.Each(t.kept, func(p, start int) {
			k := [2]string{patterns[p].secret, patterns[p].encoding}
			if h, ok := first[k]; !ok || t.at[start] < h.Offset {
				first[k] = Hit{k[0], k[1], name, t.at[start]}
			}
		})
		t.keep(m.longest - 1)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return sorted(first), nil
		}
		if err != nil {
			return sorted(first), fmt.Errorf("search %s for secrets: %w", name, err)
		}
	}
}

func sorted(hits map[[2]string]Hit) []Hit {
	var out []Hit
	for _, h := range hits {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Hit) int {
		return strings.Compare(fmt.Sprintf("%020d %s %s", a.Offset, a.Secret, a.Encoding), fmt.Sprintf("%020d %s %s", b.Offset, b.Secret, b.Encoding))
	})
	return out
}

// SearchBytes searches what is in memory: a container's inspect JSON, an argv.
// Joined by blanks, an argv is searched across its words too.
func (s *Set) SearchBytes(name string, b []byte) []Hit {
	hits, _ := s.Search(name, bytes.NewReader(b)) // fails only when no secret is registered, which a search of the run's folder reports
	return hits
}
