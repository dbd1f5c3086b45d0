package load

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRowIsAPureFunctionThatFits(t *testing.T) {
	require.Len(t, letters, 64)
	nulls, empty := 0, 0
	seen := map[string]bool{}
	for id := range uint64(5000) {
		r := RowOf(7, id)
		require.Equal(t, r, RowOf(7, id))
		require.NotEqual(t, r.C, RowOf(8, id).C)
		length := utf8.RuneCountInString(r.C)
		require.True(t, length >= 8 && length <= 64, r.C)
		require.LessOrEqual(t, len(r.B), 32)
		require.Len(t, r.At, len(timestamp))
		seen[r.C] = true
		switch {
		case r.B == nil:
			nulls++
		case len(r.B) == 0:
			empty++
		}
	}
	assert.Len(t, seen, 5000)
	assert.Greater(t, nulls, 200)
	assert.Greater(t, empty, 50)
}

// run plays a random history into a ledger and gives the fate of every key.
func run(t *rapid.T) (*ledger, map[uint64]fate) {
	n := rapid.IntRange(1, 4).Draw(t, "connections")
	first := rapid.Uint64Range(1, 9).Draw(t, "first")
	l := newLedger(first, n)
	want := map[uint64]fate{}
	for conn := range n {
		for range rapid.IntRange(0, 20).Draw(t, "rows") {
			key := l.take(conn)
			require.NotContains(t, want, key)
			want[key] = rapid.SampledFrom([]fate{acked, acked, acked, failed, unknown}).Draw(t, "fate")
			l.settle(conn, key, want[key])
		}
		if rapid.Bool().Draw(t, "one in flight") {
			want[l.take(conn)] = pending
		}
	}
	return &l, want
}

func TestLedgerKnowsEveryKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, want := run(t)
		for key := range l.end() + 10 {
			require.Equal(t, want[key], l.fate(key), "key %d", key)
		}
		for _, f := range []fate{acked, failed, unknown, pending} {
			got := slices.Collect(l.keys(f))
			require.True(t, slices.IsSorted(got))
			for _, key := range got {
				require.Equal(t, f, want[key])
			}
			n := 0
			for _, w := range want {
				if w == f {
					n++
				}
			}
			require.Len(t, got, n)
		}
	})
}

func given(rows []stored) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func storedOf(r Row) stored {
	return stored{r.ID, int64(r.N), []byte(r.C), []byte(r.At), r.B}
}

// Whatever is done to a table, the judge counts it, and nothing else.
func TestJudgeCountsWhatWasDone(t *testing.T) {
	const seed = 3
	rapid.Check(t, func(t *rapid.T) {
		l, fates := run(t)
		var want Findings
		var rows []stored
		do := rapid.SampledFrom([]string{"keep", "keep", "keep", "drop", "n", "c", "b", "at"})
		for key := uint64(1); key < l.end()+5; key++ {
			if key < l.first {
				continue
			}
			r := storedOf(RowOf(seed, key))
			there := rapid.Bool().Draw(t, "there")
			switch fates[key] {
			case acked:
				want.Expected++
				what := do.Draw(t, "do")
				if what == "drop" {
					want.Missing++
					continue
				}
				if alter(&r, what) {
					want.Wrong++
				}
			case unknown:
				want.Unknown++
				if !there {
					continue
				}
				want.There = append(want.There, key)
				if alter(&r, do.Draw(t, "do")) {
					want.Wrong++
				}
			default:
				if !there {
					continue
				}
				want.Strange++
			}
			want.Rows++
			rows = append(rows, r)
		}
		got, err := judge(l, seed, given(rows))
		require.NoError(t, err)
		require.Len(t, got.First, int(want.Missing+want.Wrong+want.Strange))
		require.Equal(t, len(got.First) == 0, got.OK())
		got.First = nil
		require.Equal(t, want, got)
	})
}

// alter changes the column named and tells that it did.
func alter(r *stored, column string) bool {
	switch column {
	case "n":
		r.n ^= 1
	case "c":
		r.c = append(slices.Clone(r.c), ' ')
	case "at":
		r.at = slices.Clone(r.at)
		r.at[len(r.at)-1] ^= 1
	case "b":
		if r.b == nil {
			r.b = []byte{} // the empty string instead of NULL
		} else {
			r.b = nil
		}
	default:
		return false
	}
	return true
}

func TestJudgeDoesNotTrustItsReader(t *testing.T) {
	l := newLedger(1, 1)
	for range 3 {
		l.settle(0, l.take(0), acked)
	}
	lost := errors.New("lost")
	_, err := judge(&l, 0, func(yield func(stored, error) bool) { yield(stored{}, lost) })
	require.ErrorIs(t, err, lost)
	_, err = judge(&l, 0, given([]stored{storedOf(RowOf(0, 2)), storedOf(RowOf(0, 1))}))
	require.ErrorContains(t, err, "read in order of the key")
}

func TestSwappedRowsAreWrong(t *testing.T) {
	l := newLedger(1, 2)
	for range 2 {
		for conn := range 2 {
			l.settle(conn, l.take(conn), acked)
		}
	}
	rows := []stored{storedOf(RowOf(0, 1)), storedOf(RowOf(0, 3)), storedOf(RowOf(0, 2)), storedOf(RowOf(0, 4))}
	rows[1].id, rows[2].id = 2, 3
	f, err := judge(&l, 0, given(rows))
	require.NoError(t, err)
	assert.Equal(t, int64(2), f.Wrong)
	assert.False(t, f.OK())
	assert.Contains(t, f.First[0].Want, RowOf(0, 2).At)
}

func TestUnknownRowsMustBeAlike(t *testing.T) {
	assert.Empty(t, Unlike(Findings{There: []uint64{1, 2}}, Findings{There: []uint64{1, 2}}))
	assert.ElementsMatch(t, []uint64{1, 3}, Unlike(Findings{There: []uint64{1, 2}}, Findings{There: []uint64{2, 3}}))
}

func BenchmarkRowOf(b *testing.B) {
	b.ReportAllocs()
	for id := uint64(0); b.Loop(); id++ {
		_ = RowOf(1, id)
	}
}

// What the ledger adds to a write.
func BenchmarkLedger(b *testing.B) {
	l := newLedger(1, 2)
	b.ReportAllocs()
	for b.Loop() {
		l.settle(0, l.take(0), acked)
	}
}
