package plan

import (
	"errors"
	"strings"

	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// move is what a step is made of: nodes of one role, and their cluster before
// and after.
type move struct {
	old, next topology.Spec
	nodes     []topology.Node
	copied    bool // forth a copy of the volume is kept, and back it goes from there
	second    bool // a second mysqld takes over while the first is away
	back      bool
}

func (m move) role() topology.Role { return m.nodes[0].Role }
func (m move) side() topology.Side { return topology.Side(m.old.Name) }

func (m move) id() string {
	id := string(m.side()) + "." + strings.Join(nodeNames(m.nodes), "+")
	if m.back {
		return "back." + id
	}
	return id
}

// oneWay is why a mysqld would not go back in place; nil where it would. Data
// nodes and management nodes do.
func (m move) oneWay() *release.Forbidden {
	var f *release.Forbidden
	if m.role() == topology.Mysqld {
		errors.As(release.InPlace(m.next.Release, m.old.Release), &f)
	}
	return f
}

// undone is the way back, to the cluster as it was.
func (m move) undone() move {
	m.old, m.next, m.back = m.next, m.old.To(m.old.Release, m.old.Layout), true
	return m
}

// mustCopy says why a copy is needed, of the way forth and of the way back: the
// releases forbid the way back in place, or the caller set Options.Copies.
func (m move) mustCopy() string {
	if m.back {
		m.old, m.next = m.next, m.old
	}
	if f := m.oneWay(); f != nil {
		return f.Rule + " (" + f.Source + ")"
	}
	return "the caller asked for copies"
}

// migrates tells whether the keyring must change from plugin to component.
func (m move) migrates() bool {
	return m.role() == topology.Mysqld && !m.back && m.old.KeyringByPlugin() && !m.next.KeyringByPlugin()
}

func (m move) step() Step {
	s := Step{
		ID: m.id(), Side: m.side(), Role: m.role(), Nodes: nodeNames(m.nodes),
		From: m.old.Release, To: m.next.Release, Why: m.why(), Back: m.back,
	}
	if m.role() == topology.Mysqld {
		s.Actions = m.sql()
	} else {
		s.Actions = []Action{StopNode, ReplaceNode, StartNode, AwaitStarted}
	}
	return s
}

// sql is what a mysqld's step does. Of a source, what is written while it is
// away would be in no log, and its start writes an incident at which the applier
// stops; so writers stand, and the replica goes on at a fence behind it.
func (m move) sql() []Action {
	var out []Action
	add := func(when bool, as ...Action) {
		if when {
			out = append(out, as...)
		}
	}
	source, f1, restores := m.side() == topology.Source, m.next.EncryptsLate(), m.back && m.copied
	add(m.second, StartSecond)
	add(source, StopWriters, CatchUp)
	add(true, StopReplica)
	add(m.second, WriteToSecond, CommitFence, Repoint, StartReplica, LetWriters, CatchUp)
	add(true, StopNode)
	add(!m.back && m.copied, KeepCopy)
	add(m.migrates(), MigrateKeyring)
	add(restores, RestoreCopy)
	add(!restores, ReplaceNode)
	add(true, StartNode, AwaitServing)
	add(f1, LogRow, EncryptLogs)
	add(m.second, StopWriters, CatchUp, StopReplica, WriteToOwn)
	add(source, CommitFence)
	add(f1, PurgeClear)
	add(source, Repoint)
	add(!source && restores, RepointApplied)
	add(true, StartReplica)
	add(m.second, LetWriters, CatchUp, DropSecond)
	add(!m.second, CatchUp)
	add(source && !m.second, LetWriters)
	return out
}

// why is what of a step needs a word.
func (m move) why() string {
	var out []string
	add := func(when bool, s string) {
		if when {
			out = append(out, s)
		}
	}
	sql := m.role() == topology.Mysqld
	add(m.role() == topology.Mgmd, "--reload, else the cached configuration wins")
	add(len(m.nodes) > 1, "one of each node group")
	add(sql && m.side() == topology.Source && !m.second, "writers stand: their rows would be in no log; its start logs an incident")
	add(m.second, "a second mysqld takes over: rows written without one would be in no log; the start of the first logs an incident")
	add(!m.back && m.copied, "a copy is kept: "+m.mustCopy())
	add(m.migrates(), "the old mysqld takes the keyring from plugin to component: the new one has no plugin")
	if m.back && m.copied {
		how := "it goes on behind the last epoch in ndb_apply_status"
		if m.side() == topology.Source {
			how = "for the replica that is a restart"
		}
		out = append(out, "from the copy: "+m.mustCopy()+"; "+how)
	}
	add(sql && m.next.EncryptsLate(), release.F1.ID+": encrypted once a row is logged; clear logs go")
	return strings.Join(out, "; ")
}
