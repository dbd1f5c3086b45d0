package plan

import (
	"errors"
	"fmt"
	"slices"

	"ndbproof/harness/release"
	"ndbproof/harness/topology"
)

// Problem is something in a plan that would go wrong.
type Problem struct {
	Code string `json:"code"`
	Step string `json:"step"` // its ID, also of one that is missing; "" when it is about the whole
	Text string `json:"text"`
}

// Codes of problems.
const (
	ProblemPath    = "path"          // the product does not go that way
	ProblemCluster = "cluster-order" // a source would be newer than its replica
	ProblemRole    = "role-order"    // not ndb_mgmd, then data nodes, then mysqld
	ProblemGroup   = "group-down"    // a node group would lose all its nodes
	ProblemSkipped = "skipped"       // a node never gets there
	ProblemUndone  = "not-undone"    // a roll-back leaves a node where it was
	ProblemTwice   = "twice"         // a node is there already
	ProblemNode    = "node"          // the cluster has no such node in that role
	ProblemRelease = "release"       // the step goes elsewhere than the plan
	ProblemReplace = "replace"       // stop, replace, start, wait: one is missing or at the wrong place
	ProblemWriters = "writers"       // they write while the source's mysqld is away or nothing is applied
	ProblemChannel = "channel"       // not stopped before, or not started and caught up after
	ProblemFence   = "fence"         // the replica would run into the incident, or apply twice
	ProblemF1      = "f1"            // mysqld would crash, or its logs stay clear
	ProblemKeyring = "keyring"       // the new mysqld would have no keys
	ProblemCopy    = "copy"          // there would be no way back
)

