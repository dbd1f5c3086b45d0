// Package plan gives the way of a pair from one release to another as data, with its
// text, and judges it by rules of its own before anything is touched.
package plan

import (
	"fmt"
	"slices"
	"strings"

	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// Action is one thing that a step of a plan does; who carries plans out has one
// function for each.
type Action string

// Actions. Those from StopNode to AwaitServing are about the step's own nodes,
// LogRow, EncryptLogs and PurgeClear about its mysqld, the others about the pair.
// "Second" is a mysqld beside the source's only one.
const (
	StopWriters    Action = "stop-writers"    // no write is under way, and none begins
	CatchUp        Action = "catch-up"        // the replica has applied a fence of now
	StopReplica    Action = "stop-replica"    // both threads of the channel
	StopNode       Action = "stop-node"       // a data node by ndb_mgm, the others by SIGTERM
	KeepCopy       Action = "keep-copy"       // of the stopped mysqld's volume: datadir, keyring and auto.cnf together
	MigrateKeyring Action = "migrate-keyring" // Spec.KeyringMigration, by the old release's mysqld
	ReplaceNode    Action = "replace-node"    // same volume, other image, configuration written before the program starts
	RestoreCopy    Action = "restore-copy"    // ReplaceNode, on the volume as KeepCopy kept it
	StartNode      Action = "start-node"      // never with --initial
	AwaitStarted   Action = "await-started"   // ndb_mgmd answers; a data node is "started" and its node group complete
	AwaitServing   Action = "await-serving"   // a mysqld answers, and NDB takes writes there
	LogRow         Action = "log-row"         // F1: at the first row that it logs the binlog thread configures its cache
	EncryptLogs    Action = "encrypt-logs"    // F1: SET GLOBAL binlog_encryption=ON, only then
	PurgeClear     Action = "purge-clear"     // F1: of the logs written since the start
	CommitFence    Action = "commit-fence"    // at the source, and its epoch is in the binary log
	Repoint        Action = "repoint"         // to the File and Position of the fence's epoch; next_* runs into 13119
	RepointApplied Action = "repoint-applied" // to what follows the last epoch in ndb_apply_status
	StartReplica   Action = "start-replica"
	LetWriters     Action = "let-writers"
	StartSecond    Action = "start-second"    // of the release that the step's mysqld runs, in a free slot, its logs encrypted
	WriteToSecond  Action = "write-to-second" // from here on writers, fences and the channel's source are there
	WriteToOwn     Action = "write-to-own"    // and here again
	DropSecond     Action = "drop-second"
)

// Step takes nodes of one role in one cluster from one release to another.
type Step struct {
	// ID is side and nodes: "replica.mgm", "replica.ndb1", "replica.ndb1+ndb3",
	// "source.sql"; of a roll-back "back.source.sql".
	ID      string          `json:"id"`
	Side    topology.Side   `json:"side"`
	Role    topology.Role   `json:"role"`
	Nodes   []string        `json:"nodes"`
	From    release.Release `json:"from"` // what the nodes run before
	To      release.Release `json:"to"`   // and after
	Actions []Action        `json:"actions"`
	Why     string          `json:"why,omitempty"` // what needs a word, in one line
	Back    bool            `json:"back,omitempty"`
}

// Does tells whether the step has the action.
func (s Step) Does(a Action) bool { return slices.Contains(s.Actions, a) }

// Plan is the way of a pair from one release to another, as data. DDL is
// paused while versions are mixed within a cluster: NDB rejects it then (manual,
// mysql-cluster-upgrade-downgrade). Between the clusters none of them is mixed.
type Plan struct {
	From release.Release `json:"from"`
	To   release.Release `json:"to"`
	// About is the only cluster that the plan is about; "" for both.
	About topology.Side `json:"about,omitempty"`
	Steps []Step        `json:"steps"`
}

// Options choose between plans for the same way.
type Options struct {
	// PerGroup takes one data node of each node group at once, which leaves every
	// group a node. Else they go one at a time.
	PerGroup bool
	// RollbackAt is the ID of a step: after it everything is undone, in reverse
	// order. "" goes on to the end.
	RollbackAt string
	// Copies has mysqlds go back from a copy of their volume also where they could
	// in place.
	Copies bool
	// SpareSQL has a second mysqld of the source cluster take over while its only
	// one is away, so that writers stand for two short times instead of a long one.
	SpareSQL bool
}

// New plans the way of a pair, whose Specs are as it is now, to a release:
// replica cluster first, because a source must not be newer than its replica
// (manual, replication-upgrade); within a cluster ndb_mgmd, data nodes, mysqld
// (manual, mysql-cluster-rolling-restart). A downgrade goes the same way
// backwards, and so does a roll-back: through states that an upgrade has.
//
// It fails with a *release.Forbidden where the product does not go that way, on
// clusters that differ in their release or have it already, and on a RollbackAt
// that is no step.
func New(source, replica topology.Spec, to release.Release, o Options) (Plan, error) {
	p := Plan{From: source.Release, To: to}
	if err := plannable(source, replica, to); err != nil {
		return Plan{}, fmt.Errorf("plan the way from %s to %s: %w", source.Release, to, err)
	}
	moves := append(inOrder(replica, to, o.PerGroup), inOrder(source, to, o.PerGroup)...)
	if p.down() {
		slices.Reverse(moves)
	}
	if o.RollbackAt != "" {
		last := slices.IndexFunc(moves, func(m move) bool { return m.id() == o.RollbackAt })
		if last < 0 {
			return Plan{}, fmt.Errorf("plan a roll-back at %q: no such step; there are %s", o.RollbackAt, strings.Join(ids(moves), ", "))
		}
		moves = moves[:last+1]
	}
	for i := range moves {
		m := &moves[i]
		sql := m.role() == topology.Mysqld
		m.second = o.SpareSQL && sql && m.side() == topology.Source
		m.copied = o.RollbackAt != "" && sql && (o.Copies || m.oneWay() != nil)
		p.Steps = append(p.Steps, m.step())
	}
	if o.RollbackAt != "" {
		for _, m := range slices.Backward(moves) {
			p.Steps = append(p.Steps, m.undone().step())
		}
	}
	return p, nil
}

func plannable(source, replica topology.Spec, to release.Release) error {
	switch {
	case source.Release != replica.Release:
		return fmt.Errorf("the replica cluster runs %s: a pair begins with one release", replica.Release)
	case source.Release == to:
		return fmt.Errorf("both clusters run it already: a build of one's own has a suffix, as in %s-fix1", to)
	}
	for _, s := range []topology.Spec{source, replica} {
		if err := s.CheckNodes(); err != nil {
			return fmt.Errorf("the %s cluster: %w", s.Name, err)
		}
	}
	return release.Path(source.Release, to)
}

// down tells whether the plan goes to an older release. Suffixes have no order.
func (p Plan) down() bool { return p.To.CompareNumber(p.From) < 0 }

// inOrder are a cluster's moves in the order of an upgrade.
func inOrder(s topology.Spec, to release.Release, perGroup bool) []move {
	var moves []move
	add := func(nodes ...topology.Node) {
		moves = append(moves, move{old: s, next: s.To(to, s.Layout), nodes: nodes})
	}
	for _, n := range s.Of(topology.Mgmd) {
		add(n)
	}
	if perGroup {
		for i := range topology.NodeGroupSize {
			var one []topology.Node
			for _, g := range s.NodeGroups() {
				one = append(one, g[i])
			}
			add(one...)
		}
	} else {
		for _, n := range s.Of(topology.Ndbmtd) {
			add(n)
		}
	}
	for _, n := range s.Of(topology.Mysqld) {
		add(n)
	}
	return moves
}

func ids(moves []move) []string {
	var out []string
	for _, m := range moves {
		out = append(out, m.id())
	}
	return out
}
