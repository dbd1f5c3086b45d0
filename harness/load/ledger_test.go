package load

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// step is one entry of a history: a write begun, or settled.
type step struct {
	conn int
	op   *Op // nil: settled
	fate fate
}

// history draws what writers could have done: each connection's dealer gives its
// writes, and each ends in some way.
func history(t *rapid.T, w Workload) (Header, []step) {
	h := Header{Format: format, Workload: w.Name, Engine: "NDBCLUSTER", Seed: rapid.Uint64().Draw(t, "seed"), Connections: rapid.IntRange(1, 3).Draw(t, "connections")}
	for range w.Tables {
		h.First = append(h.First, 1)
	}
	fates := rapid.SampledFrom([]fate{acked, acked, acked, acked, failed, unknown, refused, pending})
	var dealers []*dealer
	for conn := range h.Connections {
		dealers = append(dealers, newDealer(&w, h.Seed, conn, h.Connections, h.First))
	}
	var out []step
	gone := map[int]bool{}
	for range rapid.IntRange(0, 60).Draw(t, "writes") {
		conn := rapid.IntRange(0, h.Connections-1).Draw(t, "connection")
		if gone[conn] {
			continue
		}
		op := dealers[conn].next(func(int, uint64) bool { return false })
		out = append(out, step{conn: conn, op: &op})
		f := fates.Draw(t, "fate")
		if f == pending { // the connection has no answer to the last
			gone[conn] = true
			continue
		}
		dealers[conn].settle(op, f)
		out = append(out, step{conn: conn, fate: f})
	}
	return h, out
}

func note(t require.TestingT, l *ledger, steps []step) {
	for _, s := range steps {
		if s.op != nil {
			require.NoError(t, l.begin(s.conn, *s.op))
		} else {
			require.NoError(t, l.settle(s.conn, s.fate))
		}
	}
}

// added is the book of a history, without a ledger.
func added(t require.TestingT, h Header, steps []step) *Book {
	b := &Book{}
	h.Segment = 1
	require.NoError(t, b.add(entry{header: &h}))
	for _, s := range steps {
		e := entry{conn: s.conn, fate: s.fate}
		if s.op != nil {
			e.begin = &Op{Kind: s.op.Kind, Changes: s.op.Changes}
		}
		require.NoError(t, b.add(e))
	}
	return b
}

// What is replayed from the disk is what was noted, whatever the workload and
// however much of it lies in which form; and of a ledger that was cut anywhere it
// is all that was whole.
func TestReplayGivesWhatWasNoted(t *testing.T) {
	all := Workloads()
	root, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		h, steps := history(t, all[rapid.IntRange(0, len(all)-1).Draw(t, "workload")])
		n++
		l, err := createLedger(filepath.Join(root, fmt.Sprint(n)), h)
		require.NoError(t, err)
		turn := rapid.IntRange(0, len(steps)).Draw(t, "turn")
		note(t, l, steps[:turn])
		if rapid.Bool().Draw(t, "segments") {
			require.NoError(t, l.turn())
		}
		note(t, l, steps[turn:])
		want := added(t, h, steps)
		same := func(b *Book) {
			require.Equal(t, want.written, b.written)
			require.True(t, reflect.DeepEqual(want.tables, b.tables))
		}
		open, err := openBook(l.dir)
		require.NoError(t, err)
		same(open)
		last := l.name(l.header.Segment, raw)
		content, err := os.ReadFile(last)
		require.NoError(t, err)
		l.packing.Wait()
		require.NoError(t, l.close())
		closed, err := openBook(l.dir)
		require.NoError(t, err)
		same(closed)

		at := rapid.IntRange(0, len(content)-1).Draw(t, "cut")
		require.NoError(t, os.Remove(strings.TrimSuffix(last, raw)+packed))
		require.NoError(t, os.WriteFile(last, content[:at], 0o600))
		cut, err := openBook(l.dir)
		if l.header.Segment == 1 && at < len(appendHeader(nil, l.header)) {
			require.ErrorContains(t, err, "no header")
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, cut.written, want.written)
		if !cut.Torn { // cut between two entries
			return
		}
		require.NoError(t, os.WriteFile(last, append(content[:at:at], 0, 0, 0), 0o600))
		_, _ = openBook(l.dir)
	})
}