// Check is nil, or all Problems in one error.
func (p Plan) Check(source, replica topology.Spec) error {
	var errs []error
	for _, f := range p.Problems(source, replica) {
		errs = append(errs, fmt.Errorf("%s %s: %s", f.Code, f.Step, f.Text))
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("check the plan from %s to %s: %w", p.From, p.To, errors.Join(errs...))
}

// Problems judges a plan for a pair whose Specs are as it is before, in the order
// of its steps; what is missing comes last. It follows what each node runs,
// step by step, and knows nothing of how the plan was made. Of a plan that is
// about one cluster only that one must get to the end.
func (p Plan) Problems(source, replica topology.Spec) []Problem {
	j := judge{plan: p, specs: map[topology.Side]topology.Spec{topology.Source: source, topology.Replica: replica}, runs: map[topology.NodeRef]release.Release{}}
	for side, s := range j.specs {
		for _, n := range s.Nodes {
			j.runs[topology.NodeRef{Side: side, Node: n.Name}] = s.Release
		}
	}
	if err := release.Path(p.From, p.To); err != nil {
		j.problem(ProblemPath, "", "%v", err)
	}
	for _, s := range p.Steps {
		if j.nodes(s) {
			j.moves(s)
			j.order(s)
			j.actions(s)
		}
	}
	j.end()
	return j.problems
}

// judge carries a plan out in thought.
type judge struct {
	plan     Plan
	specs    map[topology.Side]topology.Spec
	runs     map[topology.NodeRef]release.Release
	problems []Problem
}

func (j *judge) problem(code, step, format string, args ...any) {
	j.problems = append(j.problems, Problem{code, step, fmt.Sprintf(format, args...)})
}

// nodes judges whom a step is about. What is no node is judged no further.
func (j *judge) nodes(s Step) bool {
	ofRole := nodeNames(j.specs[s.Side].Of(s.Role))
	if len(s.Nodes) == 0 {
		j.problem(ProblemNode, s.ID, "the step is about no node")
		return false
	}
	for _, n := range s.Nodes {
		if !slices.Contains(ofRole, n) {
			j.problem(ProblemNode, s.ID, "the %s cluster has no %s %s", s.Side, s.Role, n)
			return false
		}
	}
	for _, g := range j.specs[s.Side].NodeGroups() {
		if all := nodeNames(g); s.Role == topology.Ndbmtd && !slices.ContainsFunc(all, func(n string) bool { return !slices.Contains(s.Nodes, n) }) {
			j.problem(ProblemGroup, s.ID, "%v are a whole node group: while they are away, no node has its rows", all)
		}
	}
	return true
}

// moves judges where a step goes, and has its nodes run that.
func (j *judge) moves(s Step) {
	from, to := j.plan.From, j.plan.To
	if s.Back {
		from, to = to, from
	}
	if s.From != from || s.To != to {
		j.problem(ProblemRelease, s.ID, "it goes from %s to %s, and the plan from %s to %s", s.From, s.To, from, to)
	}
	for _, n := range s.Nodes {
		ref := topology.NodeRef{Side: s.Side, Node: n}
		switch j.runs[ref] {
		case s.From:
		case s.To:
			j.problem(ProblemTwice, s.ID, "%s runs %s already", n, s.To)
		default:
			j.problem(ProblemRelease, s.ID, "%s runs %s, not %s", n, j.runs[ref], s.From)
		}
		j.runs[ref] = s.To
	}
}

// rank is what may be newer than what: of two, the one that an upgrade takes
// first. A step must not leave a node newer than one of a rank before it.
type rank struct {
	side topology.Side
	role topology.Role
}

var ranks = []rank{
	{topology.Replica, topology.Mgmd},
	{topology.Replica, topology.Ndbmtd},
	{topology.Replica, topology.Mysqld},
	{topology.Source, topology.Mgmd},
	{topology.Source, topology.Ndbmtd},
	{topology.Source, topology.Mysqld},
}

// order judges a step against all nodes of other ranks.
func (j *judge) order(s Step) {
	mine, newer := slices.Index(ranks, rank{s.Side, s.Role}), j.newer(s.To)
	for i, r := range ranks {
		// A newer one wants newer ones before it; an older one older ones behind it.
		if i == mine || newer != (i < mine) {
			continue
		}
		for _, n := range j.specs[r.side].Of(r.role) {
			ref := topology.NodeRef{Side: r.side, Node: n.Name}
			if j.newer(j.runs[ref]) == newer || j.left(ref) {
				continue
			}
			code := ProblemRole
			if r.side != s.Side {
				code = ProblemCluster
			}
			j.problem(code, s.ID, "it takes %s %s to %s, and %s %s runs %s", s.Side, s.Role, s.To, r.side, n.Name, j.runs[ref])
			return
		}
	}
}

// newer tells whether this is the newer of the plan's two releases.
func (j *judge) newer(r release.Release) bool {
	if j.plan.down() {
		return r == j.plan.From
	}
	return r == j.plan.To
}

// left tells whether the plan leaves a node out that it is about: that is a
// problem of its own, and no other's. In a roll-back being left out is sound.
func (j *judge) left(ref topology.NodeRef) bool {
	about := j.plan.About == "" || j.plan.About == ref.Side
	return about && !j.plan.goesBack() && !slices.ContainsFunc(j.plan.Steps, func(s Step) bool {
		return s.Side == ref.Side && slices.Contains(s.Nodes, ref.Node)
	})
}

func (p Plan) goesBack() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Back })
}

// end judges what every node runs at last.
func (j *judge) end() {
	want, code, prefix := j.plan.To, ProblemSkipped, ""
	if j.plan.goesBack() {
		want, code, prefix = j.plan.From, ProblemUndone, "back."
	}
	for _, r := range ranks {
		if j.plan.About != "" && j.plan.About != r.side {
			continue
		}
		for _, n := range j.specs[r.side].Of(r.role) {
			if runs := j.runs[topology.NodeRef{Side: r.side, Node: n.Name}]; runs != want {
				j.problem(code, prefix+string(r.side)+"."+n.Name, "%s %s ends with %s, not %s", r.side, n.Name, runs, want)
			}
		}
	}
}

func nodeNames(nodes []topology.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}
