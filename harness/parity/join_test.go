package parity

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// blocks feeds entries cut into blocks of n.
func blocks(e []entry, n int) feed {
	chunks := slices.Collect(slices.Chunk(e, n))
	return func() ([]entry, error) {
		if len(chunks) == 0 {
			return nil, nil
		}
		c := chunks[0]
		chunks = chunks[1:]
		return c, nil
	}
}

func entries(m map[uint64]uint64) []entry {
	var out []entry
	for k, v := range m {
		out = append(out, entry{Digest{2, k}, Digest{0, v}})
	}
	sortEntries(out)
	return out
}

// Ordinals of a window sort as all entries do, also where negative numbers end.
func TestOrdinalsSortAsEntriesDo(t *testing.T) {
	keys := rapid.SliceOfDistinct(rapid.Int64(), rapid.ID[int64])
	near := rapid.SliceOfDistinct(rapid.Int64Range(-3000, 3000), rapid.ID[int64])
	rapid.Check(t, func(t *rapid.T) {
		var e []entry
		for i, k := range rapid.OneOf(keys, near).Draw(t, "keys") {
			key, err := ordinalOf(k)
			require.NoError(t, err)
			e = append(e, entry{key, Digest{0, uint64(i)}})
		}
		if len(e) == 0 {
			return
		}
		want := slices.Clone(e)
		sortEntries(want)
		got, spare := sortOrdinals(e, want[0].key[1])
		require.Equal(t, want, got)
		require.Len(t, spare, len(got))
	})
}

type pairOf struct{ s, r uint64 }

const none = math.MaxUint64

// join finds exactly the keys in which two maps differ, however blocks are cut.
func TestJoinFindsWhatMapsFind(t *testing.T) {
	side := rapid.MapOf(rapid.Uint64Range(0, 40), rapid.Uint64Range(0, 2))
	rapid.Check(t, func(t *rapid.T) {
		s, r := side.Draw(t, "source"), side.Draw(t, "replica")
		want, got := map[uint64]pairOf{}, map[uint64]pairOf{}
		for k, v := range s {
			if w, ok := r[k]; !ok {
				want[k] = pairOf{v, none}
			} else if w != v {
				want[k] = pairOf{v, w}
			}
		}
		for k, w := range r {
			if _, ok := s[k]; !ok {
				want[k] = pairOf{none, w}
			}
		}
		n := rapid.IntRange(1, 7)
		err := join(blocks(entries(s), n.Draw(t, "n")), blocks(entries(r), n.Draw(t, "m")), func(a, b *entry) {
			p := pairOf{none, none}
			var key uint64
			if a != nil {
				p.s, key = a.row[1], a.key[1]
			}
			if b != nil {
				p.r, key = b.row[1], b.key[1]
			}
			_, twice := got[key]
			require.False(t, twice)
			got[key] = p
		})
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestJoinStopsAtAnErrorOfEitherSide(t *testing.T) {
	lost := errors.New("lost")
	failing := func(after int) feed {
		return func() ([]entry, error) {
			if after--; after < 0 {
				return nil, lost
			}
			return []entry{{key: Digest{2, uint64(after)}}}, nil
		}
	}
	for n := range 2 {
		require.ErrorIs(t, join(failing(n), blocks(nil, 1), func(_, _ *entry) {}), lost)
		require.ErrorIs(t, join(blocks(nil, 1), failing(n), func(_, _ *entry) {}), lost)
	}
}

func TestOrdinalsSortAsIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		x, err := ordinalOf(a)
		require.NoError(t, err)
		y, err := ordinalOf(b)
		require.NoError(t, err)
		require.Equal(t, a < b, x.compare(y) < 0)
		require.Equal(t, a == b, x == y)
		if a >= 0 {
			u, err := ordinalOf(uint64(a))
			require.NoError(t, err)
			require.Equal(t, x, u)
		}
	})
	_, err := ordinalOf([]byte("1"))
	require.Error(t, err)
	for v, want := range map[any]string{int64(math.MinInt64): "-9223372036854775808", uint64(math.MaxUint64): "18446744073709551615", int64(0): "0"} {
		o, err := ordinalOf(v)
		require.NoError(t, err)
		assert.Equal(t, want, o.literal())
		assert.Positive(t, o.compare(Digest{}))
	}
}

// Every key lies in exactly one span.
func TestSpansCoverAllKeysOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		first, _ := ordinalOf(min(a, b))
		last, _ := ordinalOf(max(a, b))
		spans := cut(first, last, rapid.Uint64Range(1, 8).Draw(t, "n"))
		key, _ := ordinalOf(rapid.Int64().Draw(t, "key"))
		in := 0
		for _, s := range spans {
			if (s.after == nil || s.after.compare(key) < 0) && (s.last == nil || key.compare(*s.last) <= 0) {
				in++
			}
		}
		require.Equal(t, 1, in, "%v", spans)
	})
	first, _ := ordinalOf(int64(-100))
	last, _ := ordinalOf(int64(99))
	spans := cut(first, last, 4)
	require.Len(t, spans, 4)
	assert.Equal(t, " WHERE k <= -51", spans[0].where("k"))
	assert.Equal(t, " WHERE k > -2 AND k <= 47", spans[2].where("k"))
	assert.Equal(t, " WHERE k > 47", spans[3].where("k"))
	assert.Empty(t, span{}.where("k"))
}
