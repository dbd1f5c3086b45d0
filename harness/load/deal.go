package load

import (
	"math/rand/v2"
	"slices"
)

// Change is what a write does to one row: it gets the values of this version, or
// is gone.
type Change struct {
	Table   int // of the workload, by number
	Key     uint64
	Version uint64
	Gone    bool
	Digest  uint64 // of the values, as they are to be read again; 0 when Gone
}

// Op is one write: one statement, or a transaction of several.
type Op struct {
	Kind    Kind
	Changes []Change
	values  [][]any // of each change; nil when gone
	before  []taken
}

// item is a row that a connection may write to.
type item struct{ key, version uint64 }

// taken is an item that an op has taken out of its list, to be put back.
type taken struct {
	item
	table int
	dead  bool
}

// dealer gives one connection its writes, in an order that follows from the
// seed, the connection's number and how its earlier writes ended. A key belongs
// to one connection for good, and one whose fate is unknown is never written to
// again: so every row has one value that it must have, or two that it may have.
type dealer struct {
	workload    *Workload
	seed        uint64
	conn, conns int
	dealt       uint64
	tables      []hand
	total       int // of the streams' weights
}

// hand is a connection's share of one table.
type hand struct {
	first, begun uint64 // the n-th key is first + n*conns + conn
	keeps        bool   // its rows are written to again, and so remembered
	live, dead   []item
}

func newDealer(w *Workload, seed uint64, conn, conns int, first []uint64) *dealer {
	d := &dealer{workload: w, seed: seed, conn: conn, conns: conns, tables: make([]hand, len(w.Tables))}
	for i := range d.tables {
		d.tables[i].first = first[i] //nolint:gosec // as many as tables
	}
	for _, s := range w.Streams {
		d.total += d.weight(s)
		again := s.Tables
		if s.Transfer {
			again = s.Tables[:2]
		}
		for _, t := range again {
			d.tables[t].keeps = d.tables[t].keeps || s.keeps()
		}
	}
	return d
}

// weight of a stream. Only the first connection changes the schema: NDB does one
// schema change at a time, and the others would wait for it.
func (d *dealer) weight(s Stream) int {
	if d.conn > 0 && d.workload.Tables[s.Tables[0]].Form == Schemas {
		return 0
	}
	return s.Weight
}

// next is the connection's next write. Rows that are held are left alone.
func (d *dealer) next(held func(table int, key uint64) bool) Op {
	r := rand.New(rand.NewPCG(d.seed, uint64(d.conn)<<48|d.dealt)) //nolint:gosec // repeatable on purpose
	d.dealt++
	n := r.IntN(d.total)
	i := slices.IndexFunc(d.workload.Streams, func(s Stream) bool { n -= d.weight(s); return n < 0 })
	s := d.workload.Streams[i]
	var op Op
	if s.Transfer {
		op = d.transfer(r, s, held)
	} else {
		op = d.single(r, s, held)
	}
	for _, c := range op.Changes {
		var values []any
		if !c.Gone {
			values = d.workload.Values(d.seed, c.Table, c.Key, c.Version)
		}
		op.values = append(op.values, values)
	}
	for i := range op.Changes {
		if c := &op.Changes[i]; !c.Gone {
			c.Digest = digest(d.workload.Tables[c.Table].cells(op.values[i]))
		}
	}
	return op
}

// single is a write to one row.
func (d *dealer) single(r *rand.Rand, s Stream, held func(int, uint64) bool) Op {
	table := s.Tables[r.IntN(len(s.Tables))]
	h := &d.tables[table]
	kind := d.kind(r, s, len(h.live))
	op := Op{Kind: kind}
	switch {
	case kind != Insert:
		it, ok := take(r, &h.live, table, held)
		if !ok { // all that was tried is held
			op.Kind, op.Changes = Insert, []Change{d.fresh(table, 1)}
			break
		}
		op.before = []taken{{it, table, false}}
		op.Changes = []Change{{Table: table, Key: it.key, Version: it.version + 1, Gone: kind == Delete}}
	case len(h.dead) > 0 && r.IntN(4) == 0 && d.workload.Tables[table].Form == Keyed:
		if it, ok := take(r, &h.dead, table, held); ok {
			op.before = []taken{{it, table, true}}
			op.Changes = []Change{{Table: table, Key: it.key, Version: it.version + 1}}
			break
		}
		fallthrough
	default:
		op.Changes = []Change{d.fresh(table, 1)}
	}
	if d.workload.Tables[table].Form == Schemas {
		op.Kind = DDL
	}
	return op
}

