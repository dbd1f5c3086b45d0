package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// problems are codes and steps of a plan's problems, one word each.
func problems(p Plan, source, replica topology.Spec) string {
	var out []string
	for _, f := range p.Problems(source, replica) {
		out = append(out, f.Code+":"+f.Step)
	}
	return strings.Join(out, " ")
}

// changed has one step of a plan changed, in a copy.
func changed(p Plan, id string, f func(*Step)) Plan {
	p = p.Skip("")
	for i := range p.Steps {
		if p.Steps[i].ID == id {
			p.Steps[i].Nodes = append([]string(nil), p.Steps[i].Nodes...)
			p.Steps[i].Actions = append([]Action(nil), p.Steps[i].Actions...)
			f(&p.Steps[i])
		}
	}
	return p
}

// swapped has two actions change their places.
func swapped(a, b Action) func(*Step) {
	other := map[Action]Action{a: b, b: a}
	return func(s *Step) {
		for i, x := range s.Actions {
			if y, ok := other[x]; ok {
				s.Actions[i] = y
			}
		}
	}
}

func reversed(all []Action) []Action {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// Every rule is seen to fail, and by nothing but what breaks it.
func TestFaults(t *testing.T) {
	type plan = Plan
	rollback := Options{RollbackAt: "replica.sql"}
	for name, c := range map[string]struct {
		from, to string
		o        Options
		change   func(plan) plan
		want     string
	}{
		"sound":           {"9.7.2", "9.7.4", Options{}, func(p plan) plan { return p }, ""},
		"sound, back":     {"9.7.2", "9.7.4", rollback, func(p plan) plan { return p }, ""},
		"sound, down":     {"9.7.4", "9.7.2", Options{PerGroup: true}, func(p plan) plan { return p }, ""},
		"sound, one side": {"9.7.2", "9.7.4", Options{}, func(p plan) plan { return p.Only(topology.Replica) }, ""},

		"the product does not go there": {
			"9.7.2", "9.7.4",
			Options{},
			func(plan) plan {
				return plan{From: release.MustParse("8.0.44"), To: release.MustParse("9.7.4"), About: "none"}
			},
			"path:",
		},
		"a data node skipped": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { return p.Skip("replica.ndb2") },
			"skipped:replica.ndb2",
		},
		"ndb_mgmd skipped": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { return p.Skip("source.mgm") },
			"skipped:source.mgm",
		},
		"a pair of data nodes skipped": {
			"9.7.2", "9.7.4",
			Options{PerGroup: true},
			func(p plan) plan { return p.Only(topology.Replica).Skip("replica.ndb2+ndb4") },
			"skipped:replica.ndb2 skipped:replica.ndb4",
		},
		"the source alone, before its replica": {
			"9.7.2", "9.7.4",
			Options{PerGroup: true},
			func(p plan) plan { return p.Only(topology.Source).SourceFirst() },
			"cluster-order:source.mgm cluster-order:source.ndb1+ndb3 cluster-order:source.ndb2+ndb4 cluster-order:source.sql",
		},
		"the source first": {
			"9.7.4", "9.7.4-fix1",
			Options{PerGroup: true},
			plan.SourceFirst,
			"cluster-order:source.mgm cluster-order:source.ndb1+ndb3 cluster-order:source.ndb2+ndb4 cluster-order:source.sql",
		},
		"mysqld before data nodes": {
			"9.7.2", "9.7.4",
			Options{PerGroup: true},
			func(p plan) plan { p = p.Skip(""); p.Steps[1], p.Steps[3] = p.Steps[3], p.Steps[1]; return p },
			"role-order:replica.sql",
		},
		"data nodes before ndb_mgmd": {
			"9.7.2", "9.7.4",
			Options{PerGroup: true},
			func(p plan) plan { p = p.Skip(""); p.Steps[0], p.Steps[1] = p.Steps[1], p.Steps[0]; return p },
			"role-order:replica.ndb1+ndb3",
		},
		"ndb_mgmd back before mysqld": {
			"9.7.2", "9.7.4",
			Options{RollbackAt: "replica.sql", PerGroup: true},
			func(p plan) plan { p = p.Skip(""); p.Steps[4], p.Steps[7] = p.Steps[7], p.Steps[4]; return p },
			"role-order:back.replica.mgm role-order:back.replica.ndb2+ndb4 role-order:back.replica.ndb1+ndb3",
		},
		"a whole node group at once": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				p = changed(p, "source.ndb1", func(s *Step) { s.Nodes = append(s.Nodes, "ndb2") })
				return p.Skip("source.ndb2")
			},
			"group-down:source.ndb1",
		},
		"a node twice": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { p.Steps = append(p.Steps, p.Steps[len(p.Steps)-1]); return p },
			"twice:source.sql",
		},
		"a stranger": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return changed(p, "source.ndb1", func(s *Step) { s.Nodes[0] = "sql" })
			},
			"node:source.ndb1 skipped:source.ndb1",
		},
		"no node": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return changed(p, "source.ndb1", func(s *Step) { s.Nodes = nil })
			},
			"node:source.ndb1 skipped:source.ndb1",
		},
		"another release": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return changed(p, "source.sql", func(s *Step) { s.To = release.MustParse("9.7.5") })
			},
			"release:source.sql skipped:source.sql",
		},
		"from another release": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return changed(p, "source.sql", func(s *Step) { s.From = release.MustParse("9.7.1") })
			},
			"release:source.sql release:source.sql",
		},
		"not undone": {
			"9.7.2", "9.7.4", rollback, func(p plan) plan { return p.Skip("back.replica.mgm") },
			"not-undone:back.replica.mgm",
		},
		"undone in a wrong order": {
			"9.7.2", "9.7.4", rollback, func(p plan) plan { return p.Skip("back.replica.sql").Skip("back.replica.ndb4") },
			"role-order:back.replica.ndb3 role-order:back.replica.ndb2 role-order:back.replica.ndb1 role-order:back.replica.mgm not-undone:back.replica.ndb4 not-undone:back.replica.sql",
		},
		"not awaited": {
			"9.7.2", "9.7.4",
			Options{PerGroup: true},
			func(p plan) plan { return p.Without(topology.Replica, AwaitStarted) },
			"replace:replica.mgm replace:replica.ndb1+ndb3 replace:replica.ndb2+ndb4",
		},
		"mysqld not replaced": {
			"9.7.2", "9.7.4",
			Options{PerGroup: true},
			func(p plan) plan {
				return changed(p, "replica.sql", swapped(ReplaceNode, StartNode))
			},
			"replace:replica.sql",
		},
		"writers let in nowhere": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { return p.Without(topology.Source, LetWriters) },
			"writers:source.sql",
		},
		"writers do not stand": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { return p.Without(topology.Source, StopWriters) },
			"writers:source.sql",
		},
		"writers stop after the fence": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return changed(p, "source.sql", func(s *Step) { s.Actions[0], s.Actions[1] = s.Actions[1], s.Actions[0] })
			},
			"writers:source.sql",
		},
		"the channel runs on": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { return p.Without(topology.Source, StopReplica) },
			"channel:source.sql",
		},
		"no catching up": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan { return p.Without(topology.Replica, CatchUp) },
			"channel:replica.sql",
		},
		"not re-pointed": {
			"9.7.4", "9.7.4-fix1",
			Options{},
			func(p plan) plan { return p.Without(topology.Source, Repoint) },
			"fence:source.sql",
		},
		"re-pointed to no fence": {
			"9.7.4", "9.7.4-fix1",
			Options{},
			func(p plan) plan { return p.Without(topology.Source, CommitFence) },
			"fence:source.sql",
		},
		"without F1's steps": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return p.Without(topology.Replica, LogRow, EncryptLogs, PurgeClear)
			},
			"f1:replica.sql",
		},
		"encrypted before a row": {
			"9.7.2", "9.7.4",
			Options{},
			func(p plan) plan {
				return changed(p, "source.sql", swapped(LogRow, EncryptLogs))
			},
			"f1:source.sql",
		},
		"back to F1 without its steps": {
			"9.7.4", "9.7.4-fix1", rollback, func(p plan) plan { return p.Without(topology.Replica, PurgeClear) },
			"f1:back.replica.sql",
		},
		"keys left behind": {
			"8.0.25", "8.4.2",
			Options{},
			func(p plan) plan { return p.Without(topology.Replica, MigrateKeyring) },
			"keyring:replica.sql",
		},
		"keys taken from a running server": {
			"8.0.25", "8.4.2",
			Options{},
			func(p plan) plan {
				return changed(p, "replica.sql", swapped(StopNode, MigrateKeyring))
			},
			"keyring:replica.sql",
		},
		"no copy kept": {
			"8.4.10", "9.7.4", rollback, func(p plan) plan { return p.Without(topology.Replica, KeepCopy) },
			"copy:replica.sql",
		},
		"a copy without the plugin's keys": {
			"8.0.25", "8.4.2", rollback, func(p plan) plan {
				return changed(p, "replica.sql", swapped(KeepCopy, MigrateKeyring))
			},
			"copy:replica.sql",
		},
		"back in place where that is forbidden": {
			"8.4.2", "9.1.0", rollback, func(p plan) plan {
				return changed(p, "back.replica.sql", func(s *Step) { s.Actions[2] = ReplaceNode })
			},
			"replace:back.replica.sql",
		},
		"sound, with a second mysqld": {
			"9.7.2", "9.7.4",
			Options{SpareSQL: true, RollbackAt: "source.sql"},
			func(p plan) plan { return p }, "",
		},
		"sound, with copies": {
			"9.7.2", "9.7.4",
			Options{Copies: true, RollbackAt: "source.sql"},
			func(p plan) plan { return p }, "",
		},
		"written to no second": {
			"9.7.4", "9.7.4-fix1",
			Options{SpareSQL: true},
			func(p plan) plan { return p.Without(topology.Source, WriteToSecond) },
			"writers:source.sql",
		},
		"written to the second for good": {
			"9.7.4", "9.7.4-fix1",
			Options{SpareSQL: true},
			func(p plan) plan { return p.Without(topology.Source, WriteToOwn) },
			"writers:source.sql",
		},
		"the second left behind": {
			"9.7.4", "9.7.4-fix1",
			Options{SpareSQL: true},
			func(p plan) plan { return p.Without(topology.Source, DropSecond) },
			"writers:source.sql",
		},
		"a position of another server": {
			"9.7.4", "9.7.4-fix1",
			Options{SpareSQL: true},
			func(p plan) plan {
				return changed(p, "source.sql", func(s *Step) {
					at := slices.Index(s.Actions, CommitFence) // of the two the first
					s.Actions = slices.Delete(s.Actions, at, at+1)
				})
			},
			"fence:source.sql",
		},
		"writers write while the channel changes over": {
			"9.7.4", "9.7.4-fix1",
			Options{SpareSQL: true},
			func(p plan) plan {
				return changed(p, "source.sql", func(s *Step) {
					at := len(s.Actions) - 1 - slices.Index(reversed(s.Actions), StopWriters) // the last
					s.Actions = slices.Delete(s.Actions, at, at+1)
				})
			},
			"writers:source.sql",
		},
		"no copy kept that is restored": {
			"9.7.2", "9.7.4",
			Options{Copies: true, RollbackAt: "replica.sql"},
			func(p plan) plan { return p.Without(topology.Replica, KeepCopy) },
			"copy:replica.sql",
		},
		"a copy's own position": {
			"8.4.2", "9.1.0", rollback, func(p plan) plan { return p.Without(topology.Replica, RepointApplied) },
			"fence:back.replica.sql",
		},
	} {
		source, replica := twoOf(c.from)
		p := c.change(planOf(t, c.from, c.to, c.o))
		assert.Equal(t, c.want, problems(p, source, replica), name)
		if err := p.Check(source, replica); c.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, strings.Split(c.want, ":")[0], name)
		}
	}
}

