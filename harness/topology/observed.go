package topology

import (
	"context"
	"database/sql"
	"io/fs"

	"ndbproof/harness/secret"
)

// What is seen of running nodes, from outside.

// Stat is a file of a node.
type Stat struct {
	Path string      `json:"path"` // absolute, inside the node
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
	Size int64       `json:"size"`
}

// Socket is something that listens in a node's network namespace.
type Socket struct {
	Proto   string `json:"proto"`   // "tcp", "tcp6", "udp", "udp6", "unix"
	Address string `json:"address"` // without the port; for unix the path
	Port    int    `json:"port"`
}

// Command is a program of the release to be run in a node's container.
type Command struct {
	Argv  []string
	Stdin string
	User  string            // "" is the servers' user
	Env   map[string]string // MYSQL_PWD and the like; never on argv
}

// Output is what a command left behind. A non-zero Exit is not an error.
type Output struct {
	Stdout, Stderr string
	Exit           int
}

// TLSMode says how a login treats TLS.
type TLSMode string

// TLS modes of a login.
const (
	TLSVerify TLSMode = "verify" // TLS, CA and name checked
	TLSOff    TLSMode = "off"    // plain text
)

// Login is a connection to be tried, over TCP.
type Login struct {
	User     string
	Password secret.Secret
	TLS      TLSMode
	// PublicKey lets a plain login of a cold account go as far as the server's
	// refusal, by asking for the server's RSA key (GET_SOURCE_PUBLIC_KEY).
	PublicKey bool
	Database  string
}

// Position is a place in a binary log.
type Position struct {
	File string `json:"file"`
	Pos  uint64 `json:"pos"`
}

// Mark is a row of high entropy committed for a claim to look for.
type Mark struct {
	Marker string   `json:"marker"` // 32 characters, new for every mark
	Epoch  uint64   `json:"epoch"`
	End    Position `json:"end"` // in the source's binary log, at or behind the row's epoch
}

// Workload is what has been written so far, as its writer counts.
type Workload struct {
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
	Check(ctx context.Context, side Side, db *sql.DB) ([]LedgerFindings, error)
	// Opinion is what the ledger says of a key, in words; "" for a table that
	// no workload writes to.
	Opinion(database, table string, key uint64) string
}

// LedgerFindings is what the ledger of one workload says of the rows on a side.
type LedgerFindings struct {
	Side     Side             `json:"side"`
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
	First    []LedgerFinding  `json:"first,omitempty"`         // the first hundred
}

// Faults counts what is not as the ledger has it.
func (f LedgerFindings) Faults() int64 { return f.Missing + f.Wrong + f.Strange + f.Back + f.Torn }

// LedgerFinding is one row that is not as it should be.
type LedgerFinding struct {
	Table   string `json:"table"`
	Key     uint64 `json:"key,string"`
	What    string `json:"what"`             // "missing", "wrong", "strange", "back", "torn"
	Column  string `json:"column,omitempty"` // the first one that differs
	Want    string `json:"want,omitempty"`   // as it was sent; of the whole row when no column is named
	Got     string `json:"got,omitempty"`
	Opinion string `json:"opinion"` // what the ledger says of the key
}

// Spare is a server of the release under test that belongs to no cluster, with
// the accounts of a side: what would do harm there can be tried on it.
type Spare interface {
	// Login tries one new connection and pings. Passwords are those of the side.
	// The caller closes it.
	Login(context.Context, Login) (*sql.DB, error)
	// GiveUp removes it, because it was harmed: whoever asks next has a new one.
	// It works also when ctx has ended.
	GiveUp(context.Context) error
}

// Identity is whose certificate a server shows.
type Identity string

// Identities: the run's own, and three that a sabotage puts in its place.
const (
	Genuine   Identity = "genuine"    // the certificate made for the run, Subject.Leaf
	Reissued  Identity = "reissued"   // by the run's CA, with the same names, but another one
	Stranger  Identity = "stranger"   // with the same names, by a CA of its own
	WrongName Identity = "wrong name" // by the run's CA, for a host that is not the side's
)