// A byte that is not what was written is found, wherever it lies before the end.
func TestChangedByteIsFound(t *testing.T) {
	w := Churn()
	dir := filepath.Join(t.TempDir(), "l")
	l, err := createLedger(dir, Header{Workload: w.Name, Connections: 1, First: []uint64{1}})
	require.NoError(t, err)
	d := newDealer(&w, 1, 0, 1, []uint64{1})
	for range 20 {
		op := d.next(func(int, uint64) bool { return false })
		note(t, l, []step{{op: &op}, {fate: acked}})
		d.settle(op, acked)
	}
	content, err := os.ReadFile(l.name(1, raw))
	require.NoError(t, err)
	whole, err := openBook(dir)
	require.NoError(t, err)
	for i := range content {
		changed := append([]byte(nil), content...)
		changed[i] ^= 1
		require.NoError(t, os.WriteFile(l.name(1, raw), changed, 0o600))
		b, err := openBook(dir)
		if err == nil { // it passes for a torn tail: then the book says so, and has fewer changes
			require.True(t, b.Torn, "byte %d", i)
			require.Less(t, b.Kinds[Insert].Acked+b.Kinds[Update].Acked+b.Kinds[Delete].Acked, int64(20), "byte %d", i)
		}
	}
	require.NoError(t, os.WriteFile(l.name(1, raw), content, 0o600))
	require.NoError(t, l.close())
	require.NoFileExists(t, l.name(1, raw))
	content, err = os.ReadFile(l.name(1, packed))
	require.NoError(t, err)
	for i := range content {
		changed := append([]byte(nil), content...)
		changed[i] ^= 1
		require.NoError(t, os.WriteFile(l.name(1, packed), changed, 0o600))
		if b, err := openBook(dir); err == nil {
			require.True(t, reflect.DeepEqual(whole.tables, b.tables), "byte %d", i)
		}
	}
}

func TestLedgerRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := openBook(dir)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o600))
	_, err = createLedger(dir, Header{})
	require.ErrorContains(t, err, "there is x in it already")

	h := Header{Format: format, Workload: "insert-only", Connections: 1, First: []uint64{1}}
	op := func(key uint64) entry { return entry{begin: &Op{Changes: []Change{{Key: key}}}} }
	for _, c := range []struct {
		what    string
		entries []entry
		want    string
	}{
		{"no header", []entry{op(1)}, "before the header"},
		{"unknown workload", []entry{{header: &Header{Workload: "x"}}}, "no such workload"},
		{"no table", []entry{{header: &Header{Workload: "insert-only", Connections: 1}}}, "0 tables"},
		{"another header", []entry{{header: &h}, {header: &Header{Workload: "insert-only"}}}, "another ledger"},
		{"a connection too many", []entry{{header: &h}, {conn: 1, fate: acked}}, "no connection 1"},
		{"two at once", []entry{{header: &h}, op(1), op(2)}, "before it has settled"},
		{"nothing to settle", []entry{{header: &h}, {fate: acked}}, "has not begun"},
		{"a key of unknown fate", []entry{{header: &h}, op(1), {fate: unknown}, op(1)}, "whose fate is open"},
		{"no such table", []entry{{header: &h}, {begin: &Op{Changes: []Change{{Table: 1}}}}}, "no table 1"},
	} {
		b := &Book{}
		var err error
		for _, e := range c.entries {
			err = errors.Join(err, b.add(e))
		}
		require.ErrorContains(t, err, c.want, c.what)
	}
}

func TestSegmentsMustBeWholeAndInOrder(t *testing.T) {
	w := Inserts()
	dir := filepath.Join(t.TempDir(), "l")
	l, err := createLedger(dir, Header{Workload: w.Name, Connections: 1, First: []uint64{1}})
	require.NoError(t, err)
	d := newDealer(&w, 1, 0, 1, []uint64{1})
	for l.header.Segment < 4 {
		op := d.next(nil)
		note(t, l, []step{{op: &op}, {fate: acked}})
	}
	require.NoError(t, l.close())
	require.NoError(t, l.close())
	b, err := openBook(dir)
	require.NoError(t, err)
	assert.Equal(t, int64(d.dealt), b.Kinds[Insert].Acked)
	assert.Equal(t, 4, b.Segment)

	raw1, err := unpack(l.name(1, packed))
	require.NoError(t, err)
	require.NoError(t, os.Rename(l.name(1, packed), l.name(1, packed)+".away"))
	require.NoError(t, os.WriteFile(l.name(1, raw), raw1[:len(raw1)-3], 0o600))
	_, err = openBook(dir)
	require.ErrorIs(t, err, errTorn, "a torn segment with others behind it")
	require.NoError(t, os.Remove(l.name(1, raw)))
	_, err = openBook(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Rename(l.name(2, packed), l.name(1, packed)))
	_, err = openBook(dir)
	require.ErrorContains(t, err, "each segment has one header, with its number")
}