// A source alone may follow a replica that is there already.
func TestFaultsOfTheSecondCluster(t *testing.T) {
	source, replica := twoOf("9.7.2")
	p := planOf(t, "9.7.2", "9.7.4", Options{}).Only(topology.Source)
	assert.Contains(t, problems(p, source, replica), "cluster-order:source.mgm")
	assert.Empty(t, problems(p, source, replica.To(p.To, vendor)))
}

// What makes a wrong plan leaves the right one as it is.
func TestPlanChanges(t *testing.T) {
	p := planOf(t, "9.7.2", "9.7.4", Options{PerGroup: true, RollbackAt: "source.mgm"})
	before := p.Text(nil)

	assert.Equal(t, "source.mgm replica.mgm replica.ndb1+ndb3 replica.ndb2+ndb4 replica.sql "+
		"back.source.mgm back.replica.sql back.replica.ndb2+ndb4 back.replica.ndb1+ndb3 back.replica.mgm", stepIDs(p.SourceFirst()))
	only := p.Only(topology.Source)
	assert.Equal(t, "source.mgm back.source.mgm", stepIDs(only))
	assert.Equal(t, topology.Source, only.About)
	assert.Equal(t, "source.mgm", stepIDs(only.Skip("back.source.mgm")))
	assert.Equal(t, stepIDs(p), stepIDs(p.Skip("no such step")))
	w := p.Without(topology.Replica, StopNode)
	assert.False(t, stepOf(t, w, "replica.sql").Does(StopNode))
	assert.False(t, stepOf(t, w, "back.replica.mgm").Does(StopNode))
	assert.True(t, stepOf(t, w, "source.mgm").Does(StopNode))
	require.Equal(t, before, p.Text(nil))
}
