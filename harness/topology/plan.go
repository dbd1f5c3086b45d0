package topology

import (
	"slices"

	"ndbproof/harness/release"
)

// Action is one thing that a step of a plan does; who carries plans out has one
// function for each.
type Action string

// Actions. Those from StopNode to AwaitServing are about the step's own nodes;
// the others are about the pair.
const (
	StopWriters    Action = "stop-writers"    // no write is under way or begins
	CatchUp        Action = "catch-up"        // a fence row of now has been applied
	StopReplica    Action = "stop-replica"    // both threads of the channel
	StopNode       Action = "stop-node"       // a data node by ndb_mgm, the others by SIGTERM
	KeepCopy       Action = "keep-copy"       // of the stopped mysqld's volume: datadir, keyring and auto.cnf together
	MigrateKeyring Action = "migrate-keyring" // plugin to component, by the old mysqld: Spec.KeyringMigration
	ReplaceNode    Action = "replace-node"    // same volume, other image, configuration rewritten before the program starts
	RestoreCopy    Action = "restore-copy"    // replace-node, with the volume's content of KeepCopy
	StartNode      Action = "start-node"
	AwaitStarted   Action = "await-started" // ndb_mgmd answers; a data node is "started" and its node group complete
	AwaitServing   Action = "await-serving" // a mysqld answers and NDB takes writes there
	LogRow         Action = "log-row"       // F1: the binlog thread configures its cache at the first row that it logs
	EncryptLogs    Action = "encrypt-logs"  // F1: SET GLOBAL binlog_encryption=ON
	PurgeClear     Action = "purge-clear"   // F1: the clear logs since the start
	CommitFence    Action = "commit-fence"  // on the source, and its epoch logged
	Repoint        Action = "repoint"       // to File and Position of the fence's epoch, never to next_*
	RepointApplied Action = "repoint-applied"
	StartReplica   Action = "start-replica"
	LetWriters     Action = "let-writers"
)

// PlanStep takes nodes of one role in one cluster from one release to another.
type PlanStep struct {
	// ID is side and nodes: "replica.mgm", "replica.ndb1", "replica.ndb1+ndb3",
	// "source.sql"; of a roll-back "back.source.sql".
	ID      string          `json:"id"`
	Side    Side            `json:"side"`
	Role    Role            `json:"role"`
	Nodes   []string        `json:"nodes"`
	From    release.Release `json:"from"` // what the nodes run before
	To      release.Release `json:"to"`   // and after
	Actions []Action        `json:"actions"`
	Why     string          `json:"why,omitempty"` // what needs a word, in one line
	Back    bool            `json:"back,omitempty"`
}

// Does tells whether the step has the action.
func (s PlanStep) Does(a Action) bool { return slices.Contains(s.Actions, a) }

// Plan is an upgrade of a pair, or a downgrade, before it runs.
type Plan struct {
	From release.Release `json:"from"`
	To   release.Release `json:"to"`
	// About is the only cluster that the plan is about; "" for both.
	About Side       `json:"about,omitempty"`
	Steps []PlanStep `json:"steps"`
}

// PlanOptions choose between plans.
type PlanOptions struct {
	PerGroup bool // one data node of each node group at once
	// RollbackAt is the ID of a step: after it all steps are undone, in reverse
	// order. "" goes on to the end.
	RollbackAt string
}

// Upgrade plans the way of a pair to a release.
func Upgrade(source, replica Spec, to release.Release, o PlanOptions) (Plan, error) {
	return Plan{}, nil
}

// To is the same cluster on another release, on the volumes that it has.
func (s Spec) To(r release.Release, l release.Layout) Spec { return s }

// KeyringMigration is the migration server of a mysqld whose keyring is the plugin.
func (s Spec) KeyringMigration(n Node) (Config, error) { return Config{}, nil }
