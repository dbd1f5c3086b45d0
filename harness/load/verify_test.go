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

	"ndbproof/harness/topology"
)

func TestValuesAreAPureFunctionThatFits(t *testing.T) {
	require.Len(t, letters, 64)
	w := Mixed()
	for table, def := range w.Tables {
		seen, nulls := map[uint64]bool{}, 0
		for key := range uint64(300) {
			values := w.Values(7, table, key, key+1)
			require.Equal(t, values, w.Values(7, table, key, key+1))
			seen[digest(def.cells(values))] = true
			for i, v := range values {
				if v == nil {
					nulls++
				}
				switch s, _ := v.(string); def.Columns[i].Name {
				case "c":
					require.True(t, utf8.RuneCountInString(s) >= 8 && utf8.RuneCountInString(s) <= 64, s)
				case "name":
					require.LessOrEqual(t, utf8.RuneCountInString(s), 200)
				}
			}
		}
		require.Len(t, seen, 300, def.Name)
		if def.Name == "wide" {
			require.Positive(t, nulls)
		}
		if len(def.Columns) > 1 {
			require.NotEqual(t, w.Values(7, table, 1, 1), w.Values(8, table, 1, 1), "the seed counts")
			require.NotEqual(t, w.Values(7, table, 1, 1)[0:], w.Values(7, table, 2, 1)[0:], "the key counts")
		}
	}
}

func TestCellsTellNullFromNothing(t *testing.T) {
	assert.NotEqual(t, digest([]cell{nil}), digest([]cell{{}}))
	assert.NotEqual(t, digest([]cell{[]byte("ab"), {}}), digest([]cell{[]byte("a"), []byte("b")}))
	doc := Column{Plain: plainJSON}
	assert.Equal(t, cellOf(doc, []byte(`{"bb": 1, "a": 1.50}`), false), cellOf(doc, []byte(`{"a":1.50,"bb":1}`), false))
	assert.Equal(t, `"a"`, cell("a").String())
	assert.Equal(t, "0xff", cell{0xff}.String())
	assert.Equal(t, "NULL", cell(nil).String())
}

