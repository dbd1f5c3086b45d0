package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const password = "7QJ4K2ZJXGDY3LWTPB5MNVRHCA" // made up for these tests

func registry(t *testing.T) *Set {
	t.Helper()
	var s Set
	require.NoError(t, s.Add("password of user1", Of(password)))
	require.NoError(t, s.Add("password of root", Of("WZPX5TTLO2C6RKMEYQ4DSN3VGA")))
	return &s
}

// written are the ways in which a file may contain a secret.
func written(v string) map[string]string {
	around := func(n int) string {
		return base64.StdEncoding.EncodeToString([]byte("host=source;passwd="[:16+n] + v + "; more"))
	}
	wrapped := func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i += 20 {
			b.WriteString(s[i:min(i+20, len(s))] + "\r\n")
		}
		return b.String()
	}
	pairs := strings.ToUpper(hex.EncodeToString([]byte(v)))
	var colons []string
	for i := 0; i < len(pairs); i += 2 {
		colons = append(colons, pairs[i:i+2])
	}
	return map[string]string{
		"raw":            v,
		"base64":         base64.StdEncoding.EncodeToString([]byte(v)),
		"base64 inside":  around(0),
		"base64 shift 1": around(1),
		"base64 shift 2": around(2),
		"base64 wrapped": wrapped(around(1)),
		"base64url":      strings.NewReplacer("+", "-", "/", "_").Replace(around(2)),
		"hex":            hex.EncodeToString([]byte("x" + v)),
		"HEX":            pairs,
		"hex of openssl": strings.Join(colons, ":"),
	}
}

func TestASecretIsFoundHoweverItIsWritten(t *testing.T) {
	s := registry(t)
	for name, text := range written(password) {
		t.Run(name, func(t *testing.T) {
			before := "some log line, then "
			hits := s.SearchBytes("nodes/sql.log", []byte(before+text+"\nand another"))
			require.Len(t, hits, 1)
			assert.Equal(t, "password of user1", hits[0].Secret)
			assert.Equal(t, "nodes/sql.log", hits[0].File)
			assert.True(t, strings.HasPrefix(strings.ToLower(name), hits[0].Encoding), hits[0].Encoding)
			assert.GreaterOrEqual(t, hits[0].Offset, int64(len(before)))
			assert.Less(t, hits[0].Offset, int64(len(before)+len(text)))
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", hits, hits, hits), password)
		})
	}
}

func TestHitsGiveTheOffsetInTheFile(t *testing.T) {
	text := "a b\tc:\n\n  " + password + " " + password
	hits := registry(t).SearchBytes("argv", []byte(text))
	require.Equal(t, []Hit{{"password of user1", "raw", "argv", int64(strings.Index(text, password))}}, hits)
	assert.Equal(t, "password of user1 (raw) in argv at byte 10", hits[0].String())
}

func TestPartsOfASecretAreNoHit(t *testing.T) {
	s := registry(t)
	for _, text := range []string{"", password[1:], password[:25], strings.ToLower(password), Redacted, "passWord of user1"} {
		assert.Empty(t, s.SearchBytes("x", []byte(text)))
	}
}

func TestASecretAcrossTheBorderOfTwoChunksIsFound(t *testing.T) {
	s := registry(t)
	for name, text := range written(password) {
		for _, back := range []int{1, 2, len(text) / 2, len(text) - 1, len(text)} {
			at := 2*chunk - back
			file := bytes.Repeat([]byte("."), at)
			file = append(append(file, text...), "........"...)
			hits, err := s.Search("big", bytes.NewReader(file))
			require.NoError(t, err)
			require.Len(t, hits, 1, "%s, %d bytes before the border", name, back)
			assert.GreaterOrEqual(t, hits[0].Offset, int64(at))
			assert.Less(t, hits[0].Offset, int64(at+len(text)))
		}
	}
}

func TestSearchReadsInAnyPieces(t *testing.T) {
	s := registry(t)
	hits, err := s.Search("slow", iotest.OneByteReader(strings.NewReader("...."+password)))
	require.NoError(t, err)
	assert.Len(t, hits, 1)

	hits, err = s.Search("torn", io.MultiReader(strings.NewReader(password), iotest.ErrReader(os.ErrDeadlineExceeded)))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.Len(t, hits, 1, "Search returns what it found before the error")
}

