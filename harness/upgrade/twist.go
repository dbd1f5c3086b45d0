package upgrade

import (
	"context"
	"fmt"
	"slices"

	"ndbproof/harness/claim"
	"ndbproof/harness/cluster"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/plan"
)

// Twist is what a sabotaged upgrade does otherwise than its plan says. The plan is
// what it is judged by all the same.
type Twist struct {
	Name     string
	From, To string        // releases that it needs; a suffix is a build with F1 mended
	Only     topology.Side // the cluster that it is about; "" for both
	// Plan gives the steps that are carried out; nil: those of the plan.
	Plan func(plan.Plan) plan.Plan
	// Stale is the node that goes on with the program of the release before.
	Stale string
	// Weaken is taken out of the deployment of the release that is to be.
	Weaken []secure.Weakness
	// AsWritten has my.cnf of the release that is to be as the procedure has it,
	// whatever known defects that release has.
	AsWritten bool
	// SQL is run as root at a mysqld that the new release serves, out of the binary
	// log: what its upgrade of tables may do.
	SQL string
	// Idle has the writers stand from the beginning on.
	Idle bool
	// Want is the check that must find it, or the known defect of a node's death.
	Want string
}

// twist is never nil.
func (u *upgrading) twist() Twist {
	if u.Twist == nil {
		return Twist{}
	}
	return *u.Twist
}

// quick is an upgrade that is to be caught: what the pair was like before, and is
// after, says nothing.
func (t Twist) quick() bool { return t.Name != "" }

func (t Twist) steps(p plan.Plan) []plan.Step {
	if t.Plan == nil {
		return p.Steps
	}
	return t.Plan(p).Steps
}

// image of a node: the one that a step gives it, or the one from before.
func (t Twist) image(side topology.Side, node, next, before string) string {
	if t.Stale == string(side)+"."+node {
		return before
	}
	return next
}

// spec of a cluster as a step deploys it.
func (t Twist) spec(s topology.Spec, step plan.Step) topology.Spec {
	if step.Role != topology.Mysqld || step.Back {
		return s
	}
	s.Profile = secure.Weaken(s.Profile, t.Weaken...)
	s.EncryptAtStart = (s.EncryptAtStart || t.AsWritten) && s.Profile.BinlogEncryption
	return s
}

// serves is called when a step's mysqld serves.
func (t Twist) serves(ctx context.Context, c *cluster.Cluster, s plan.Step) error {
	if t.SQL == "" || s.Back {
		return nil
	}
	if _, err := c.RootSQL(ctx, "SET SESSION sql_log_bin=0;\n"+t.SQL+";\n"); err != nil {
		return fmt.Errorf("%s on the %s: %w", t.Name, c.Side, err)
	}
	return nil
}

// idle has the writers stand once they have written something.
func (u *upgrading) idle(ctx context.Context) error {
	for _, w := range u.team.Writers() {
		if err := w.Wait(ctx, 100, 0); err != nil {
			return err
		}
	}
	return u.team.Pause(ctx)
}

// Twists are the sabotaged upgrades: each is to be caught at its first violation.
func Twists() []Twist {
	const replica = topology.Replica
	const first, second, mended = "9.7.2", "9.7.4", "9.7.4-fix1"
	skipped := func(p plan.Plan) plan.Plan {
		i := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Role == topology.Ndbmtd })
		return p.Skip(p.Steps[i].ID)
	}
	return []Twist{
		{
			Name: "my.cnf of the new release without binlog_encryption", From: second, To: mended, Only: replica, Want: claim.LogsBinlogEncryptedID,
			Weaken: []secure.Weakness{secure.NoBinlogEncryption},
		},
		{
			Name: "without the steps that F1 needs", From: first, To: second, Only: replica, Want: "F1", AsWritten: true,
			Plan: func(p plan.Plan) plan.Plan {
				return p.Without(replica, plan.LogRow, plan.EncryptLogs, plan.PurgeClear)
			},
		},
		{
			Name: "the new release grants more", From: second, To: mended, Only: replica, Want: claim.AccountsGrantsID,
			SQL: "GRANT REPLICATION CLIENT ON *.* TO '" + secure.ReplicationUser + "'@'%'",
		},
		{
			Name: "the new release loses a row", From: second, To: mended, Only: replica, Want: "parity",
			SQL: "DELETE FROM test1.t1 ORDER BY id LIMIT 1",
		},
		{Name: "a data node stays on the old program", From: second, To: mended, Only: replica, Want: "programs", Stale: "replica.ndb1"},
		{Name: "a step skipped", From: first, To: second, Only: replica, Want: "programs", Plan: skipped},
		{Name: "no writer writes", From: second, To: mended, Only: replica, Want: "load", Idle: true},
		{Name: "the source upgraded first", From: first, To: second, Want: "programs", Plan: plan.Plan.SourceFirst},
	}
}