// One seed gives the same writes in the same order.
func TestDealingIsRepeatable(t *testing.T) {
	for _, w := range Workloads() {
		deal := func(seed uint64) []Op {
			d := newDealer(&w, seed, 0, 2, make([]uint64, len(w.Tables)))
			var out []Op
			for range 200 {
				op := d.next(func(int, uint64) bool { return false })
				d.settle(op, acked)
				out = append(out, op)
			}
			return out
		}
		first, again := deal(1), deal(1)
		require.Equal(t, first, again, w.Name)
		require.NotEqual(t, deal(1), deal(2), w.Name)
	}
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

// served plays a history on tables in memory, where unknown writes got in or not.
func served(t *rapid.T, b *Book) map[int][]stored {
	out := map[int][]stored{}
	in := map[int64]bool{}
	for table := range b.tables {
		for _, key := range b.keys(table) {
			s := b.tables[table][key]
			w := s.now
			if s.maybe != nil {
				if _, drawn := in[s.maybe.op]; !drawn {
					in[s.maybe.op] = rapid.Bool().Draw(t, "got in")
				}
				if in[s.maybe.op] {
					w = s.maybe
				}
			}
			if w == nil || w.Gone {
				continue
			}
			def := b.workload.Tables[table]
			r := stored{key, def.cells(b.workload.Values(b.Seed, table, key, w.Version))}
			n := int64(1)
			if def.Form == Keyless {
				n = copies(key)
			}
			for range n {
				out[table] = append(out[table], r)
			}
		}
	}
	return out
}

// judgedRows judges tables in memory.
func judgedRows(t require.TestingT, b *Book, rows map[int][]stored) Findings {
	j := newJudge(b, topology.Source)
	for table := range b.tables {
		require.NoError(t, j.table(table, given(rows[table])))
	}
	j.torn()
	return j.found
}

// What a server has after any history passes, and one row that is dropped,
// changed, added or doubled does not.
func TestJudgeFindsEveryChange(t *testing.T) {
	all := Workloads()
	rapid.Check(t, func(t *rapid.T) {
		h, steps := history(t, all[rapid.IntRange(0, len(all)-1).Draw(t, "workload")])
		b := added(t, h, steps)
		rows := served(t, b)
		require.Zero(t, judgedRows(t, b, rows).Faults())
		table := rapid.IntRange(0, len(b.tables)-1).Draw(t, "table")
		here, def := rows[table], b.workload.Tables[table]
		sure := slices.IndexFunc(here, func(r stored) bool { return b.tables[table][r.key].maybe == nil })
		what := rapid.SampledFrom([]string{"drop", "change", "add", "double"}).Draw(t, "what")
		switch {
		case what == "add":
			key := uint64(1 << 40)
			rows[table] = append(slices.Clone(here), stored{key, def.cells(b.workload.Values(h.Seed, table, key, 1))})
		case sure < 0:
			return
		case what == "drop":
			rows[table] = slices.Delete(slices.Clone(here), sure, sure+1)
		case what == "double" && def.Form == Keyless:
			rows[table] = slices.Insert(slices.Clone(here), sure, here[sure])
		default:
			i := rapid.IntRange(0, len(def.Columns)-1).Draw(t, "column")
			changed := stored{here[sure].key, slices.Clone(here[sure].cells)}
			if c := changed.cells[i]; len(c) == 0 {
				changed.cells[i] = cell("x")
			} else {
				changed.cells[i] = slices.Clone(c)
				changed.cells[i][len(c)-1] ^= 1
			}
			rows[table] = slices.Clone(here)
			rows[table][sure] = changed
		}
		f := judgedRows(t, b, rows)
		require.Positive(t, f.Faults(), what)
		require.NotEmpty(t, f.First)
		require.NotEmpty(t, f.First[0].Opinion)
		require.Equal(t, def.Name, f.First[0].Table)
	})
}

func TestDeletedRowThatIsBack(t *testing.T) {
	h := Header{Format: format, Workload: "churn", Connections: 1, First: []uint64{1}}
	steps := []step{
		{op: &Op{Kind: Insert, Changes: []Change{{Key: 1, Version: 1}}}},
		{fate: acked},
		{op: &Op{Kind: Delete, Changes: []Change{{Key: 1, Version: 2, Gone: true}}}},
		{fate: acked},
	}
	b := added(t, h, steps)
	f := judgedRows(t, b, nil)
	assert.Zero(t, f.Faults())
	assert.Equal(t, map[string]int64{"insert": 0, "update": 0, "delete": 1}, f.Compared)
	f = judgedRows(t, b, map[int][]stored{0: {{1, b.workload.Tables[0].cells(b.workload.Values(0, 0, 1, 1))}}})
	assert.Equal(t, int64(1), f.Back)
	assert.Equal(t, "delete acknowledged: deleted", f.First[0].Opinion)
}

// A transaction of unknown fate must be there whole or not at all.
func TestHalfATransactionIsTorn(t *testing.T) {
	w := Transfers()
	open := Op{Kind: Transaction}
	for table := range w.Tables {
		c := Change{Table: table, Key: 1, Version: uint64(table) + 5}
		c.Digest = digest(w.Tables[table].cells(w.Values(0, table, 1, c.Version)))
		open.Changes = append(open.Changes, c)
	}
	b := added(t, Header{Format: format, Workload: w.Name, Connections: 1, First: []uint64{1, 1, 1}}, []step{{op: &open}, {fate: unknown}})
	rows := map[int][]stored{}
	for table := range w.Tables {
		assert.Equal(t, min(table, 1), int(judgedRows(t, b, rows).Torn))
		rows[table] = []stored{{1, w.Tables[table].cells(w.Values(0, table, 1, uint64(table)+5))}}
	}
	f := judgedRows(t, b, rows)
	assert.Zero(t, f.Faults())
	assert.Len(t, f.There, 3)
	assert.Empty(t, Unlike(f, f))
	assert.Len(t, Unlike(f, Findings{There: f.There[:1]}), 2)
}

func TestJudgeDoesNotTrustItsReader(t *testing.T) {
	b := added(t, Header{Format: format, Workload: "insert-only", Connections: 1, First: []uint64{1}}, nil)
	lost := errors.New("lost")
	require.ErrorIs(t, newJudge(b, topology.Source).table(0, func(yield func(stored, error) bool) { yield(stored{}, lost) }), lost)
	cells := make([]cell, 4)
	require.ErrorContains(t, newJudge(b, topology.Source).table(0, given([]stored{{2, cells}, {1, cells}})), "read in order of the key")
	require.ErrorContains(t, newJudge(b, topology.Source).table(0, given([]stored{{2, cells}, {2, cells}})), "read in order of the key")
}

func TestNoBookIsAnError(t *testing.T) {
	_, err := Books(nil).Check(t.Context(), topology.Source, nil)
	require.ErrorIs(t, err, errNoBook)
	assert.Empty(t, Books(nil).Opinion("d", "t", 1))
}
