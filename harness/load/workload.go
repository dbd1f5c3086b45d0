package load

import (
	"fmt"
	"slices"
)

// Kind of a write, as it is counted.
type Kind uint8

// Kinds of writes. A transaction changes several tables at once.
const (
	Insert Kind = iota
	Update
	Delete
	Transaction
	DDL
	kinds
)

func (k Kind) String() string {
	return [...]string{"insert", "update", "delete", "transaction", "ddl", "unknown kind"}[min(k, kinds)]
}

// Workload says what is written: data, from which, with a seed, every write and
// every value follows.
type Workload struct {
	Name     string
	Database string
	Tables   []Table
	Streams  []Stream
}

// Table is a table that a workload writes to. Its first column is id, the key.
type Table struct {
	Name    string
	Columns []Column // besides id
	Index   string   // a further index, as CREATE TABLE has it
	Form    Form
}

// Form is what the keys of a Table stand for.
type Form int

// Forms of tables.
const (
	Keyed   Form = iota // one row for each key
	Keyless             // no primary key: one to three equal rows for each id
	Schemas             // no table but many: key n is the table <name>_n, its version how many columns it has
)

// Stream is a way of writing. A workload draws one by weight for every write.
type Stream struct {
	Weight   int
	Tables   []int // of the workload, by number; one is drawn for every write
	Insert   int   // shares
	Update   int
	Delete   int
	Least    int  // below so many rows of a connection in a table there are only inserts
	Most     int  // from so many on there are none; 0: no limit
	Transfer bool // Tables hold accounts, accounts, journal: a transaction moves an amount, and the total stays
}

func (s Stream) keeps() bool { return s.Update+s.Delete > 0 || s.Transfer }

// Inserts is the workload of the published procedure: continuous inserts into
// test1.t1.
func Inserts() Workload {
	return Workload{
		Name: "insert-only", Database: "test1",
		Tables:  []Table{{Name: "t1", Columns: narrow()}},
		Streams: []Stream{{Weight: 1, Tables: []int{0}, Insert: 1}},
	}
}

// Soon is after how many writes, over two connections, a workload has brought
// several of every kind that it promises.
const Soon = 500

// promised has a 0 for every kind of write that a workload has, but for DDL, which
// comes now and then.
func (w Workload) promised() map[string]int64 {
	all := map[string]int64{}
	for _, s := range w.Streams {
		if w.Tables[s.Tables[0]].Form == Schemas {
			continue
		}
		for kind, share := range map[Kind]int{Insert: s.Insert, Update: s.Update, Delete: s.Delete} {
			if share > 0 {
				all[kind.String()] = 0
			}
		}
		if s.Transfer {
			all[Transaction.String()] = 0
		}
	}
	return all
}

// Churn inserts, updates and deletes rows of one narrow table; deleted keys come
// back.
func Churn() Workload { return of("churn", part{churnTables, churnStreams}) }

// Wide writes rows of all the types that replication has to carry.
func Wide() Workload { return of("wide", part{wideTables, wideStreams}) }

// Transfers are transactions over three tables that keep a total.
func Transfers() Workload { return of("transfers", part{transferTables, transferStreams}) }

// NoKey writes to a table without primary key. It has no BLOB, TEXT or JSON,
// for NDB would not replicate it then.
func NoKey() Workload { return of("no-key", part{keylessTables, keylessStreams}) }

// ManySmall spreads its writes over many small tables.
func ManySmall() Workload { return of("many-small", part{smallTables, smallStreams}) }

// Schema makes, alters and drops tables, and writes rows between.
func Schema() Workload {
	return of("schema", part{churnTables, churnStreams}, part{schemaTables, ddl(40)})
}

// Mixed is all of it at once, with DDL now and then: what runs beside the
// inserts of the procedure.
func Mixed() Workload {
	return of("mixed", part{churnTables, churnStreams}, part{wideTables, wideStreams}, part{transferTables, transferStreams},
		part{keylessTables, keylessStreams}, part{smallTables, smallStreams}, part{schemaTables, ddl(1)})
}

// Workloads are all of them.
func Workloads() []Workload {
	return []Workload{Inserts(), Mixed(), Churn(), Wide(), Transfers(), NoKey(), ManySmall(), Schema()}
}

// ByName finds a workload, as a ledger names it.
func ByName(name string) (Workload, error) {
	all := Workloads()
	if i := slices.IndexFunc(all, func(w Workload) bool { return w.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Workload{}, fmt.Errorf("find workload %q: no such workload", name)
}

// part is tables with the streams that write to them, numbered from 0.
type part struct {
	tables  []Table
	streams []Stream
}

func of(name string, parts ...part) Workload {
	w := Workload{Name: name, Database: "load_" + name}
	for _, p := range parts {
		for _, s := range p.streams {
			s.Tables = slices.Clone(s.Tables)
			for i := range s.Tables {
				s.Tables[i] += len(w.Tables)
			}
			w.Streams = append(w.Streams, s)
		}
		w.Tables = append(w.Tables, p.tables...)
	}
	return w
}

var (
	churnTables  = []Table{{Name: "churn", Columns: narrow(), Index: "KEY by_n (n)"}}
	churnStreams = []Stream{{Weight: 200, Tables: []int{0}, Insert: 4, Update: 4, Delete: 2, Least: 8, Most: 5000}}

	wideTables  = []Table{{Name: "wide", Columns: wide()}}
	wideStreams = []Stream{{Weight: 60, Tables: []int{0}, Insert: 4, Update: 4, Delete: 2, Least: 4, Most: 200}}

	transferTables = []Table{
		{Name: "savings", Columns: account()}, {Name: "current", Columns: account()}, {Name: "journal", Columns: journal()},
	}
	transferStreams = []Stream{{Weight: 80, Tables: []int{0, 1, 2}, Transfer: true, Least: 16}}

	keylessTables  = []Table{{Name: "nokey", Columns: narrow(), Form: Keyless}}
	keylessStreams = []Stream{{Weight: 20, Tables: []int{0}, Insert: 1}}

	smallTables  = small(8)
	smallStreams = []Stream{{Weight: 39, Tables: upTo(8), Insert: 3, Update: 4, Delete: 3, Least: 2, Most: 50}}

	schemaTables = []Table{{Name: "made", Columns: made(), Form: Schemas}}
)

func ddl(weight int) []Stream {
	return []Stream{{Weight: weight, Tables: []int{0}, Insert: 2, Update: 2, Delete: 1, Least: 1, Most: 3}}
}

func small(n int) []Table {
	out := make([]Table, n)
	for i := range out {
		out[i] = Table{Name: fmt.Sprintf("small%02d", i), Columns: narrow()[:2]}
	}
	return out
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
