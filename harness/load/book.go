package load

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Book is what a ledger says when all its entries are added up: for every key
// the values that it must have, or the two that it may have.
type Book struct {
	Header
	Torn     bool // the last entry was cut off: the writer was killed
	workload Workload
	tables   []map[uint64]state
	doing    []*written // what each connection is doing
	written  int64      // writes begun
	Kinds    [kinds]KindCounts
}

// KindCounts counts the writes of one kind.
type KindCounts struct {
	Sent    int64 `json:"sent"`
	Acked   int64 `json:"acked"`
	Failed  int64 `json:"failed"`
	Unknown int64 `json:"unknown"` // in a book also those that were begun and never settled
}

// written is a change, and the write that made it.
type written struct {
	Change
	kind  Kind
	op    int64
	leads bool // by this change the write is counted: it is its last one
	all   []Change
}

// state is what is known of one key.
type state struct {
	now, maybe *written // the last one that holds; and one whose answer was lost or has not come
	refused    int      // writes that were refused
}

// openBook reads a ledger from its folder, also while it is being written. Every
// write without a settlement counts as one of unknown fate.
func openBook(dir string) (*Book, error) {
	b := &Book{}
	torn, err := replay(dir, b.add)
	if err == nil && b.tables == nil {
		err = errors.New("it has no header")
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger in %s: %w", dir, err)
	}
	b.Torn = torn
	for i := range b.Kinds {
		k := &b.Kinds[i]
		k.Unknown = k.Sent - k.Acked - k.Failed
	}
	return b, nil
}

// add enters one entry.
func (b *Book) add(e entry) error {
	switch {
	case e.header != nil:
		return b.begin(*e.header)
	case b.tables == nil:
		return errors.New("an entry comes before the header")
	case e.conn >= len(b.doing):
		return fmt.Errorf("there is no connection %d", e.conn)
	case e.begin != nil:
		return b.beginOp(e.conn, e.begin)
	}
	return b.settle(e.conn, e.fate)
}

func (b *Book) begin(h Header) error {
	segment := h.Segment
	h.Segment = b.Segment
	switch {
	case b.tables != nil && !reflect.DeepEqual(h, b.Header):
		return fmt.Errorf("segment %d is of another ledger", segment)
	case b.tables != nil:
		b.Segment = segment
		return nil
	}
	w, err := ByName(h.Workload)
	if err != nil {
		return err
	}
	if len(h.First) != len(w.Tables) || h.Connections < 1 {
		return fmt.Errorf("the header tells of %d tables and %d connections, workload %s has %d tables", len(h.First), h.Connections, w.Name, len(w.Tables))
	}
	h.Segment = segment
	b.Header, b.workload, b.doing = h, w, make([]*written, min(h.Connections, 0xffff))
	b.tables = make([]map[uint64]state, len(w.Tables))
	for i := range b.tables {
		b.tables[i] = map[uint64]state{}
	}
	return nil
}

func (b *Book) beginOp(conn int, op *Op) error {
	if b.doing[conn] != nil {
		return fmt.Errorf("connection %d begins a write before it has settled the last one", conn)
	}
	b.written++
	b.Kinds[op.Kind].Sent++
	for i, c := range op.Changes {
		if c.Table >= len(b.tables) {
			return fmt.Errorf("there is no table %d", c.Table)
		}
		s := b.tables[c.Table][c.Key]
		if s.maybe != nil {
			return fmt.Errorf("connection %d writes to key %d of table %d, whose fate is open", conn, c.Key, c.Table)
		}
		s.maybe = &written{Change: c, kind: op.Kind, op: b.written, leads: i == len(op.Changes)-1, all: op.Changes}
		b.tables[c.Table][c.Key] = s
		b.doing[conn] = s.maybe
	}
	return nil
}

func (b *Book) settle(conn int, f fate) error {
	did := b.doing[conn]
	if did == nil {
		return fmt.Errorf("connection %d settles a write that it has not begun", conn)
	}
	b.doing[conn] = nil
	k := &b.Kinds[did.kind]
	switch f {
	case acked:
		k.Acked++
	case failed, refused:
		k.Failed++
	case unsent, pending, unknown:
		return nil
	}
	for _, c := range did.all {
		s := b.tables[c.Table][c.Key]
		if f == acked {
			s.now = s.maybe
		} else {
			s.refused++
		}
		s.maybe = nil
		b.tables[c.Table][c.Key] = s
	}
	return nil
}

// keys of a table that the ledger knows, in order.
func (b *Book) keys(table int) []uint64 { return slices.Sorted(maps.Keys(b.tables[table])) }

// Opinion is what the ledger says of a key, in words.
func (b *Book) Opinion(table int, key uint64) string {
	s, known := b.tables[table][key]
	switch {
	case !known && key < b.First[table]:
		return "below the writer's keys"
	case !known:
		return "never sent"
	}
	var said []string
	if s.now != nil {
		said = append(said, s.now.kind.String()+" acknowledged: "+b.text(s.now))
	}
	if s.maybe != nil {
		said = append(said, s.maybe.kind.String()+" of unknown fate: "+b.text(s.maybe))
	}
	if s.refused > 0 {
		said = append(said, fmt.Sprintf("%d writes refused", s.refused))
	}
	return cmp.Or(strings.Join(said, "; "), "sent and refused")
}

// text is what a write has left of its row.
func (b *Book) text(w *written) string {
	if w.Gone {
		return "deleted"
	}
	return fmt.Sprintf("version %d", w.Version)
}
