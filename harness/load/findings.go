package load

import (
	"context"
	"database/sql"

	"ndbproof/harness/topology"
)

// Totals is what has been written so far, as its writer counts.
type Totals struct {
	Database string  `json:"database"`
	Table    string  `json:"table"`
	Acked    int64   `json:"acked"` // rows whose commit was acknowledged
	Wanted   int64   `json:"wanted"`
	Seconds  float64 `json:"seconds"`
	// Floor is the pace, in rows a second, below which it proves nothing about a
	// pair that is written to.
	Floor float64 `json:"floor"`
	// Before is the last epoch of the source that the replica had applied when the
	// writer began; 0 for none.
	Before uint64 `json:"before"`
}

// Ledger is the writers' own account of every write: what was acknowledged must
// be there, what was refused must not, and of what had no answer either holds.
type Ledger interface {
	// Check reads all tables that the writers wrote to, on one side, and holds
	// them against the ledger. The writers must have been settled. There is one
	// entry for each workload; none when nothing was written.
	Check(ctx context.Context, side topology.Side, db *sql.DB) ([]Findings, error)
	// Opinion is what the ledger says of a key, in words; "" for a table that
	// no workload writes to.
	Opinion(database, table string, key uint64) string
}

// Findings is what the ledger of one workload says of the rows on a side.
type Findings struct {
	Side     topology.Side    `json:"side"`
	Workload string           `json:"workload"`
	Database string           `json:"database"`
	Rows     int64            `json:"rows"`                    // read, from the writer's first keys on
	Expected int64            `json:"expected"`                // keys that must be there
	Missing  int64            `json:"missing"`                 // of these, not there
	Wrong    int64            `json:"wrong"`                   // there with other values than were sent
	Strange  int64            `json:"strange"`                 // there, but never sent, or refused
	Back     int64            `json:"back"`                    // there, although their delete was acknowledged
	Torn     int64            `json:"torn"`                    // transactions of unknown fate of which a part is there
	Unknown  int64            `json:"unknown"`                 // keys whose last write had no answer
	There    []string         `json:"unknown_there,omitempty"` // of these, where that write is there: "table key"
	Compared map[string]int64 `json:"compared"`                // writes of each kind, acknowledged, whose result is still to be seen, and was; 0 of a kind that the workload has, and nothing was seen of
	First    []Finding        `json:"first,omitempty"`         // the first hundred
}

// Faults counts what is not as the ledger has it.
func (f Findings) Faults() int64 { return f.Missing + f.Wrong + f.Strange + f.Back + f.Torn }

// Finding is one row that is not as it should be.
type Finding struct {
	Table   string `json:"table"`
	Key     uint64 `json:"key,string"`
	What    string `json:"what"`             // "missing", "wrong", "strange", "back", "torn"
	Column  string `json:"column,omitempty"` // the first one that differs
	Want    string `json:"want,omitempty"`   // as it was sent; of the whole row when no column is named
	Got     string `json:"got,omitempty"`
	Opinion string `json:"opinion"` // what the ledger says of the key
}
