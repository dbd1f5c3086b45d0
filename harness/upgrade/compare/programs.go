package compare

import (
	"fmt"
	"strings"

	"ndbproof/harness/evidence"
	"ndbproof/harness/topology"
)

// programsTitle is the promise of CheckPrograms.
const programsTitle = "Every node runs the program that the plan has it run, and reports its version"

// CheckPrograms judges what the nodes run after a step. want is what the plan
// has them run by then, all nodes of both clusters; old is what they ran before
// the first step, so that a node which was left behind can be told from one that
// runs something else. The sha256 tells: ndb_mgm shows three numbers and no
// suffix.
func CheckPrograms(got, want, old []Program) Check {
	c := Check{ID: "programs", Title: programsTitle, Status: evidence.Held, Seen: len(got)}
	var wrong []string
	for _, w := range want {
		if text := w.differs(got, old); text != "" {
			wrong = append(wrong, text)
		}
	}
	for _, g := range got {
		if w := of(want, g.Side, g.Node); w == nil {
			wrong = append(wrong, g.where()+" is not a node of the plan")
		}
	}
	switch {
	case len(got) == 0 || len(want) == 0:
		c.Status, c.Seen, c.Text = evidence.NotLooked, 0, "no program was looked at"
	case wrong != nil:
		c.Status, c.Text = evidence.Violated, strings.Join(wrong, "; ")
	}
	return c
}

// differs tells how what a node runs is not what is wanted; "" when it is.
func (p Program) differs(got, old []Program) string {
	g, before := of(got, p.Side, p.Node), of(old, p.Side, p.Node)
	switch {
	case g == nil:
		return p.where() + " was not seen"
	case g.SHA256 == "":
		return p.where() + ": its program could not be told"
	case g.SHA256 == p.SHA256 && g.Version == p.Version:
		return ""
	case g.SHA256 == p.SHA256:
		return fmt.Sprintf("%s runs the right program, and reports version %s instead of %s", p.where(), g.Version, p.Version)
	case before != nil && g.SHA256 == before.SHA256:
		return fmt.Sprintf("%s still runs the old program (%s, sha256 %s; expected sha256 %s)", p.where(), g.Version, short(g.SHA256), short(p.SHA256))
	}
	return fmt.Sprintf("%s runs another program (%s, sha256 %s; expected sha256 %s)", p.where(), g.Version, short(g.SHA256), short(p.SHA256))
}

func (p Program) where() string { return string(p.Side) + " " + p.Node }

// of finds the program of a node; nil when it is not there.
func of(all []Program, side topology.Side, node string) *Program {
	for i := range all {
		if all[i].Side == side && all[i].Node == node {
			return &all[i]
		}
	}
	return nil
}

// short is enough of a sha256 to tell two programs apart.
func short(sha string) string { return sha[:min(12, len(sha))] }
