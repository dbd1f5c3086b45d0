package scan_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ndbproof/harness/scan"
)

func TestNeedleBytes(t *testing.T) {
	assert.Equal(t, []byte("aB\xe2\x82\xac"), scan.Needle{Text: "aB€", Encoding: scan.UTF8}.Bytes())
	assert.Equal(t, []byte("\x00a\x00B\x20\xac"), scan.Needle{Text: "aB€", Encoding: scan.UTF16}.Bytes(), "MySQL's utf16 is big-endian")
	assert.Equal(t, []byte("a\x00B\x00\xac\x20"), scan.Needle{Text: "aB€", Encoding: scan.UTF16LE}.Bytes())
	assert.Equal(t, []byte("\xd8\x3d\xde\x00"), scan.Needle{Text: "\U0001F600", Encoding: scan.UTF16}.Bytes(), "surrogates")
}

func TestSearchFindsEveryEncoding(t *testing.T) {
	needles := scan.Needles("MARKER-one", "MARKER-two")
	require.Len(t, needles, 6)
	for i, n := range needles {
		file := bytes.Join([][]byte{[]byte("before"), n.Bytes(), []byte("behind")}, nil)
		hits, scanned, err := scan.Search(bytes.NewReader(file), scan.Patterns(needles))
		require.NoError(t, err)
		assert.Equal(t, []scan.Hit{{Needle: i, Offset: 6}}, hits, "%+v", n)
		assert.EqualValues(t, len(file), scanned)
	}
}

// The boundary of two reads is where a search by parts goes wrong: the needle
// is put on every offset around it.
func TestSearchAcrossReads(t *testing.T) {
	needle := []byte("MARKER-0123456789")
	for at := scan.Chunk - 2*len(needle); at <= scan.Chunk+2*len(needle); at++ {
		file := bytes.Repeat([]byte{'M'}, 2*scan.Chunk+100)
		copy(file[at:], needle)
		hits, scanned, err := scan.Search(bytes.NewReader(file), [][]byte{[]byte("nowhere"), needle})
		require.NoError(t, err)
		require.Equal(t, []scan.Hit{{Needle: 1, Offset: int64(at)}}, hits)
		require.EqualValues(t, len(file), scanned)
	}
}

func TestSearchOverlapping(t *testing.T) {
	hits, _, err := scan.Search(iotest.OneByteReader(strings.NewReader("aaaba")), [][]byte{[]byte("aa"), []byte("aaa"), []byte("ab")})
	require.NoError(t, err)
	assert.Equal(t, []scan.Hit{{0, 0}, {1, 0}, {0, 1}, {2, 2}}, hits)
}

func TestSearchOfNothing(t *testing.T) {
	hits, scanned, err := scan.Search(strings.NewReader(""), [][]byte{[]byte("ab")})
	require.NoError(t, err)
	assert.Empty(t, hits)
	assert.Zero(t, scanned, "the caller must be able to tell that nothing was looked at")

	_, _, err = scan.Search(strings.NewReader("abc"), nil)
	require.ErrorContains(t, err, "no needles")
	_, _, err = scan.Search(strings.NewReader("abc"), [][]byte{[]byte("ab"), []byte("a")})
	require.ErrorContains(t, err, "needle 1: its 1 bytes")
}

func TestSearchKeepsWhatItFoundBeforeAFailure(t *testing.T) {
	broken := errors.New("input/output error")
	hits, scanned, err := scan.Search(io.MultiReader(strings.NewReader("xMARKER"), iotest.ErrReader(broken)), [][]byte{[]byte("MARKER")})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "read at offset 7")
	assert.Equal(t, []scan.Hit{{Needle: 0, Offset: 1}}, hits)
	assert.EqualValues(t, 7, scanned)
}

// Against the plain definition, on small alphabets where needles overlap.
func TestSearchAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOfN(rapid.SampledFrom([]byte("ab")), 2, 6)
		file := rapid.SliceOfN(rapid.SampledFrom([]byte("ab")), 0, 60).Draw(t, "file")
		needles := rapid.SliceOfN(letters, 1, 4).Draw(t, "needles")
		var want []scan.Hit
		for at := range file {
			for i, n := range needles {
				if bytes.HasPrefix(file[at:], n) {
					want = append(want, scan.Hit{Needle: i, Offset: int64(at)})
				}
			}
		}
		hits, scanned, err := scan.Search(iotest.HalfReader(bytes.NewReader(file)), needles)
		require.NoError(t, err)
		require.Equal(t, want, hits)
		require.EqualValues(t, len(file), scanned)
	})
}

func BenchmarkSearch(b *testing.B) {
	file := make([]byte, 64<<20)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(file)
	patterns := scan.Patterns(scan.Needles("7Q2ZKM4X5V6YB3JHNWDTR2LGCP", "OXW4PBQ6DHRYTL2V7MKJ3ZSN5A"))
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if hits, _, err := scan.Search(bytes.NewReader(file), patterns); err != nil || len(hits) != 0 {
			b.Fatal(hits, err)
		}
	}
}
