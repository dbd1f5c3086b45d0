package topology

import (
	"errors"
	"strings"

	"ndbproof/harness/release"
)

// move is what a step is made of: nodes of one role, and their cluster before
// and after.
type move struct {
	old, next Spec
	nodes     []Node
	copied    bool // forth a copy of the volume is kept, and back it goes from there
	second    bool // a second mysqld takes over meanwhile
	back      bool
}

func (m move) role() Role { return m.nodes[0].Role }
func (m move) side() Side { return Side(m.old.Name) }

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
	if m.role() == Mysqld {
		errors.As(release.InPlace(m.next.Release, m.old.Release), &f)
	}
	return f
}

// undone is the way back, to the cluster as it was.
func (m move) undone() move {
	m.old, m.next, m.back = m.next, m.old.To(m.old.Release, m.old.Layout), true
	return m
}

// mustCopy says why a copy is needed, of the way forth and of the way back.
func (m move) mustCopy() string {
	if m.back {
		m.old, m.next = m.next, m.old
	}
	if f := m.oneWay(); f != nil {
		return f.Rule + " (" + f.Source + ")"
	}
	return "so wished"
}

// migrates tells whether the keyring must change from plugin to component.
func (m move) migrates() bool {
	return m.role() == Mysqld && !m.back && m.old.plugin() && !m.next.plugin()
}

func (s Spec) plugin() bool { return s.Profile.Keyring && s.KeyringPlugin }

func (m move) step() PlanStep {
	s := PlanStep{
		ID: m.id(), Side: m.side(), Role: m.role(), Nodes: nodeNames(m.nodes),
		From: m.old.Release, To: m.next.Release, Why: m.why(), Back: m.back,
	}
	if m.role() == Mysqld {
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
	source, f1, restores := m.side() == Source, lateEncryption(m.next), m.back && m.copied
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
	sql := m.role() == Mysqld
	add(m.role() == Mgmd, "--reload, else the cached configuration wins")
	add(len(m.nodes) > 1, "one of each node group")
	add(sql && m.side() == Source && !m.second, "writers stand: their rows would be in no log; its start logs an incident")
	add(m.second, "a second mysqld takes over: rows written without one would be in no log; the start of the first logs an incident")
	add(!m.back && m.copied, "a copy is kept: "+m.mustCopy())
	add(m.migrates(), "the old mysqld takes the keyring from plugin to component: the new one has no plugin")
	if m.back && m.copied {
		how := "it goes on behind the last epoch in ndb_apply_status"
		if m.side() == Source {
			how = "for the replica that is a restart"
		}
		out = append(out, "from the copy: "+m.mustCopy()+"; "+how)
	}
	add(sql && lateEncryption(m.next), release.F1.ID+": encrypted once a row is logged; clear logs go")
	return strings.Join(out, "; ")
}

// To is the same cluster on another release, on the volumes that it has: what
// Render writes is for that release, which of some options knows other names and
// of others nothing. It keeps the keyring's plugin as long as there is one;
// encrypts logs at the start where defect F1 does not forbid it; and has ndb_mgmd
// read its configuration again. l is the layout of the release's image. With the
// Spec's own release it is the way back.
func (s Spec) To(r release.Release, l release.Layout) Spec {
	s.Release, s.Layout, s.Reload = r, l, true
	s.KeyringPlugin = s.KeyringPlugin && r.Has(release.KeyringPlugin) || !r.Has(release.KeyringComponent)
	s.EncryptAtStart = s.Profile.BinlogEncryption && !release.F1.Has(r)
	return s
}
