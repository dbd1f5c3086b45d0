package parity

import (
	"cmp"
	"strconv"
	"strings"
)

// Report is what a comparison found.
type Report struct {
	Schema  []Difference  `json:"schema,omitempty"` // of databases
	Tables  []TableReport `json:"tables"`
	Epoch   uint64        `json:"epoch,omitempty"` // that the replica had applied before rows were read, or read again; 0: the comparison waited for none
	Seconds float64       `json:"seconds"`
}

// Ask calls opinion for each row that is shown, and keeps its answer: what should be
// there.
func (r Report) Ask(opinion func(database, table string, key uint64) string) {
	for _, t := range r.Tables {
		for i, m := range t.First {
			if key, ok := m.Number(); ok {
				t.First[i].Ledger = opinion(t.Database, t.Name, key)
			}
		}
	}
}

// TableReport is what was found of one table.
type TableReport struct {
	Database    string       `json:"database"`
	Name        string       `json:"name"`
	RowsSource  int64        `json:"rows_source"`
	RowsReplica int64        `json:"rows_replica"`
	Mismatched  int64        `json:"mismatched"`           // keys on both sides with different rows
	OnlySource  int64        `json:"only_source"`          // rows that the replica lacks
	OnlyReplica int64        `json:"only_replica"`         // rows that the source lacks
	Duplicates  int64        `json:"duplicates"`           // without a key: surplus copies, on either side, of rows that both have
	Keyed       bool         `json:"keyed"`                // joined by primary key; false: compared as a multiset
	Live        bool         `json:"live,omitempty"`       // compared while it was written to: the numbers of rows may differ
	Again       int64        `json:"read_again,omitempty"` // rows that differed at first and agreed when they were read again
	Schema      []Difference `json:"schema,omitempty"`
	First       []Mismatch   `json:"first,omitempty"`
}

// Difference is a part of the schema that is not the same on both sides.
type Difference struct {
	What    string `json:"what"` // "column c", "index PRIMARY", "engine"
	Source  string `json:"source"`
	Replica string `json:"replica"`
}

// Absent is the value in a Difference of the side that lacks the thing.
const Absent = "absent"

// Mismatch is a column of a row, or a whole row, that differs. Values are shown
// as SQL literals: text quoted, bytes as 0x..., NULL bare; long ones are cut.
type Mismatch struct {
	Key     string `json:"key,omitempty"`    // "id=42"; empty without a primary key
	Column  string `json:"column,omitempty"` // empty: the whole row
	Source  string `json:"source,omitempty"`
	Replica string `json:"replica,omitempty"`
	Note    string `json:"note,omitempty"`
	Ledger  string `json:"ledger,omitempty"` // what the writers' ledger says of Number
}

// Number is the key of a row whose key is one integer that is not negative; of a row
// without a key it is the first column, if that is such an integer.
func (m Mismatch) Number() (uint64, bool) {
	key := m.Key
	if key == "" {
		key, _, _ = strings.Cut(cmp.Or(m.Source, m.Replica), ", ")
	}
	_, value, found := strings.Cut(key, "=")
	n, err := strconv.ParseUint(value, 10, 64)
	return n, found && err == nil
}

// Equal tells that rows and schema are the same.
func (t TableReport) Equal() bool {
	return (t.Live || t.RowsSource == t.RowsReplica) && len(t.Schema) == 0 &&
		t.Mismatched+t.OnlySource+t.OnlyReplica+t.Duplicates == 0
}

// Equal tells that everything compared is the same, and that there was something.
func (r Report) Equal() bool {
	for _, t := range r.Tables {
		if !t.Equal() {
			return false
		}
	}
	return len(r.Schema) == 0 && len(r.Tables) > 0
}

// Rows counts the rows read of both sides.
func (r Report) Rows() (source, replica int64) {
	for _, t := range r.Tables {
		source, replica = source+t.RowsSource, replica+t.RowsReplica
	}
	return source, replica
}