// kind draws by the stream's shares. Where there are rows enough an insert
// becomes a delete, or an update in a stream that deletes nothing.
func (d *dealer) kind(r *rand.Rand, s Stream, live int) Kind {
	n := r.IntN(s.Insert + s.Update + s.Delete)
	full := s.Most > 0 && live >= s.Most
	switch {
	case s.keeps() && live < s.Least || n < s.Insert && !full:
		return Insert
	case n < s.Insert && s.Delete > 0 || n >= s.Insert+s.Update:
		return Delete
	}
	return Update
}

// Opening is the balance of a new account.
const Opening = 1000

// transfer moves an amount between an account of each of two tables, and notes
// it in the third.
func (d *dealer) transfer(r *rand.Rand, s Stream, held func(int, uint64) bool) Op {
	a, b := s.Tables[0], s.Tables[1]
	for _, t := range []int{a, b} {
		if len(d.tables[t].live) < s.Least {
			return Op{Kind: Insert, Changes: []Change{d.fresh(t, Opening)}}
		}
	}
	from, ok := take(r, &d.tables[a].live, a, held)
	if !ok {
		return Op{Kind: Insert, Changes: []Change{d.fresh(a, Opening)}}
	}
	to, ok := take(r, &d.tables[b].live, b, held)
	if !ok {
		d.tables[a].live = append(d.tables[a].live, from)
		return Op{Kind: Insert, Changes: []Change{d.fresh(b, Opening)}}
	}
	amount := uint64(1 + r.IntN(100)) //nolint:gosec // at most 100
	if r.IntN(2) == 0 {
		amount = -amount // two's complement: it goes either way, and never nothing, which could not be seen
	}
	return Op{
		Kind:   Transaction,
		before: []taken{{from, a, false}, {to, b, false}},
		Changes: []Change{
			{Table: a, Key: from.key, Version: from.version - amount},
			{Table: b, Key: to.key, Version: to.version + amount},
			d.fresh(s.Tables[2], amount),
		},
	}
}

// fresh is a row with the connection's next key.
func (d *dealer) fresh(table int, version uint64) Change {
	h := &d.tables[table]
	key := h.first + h.begun*uint64(d.conns) + uint64(d.conn) //nolint:gosec // small numbers
	h.begun++
	return Change{Table: table, Key: key, Version: version}
}

// take draws an item that is not held out of a list.
func take(r *rand.Rand, list *[]item, table int, held func(int, uint64) bool) (item, bool) {
	for range min(8, len(*list)) {
		i := r.IntN(len(*list))
		it := (*list)[i]
		if held(table, it.key) {
			continue
		}
		last := len(*list) - 1
		(*list)[i] = (*list)[last]
		*list = (*list)[:last]
		return it, true
	}
	return item{}, false
}

// settle tells how the write ended that was given last. Rows of an unknown fate
// are dropped for good.
func (d *dealer) settle(op Op, f fate) {
	switch f {
	case acked:
		for _, c := range op.Changes {
			d.put(c.Table, item{c.Key, c.Version}, c.Gone)
		}
	case failed, refused:
		for _, t := range op.before {
			d.put(t.table, t.item, t.dead)
		}
	case unsent, pending, unknown:
	}
}

func (d *dealer) put(table int, it item, dead bool) {
	h := &d.tables[table]
	switch {
	case !h.keeps:
	case dead:
		h.dead = append(h.dead, it)
	default:
		h.live = append(h.live, it)
	}
}