func TestASearchForNothingIsAnError(t *testing.T) {
	for _, none := range []*Set{nil, {}} {
		_, err := none.Search("a", strings.NewReader(""))
		require.ErrorIs(t, err, errNoSecrets)
	}
}

func TestShortSecretsAreRefused(t *testing.T) {
	var s Set
	require.ErrorContains(t, s.Add("pin", Of("12:34 56")), "register secret pin: 6 characters are too few")
	require.Error(t, s.Add("empty", Of("")))
	require.NoError(t, s.Add("least", Of("12345678")))
	assert.NotEmpty(t, s.SearchBytes("x", []byte("=12345678=")))
}

func TestRedact(t *testing.T) {
	s := registry(t)
	got := s.Redact([]byte("user1:" + password + "@source " + password + password + " end"))
	assert.Equal(t, "user1:[redacted]@source [redacted][redacted] end", string(got))
	for name, text := range written(password) {
		got := s.Redact([]byte("before " + text + " after"))
		assert.Empty(t, s.SearchBytes(name, got), "%s: %s", name, got)
		assert.True(t, strings.HasPrefix(string(got), "before ") && strings.HasSuffix(string(got), " after"), "%s: %s", name, got)
	}
	var none *Set
	assert.Equal(t, "as it was", string(none.Redact([]byte("as it was"))))
}

// Whatever the secrets and the text around them: what was put in is found, at
// its place, and is gone after Redact, with nothing else changed.
func TestSearchAndRedactForAnySecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9+/=_]{12,40}`), 1, 5, rapid.ID[string]).Draw(t, "secrets")
		var s Set
		for i, v := range values {
			if err := s.Add(fmt.Sprint("s", i), Of(v)); err != nil {
				t.Fatal(err)
			}
		}
		n := rapid.IntRange(0, len(values)-1).Draw(t, "which")
		ways := written(values[n])
		way := rapid.SampledFrom([]string{"raw", "base64 inside", "base64 shift 1", "base64 shift 2", "base64 wrapped", "hex", "HEX", "hex of openssl"}).Draw(t, "way")
		noise := rapid.StringMatching(`[#!~ \n]{0,60}`)
		before, after := noise.Draw(t, "before"), noise.Draw(t, "after")
		text := []byte(before + ways[way] + after)

		named := func(h []Hit) bool {
			for _, x := range h {
				if x.Secret == fmt.Sprint("s", n) && x.Offset >= int64(len(before)) && x.Offset < int64(len(before)+len(ways[way])) {
					return true
				}
			}
			return false
		}
		if hits := s.SearchBytes("x", text); !named(hits) {
			t.Fatalf("%s not found in %q: %v", way, text, hits)
		}
		clean := string(s.Redact(text))
		if hits := s.SearchBytes("x", []byte(clean)); len(hits) > 0 {
			t.Fatalf("still in %q: %v", clean, hits)
		}
		if !strings.HasPrefix(clean, before) || !strings.HasSuffix(clean, after) {
			t.Fatalf("%q became %q", text, clean)
		}
	})
}

// The matcher finds exactly what looking at every place finds.
func TestMatcherAgreesWithLookingEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte("ab")), 2, 6), func(b []byte) string { return string(b) })
		var patterns [][]byte
		for _, w := range rapid.SliceOfN(word, 1, 6).Draw(t, "patterns") {
			patterns = append(patterns, []byte(w))
		}
		text := rapid.SliceOfN(rapid.SampledFrom([]byte("abc")), 0, 80).Draw(t, "text")
		want, got := map[[2]int]bool{}, map[[2]int]bool{}
		for n, p := range patterns {
			for i := range text {
				if bytes.HasPrefix(text[i:], p) {
					want[[2]int{n, i}] = true
				}
			}
		}
		last := 0
		NewMatcher(patterns).Each(text, func(n, start int) {
			if start < last {
				t.Fatalf("%d after %d", start, last)
			}
			last = start
			got[[2]int{n, start}] = true
		})
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("want %v, got %v", want, got)
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	var s Set
	for i := range 20 {
		if err := s.Add(fmt.Sprint(i), New()); err != nil {
			b.Fatal(err)
		}
	}
	text := bytes.Repeat([]byte("2026-11-24T02:15:00.123456Z 12 [System] [MY-010931] [Server] ready for connections\n"), 1<<16)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := s.Search("log", bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