// asVictim makes this test's binary write to a ledger until it is killed.
const asVictim = "LOAD_TEST_LEDGER"

// A writer that is killed leaves a ledger in which every write stands that it has
// told of, before it would have been sent; and so does one that is not.
func TestLedgerSurvivesKill(t *testing.T) {
	if dir := os.Getenv(asVictim); dir != "" {
		victim(dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "l")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLedgerSurvivesKill$")
	cmd.Env = append(os.Environ(), asVictim+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	told := int64(0)
	lines := bufio.NewScanner(out)
	for told < 60_000 && lines.Scan() {
		_, err := fmt.Sscan(lines.Text(), &told)
		require.NoError(t, err, lines.Text())
		if told%4000 == 0 { // while it writes, and ends its segments
			b, err := openBook(dir)
			require.NoError(t, err)
			require.GreaterOrEqual(t, b.Kinds[Insert].Sent, told)
			require.GreaterOrEqual(t, b.Kinds[Insert].Acked, told-1)
		}
	}
	require.NoError(t, cmd.Process.Kill())
	for lines.Scan() { // what it told before it died
		if n := int64(0); func() bool { _, err := fmt.Sscan(lines.Text(), &n); return err == nil }() {
			told = max(told, n)
		}
	}
	require.Error(t, cmd.Wait())
	b, err := openBook(dir)
	require.NoError(t, err)
	require.GreaterOrEqual(t, b.Kinds[Insert].Sent, told)
	require.GreaterOrEqual(t, b.Kinds[Insert].Acked, told-1)
}

func victim(dir string) {
	w := Inserts()
	l, err := createLedger(dir, Header{Workload: w.Name, Connections: 1, First: []uint64{1}})
	d := newDealer(&w, 1, 0, 1, []uint64{1})
	for n := 1; err == nil; n++ {
		op := d.next(nil)
		err = l.begin(0, op)
		if n%1000 == 0 {
			_, _ = fmt.Fprintln(os.Stdout, n)
		}
		err = errors.Join(err, l.settle(0, acked))
	}
}

func FuzzLedger(f *testing.F) {
	w := Mixed()
	content := appendHeader(nil, Header{Format: format, Workload: w.Name, Connections: 2, First: make([]uint64, len(w.Tables)), Segment: 1})
	d := newDealer(&w, 1, 0, 2, make([]uint64, len(w.Tables)))
	for range 30 {
		op := d.next(func(int, uint64) bool { return false })
		d.settle(op, acked)
		content = appendSettle(appendBegin(content, 0, op), 0, acked)
	}
	f.Add(content)
	f.Add(content[:len(content)-3])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		b := &Book{}
		torn, err := replaySegment(content, 1, b.add)
		if torn && err != nil {
			t.Fatal("torn and wrong at once")
		}
		if err == nil && b.tables != nil {
			for table := range b.tables {
				for _, key := range b.keys(table) {
					if b.Opinion(table, key) == "" {
						t.Fatal("no opinion of a key that is known")
					}
				}
			}
		}
	})
}

// What the ledger adds to a write: its entry before, and its settlement after. A
// write to NDB takes 1 to 2 ms.
func BenchmarkLedger(b *testing.B) {
	w := Churn()
	l, err := createLedger(filepath.Join(b.TempDir(), "l"), Header{Workload: w.Name, Connections: 1, First: []uint64{1}})
	require.NoError(b, err)
	d := newDealer(&w, 1, 0, 1, []uint64{1})
	op := d.next(func(int, uint64) bool { return false })
	b.ReportAllocs()
	for b.Loop() {
		_ = l.begin(0, op)
		_ = l.settle(0, acked)
	}
	b.StopTimer()
	require.NoError(b, l.close())
}

// What dealing a write costs: its values and their digest.
func BenchmarkDeal(b *testing.B) {
	for _, w := range []Workload{Inserts(), Mixed()} {
		b.Run(w.Name, func(b *testing.B) {
			d := newDealer(&w, 1, 0, 1, make([]uint64, len(w.Tables)))
			b.ReportAllocs()
			for b.Loop() {
				d.settle(d.next(func(int, uint64) bool { return false }), acked)
			}
		})
	}
}
