package plan

import (
	"slices"

	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// rule is an order in which actions must be within a step. Those that it owns
// must be there; the others may be missing, which is another rule's matter.
type rule struct {
	code  string
	owns  []Action
	order []Action
	text  string // what happens otherwise
}

// actions judges what a step does.
func (j *judge) actions(s Step) {
	for _, r := range j.rules(s) {
		rest := s.Actions
		for _, a := range r.order {
			if !s.Does(a) && !slices.Contains(r.owns, a) {
				continue
			}
			at := slices.Index(rest, a)
			if at < 0 {
				seen := "is missing"
				if s.Does(a) {
					seen = "is not at its place"
				}
				j.problem(r.code, s.ID, "%s %s: %s", a, seen, r.text)
				break
			}
			rest = rest[at+1:]
		}
	}
}

// rules are those for a step, from what its nodes are and where they go.
func (j *judge) rules(s Step) []rule {
	replace, await := ReplaceNode, AwaitStarted
	restores := s.Role == topology.Mysqld && restored(s)
	if restores {
		replace = RestoreCopy
	}
	if s.Role == topology.Mysqld {
		await = AwaitServing
	}
	order := []Action{StopNode, replace, StartNode, await}
	rules := []rule{{ProblemReplace, order, order, "the node would not run the new release, or no action would have seen that it does"}}
	if s.Role != topology.Mysqld {
		return rules
	}
	rules = append(rules, rule{
		ProblemChannel,
		[]Action{StopReplica, StartReplica, CatchUp},
		[]Action{StopReplica, StopNode, AwaitServing, StartReplica, CatchUp},
		"the channel stands while its mysqld is away, and has caught up after",
	})
	switch {
	case s.Side == topology.Source && s.Does(StartSecond):
		rules = append(rules, secondRules...)
	case s.Side == topology.Source:
		rules = append(rules, sourceRules...)
	case restores:
		rules = append(rules, rule{
			ProblemFence,
			[]Action{RepointApplied},
			[]Action{StopReplica, AwaitServing, RepointApplied, StartReplica},
			"the copy's own position is an old one: epochs would be applied twice",
		})
	}
	return append(append(rules, j.logRules(s)...), j.keyRules(s, replace)...)
}

// sourceRules are for the mysqld that alone logs what is written (the manual
// calls what follows its restart a gap event, mysql-cluster-replication-issues).
var sourceRules = []rule{
	{
		ProblemWriters,
		[]Action{StopWriters, LetWriters},
		[]Action{StopWriters, CatchUp, StopReplica, StopNode, AwaitServing, StartReplica, CatchUp, LetWriters},
		"what is written while the source's mysqld is away is in no log",
	},
	{
		ProblemFence,
		[]Action{CommitFence, Repoint},
		[]Action{StopReplica, AwaitServing, CommitFence, Repoint, StartReplica},
		"the applier would stop at the incident that the source's start writes (13119)",
	},
}

// secondRules are for the source's mysqld when a second one takes over while it is
// away: whenever the channel changes over, no writer writes and the replica has all.
var secondRules = []rule{
	{
		ProblemWriters,
		[]Action{StartSecond, StopWriters, WriteToSecond, LetWriters, WriteToOwn, DropSecond},
		[]Action{
			StartSecond, StopWriters, CatchUp, StopReplica, WriteToSecond, StartReplica, LetWriters, StopNode,
			AwaitServing, StopWriters, CatchUp, StopReplica, WriteToOwn, StartReplica, LetWriters, CatchUp, DropSecond,
		},
		"what is written while no mysqld logs for the channel is in no log that the channel reads",
	},
	{
		ProblemFence,
		[]Action{CommitFence, Repoint},
		[]Action{
			StopReplica, WriteToSecond, CommitFence, Repoint, StartReplica, StopNode,
			AwaitServing, StopReplica, WriteToOwn, CommitFence, Repoint, StartReplica,
		},
		"the position in one server's log says nothing in another's",
	},
}

// restored tells whether a mysqld's step goes back from a copy: because it must,
// or because it does.
func restored(s Step) bool {
	return s.Back && (release.InPlace(s.From, s.To) != nil || s.Does(RestoreCopy))
}

// logRules are for a mysqld whose logs must be encrypted by SQL.
func (j *judge) logRules(s Step) []rule {
	if !j.specs[s.Side].Profile.BinlogEncryption || !release.F1.Has(s.To) {
		return nil
	}
	return []rule{{
		ProblemF1,
		[]Action{LogRow, EncryptLogs, PurgeClear},
		[]Action{AwaitServing, LogRow, EncryptLogs, PurgeClear, StartReplica},
		"on " + s.To.String() + " mysqld crashes where logs are encrypted before a row is logged, and else they stay clear",
	}}
}

// keyRules are for what a mysqld needs from before: its keys, and what it goes
// back to.
func (j *judge) keyRules(s Step, replace Action) []rule {
	var rules []rule
	spec := j.specs[s.Side]
	migrates := !s.Back && spec.KeyringByPlugin() && !s.To.Has(release.KeyringPlugin)
	if migrates {
		rules = append(rules, rule{
			ProblemKeyring,
			[]Action{MigrateKeyring},
			[]Action{StopNode, MigrateKeyring, replace},
			s.To.String() + " has no " + string(release.KeyringPlugin) + ": its mysqld would not find a key",
		})
	}
	needed := slices.ContainsFunc(j.plan.Steps, func(b Step) bool {
		return b.Side == s.Side && slices.Equal(b.Nodes, s.Nodes) && restored(b)
	})
	if needed && !s.Back {
		rules = append(rules, rule{
			ProblemCopy,
			[]Action{KeepCopy},
			[]Action{StopNode, KeepCopy, MigrateKeyring, replace},
			"the way back from " + s.To.String() + " to " + s.From.String() + " is from a copy",
		})
	}
	return rules
}
