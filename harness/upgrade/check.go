package upgrade

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ndbproof/harness/brief"
	"ndbproof/harness/claim"
	"ndbproof/harness/evidence"
	"ndbproof/harness/parity"
	"ndbproof/harness/poll"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
)

// check looks at the pair after a step: every node's program and version, the rows
// while writers go on, the claims that disturb nothing, and what the writers did
// since from. What is not as it must be is an error, and a check that says so.
func (u *upgrading) check(outer context.Context, s plan.Step, from []loaded, r *compare.StepResult) error {
	ctx, done := poll.WithLimit(outer, limitChecks, "the checks after "+s.ID)
	defer done()
	dir := u.Dir.Sub("steps/" + s.ID)
	k, err := u.checkPrograms(ctx, s, r)
	if err != nil {
		k = compare.CheckPrograms(nil, u.wanted(s.ID), nil)
		k.Text = brief.Error(err)
		r.Cause = u.cause(outer, s, err)
	}
	r.Checks = append(r.Checks, k)
	if k.Status == evidence.Held { // on other programs than planned the rest says nothing
		r.Checks = append(r.Checks, u.checkClaims(ctx, dir)...)
		r.Checks = append(r.Checks, u.checkRows(ctx, dir))
	}
	if k.Status == evidence.Held && ctx.Err() == nil { // what ends the run ends the writers
		r.Checks = append(r.Checks, u.checkLoad(from, r.WritersStoodMS))
	}
	if ended := context.Cause(ctx); ended != nil {
		if c := deathOf(ctx, ended); c != nil {
			r.Cause = c
		} else {
			r.Checks = append(r.Checks, compare.Check{ID: "checks", Title: "the checks come to their end", Status: evidence.NotLooked, Text: brief.Error(ended)})
		}
		return ended
	}
	var bad []string
	for _, k := range r.Checks {
		if k.Status != evidence.Held && k.Status != evidence.NotApplicable {
			bad = append(bad, fmt.Sprintf("%s %s: %s", k.ID, k.Status, k.Text))
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("after %s: %s", s.ID, strings.Join(bad, "; "))
	}
	return nil
}

// checkClaims looks for the claims that only read or connect, but for the one that
// would stop the writers.
func (u *upgrading) checkClaims(ctx context.Context, dir *evidence.Dir) []compare.Check {
	claims := slices.DeleteFunc(slices.Clone(u.Claims), func(c claim.Claim) bool { return !c.Short() || c.ID == claim.RowsParityID })
	var all []compare.Check
	for _, o := range claim.RunAll(ctx, claims, u.subject(), dir, u.Promised, claim.Claim.Limit) {
		all = append(all, compare.CheckOf(o))
	}
	return all
}

// checkRows compares all rows while writers go on.
func (u *upgrading) checkRows(ctx context.Context, dir *evidence.Dir) compare.Check {
	k := compare.Check{ID: "parity", Title: "all tables have the same rows and schema on both sides, while writers go on"}
	begun := time.Now()
	defer func() { k.Seconds = seconds(begun) }()
	var behind uint64
	live := &parity.Live{Hold: u.team.Lock, Fence: func(ctx context.Context) error {
		e, err := u.Pair.Channel.CatchUp(ctx)
		behind = uint64(e)
		return err
	}}
	rep, err := parity.Compare(ctx, u.Pair.Server(topology.Source).DB, u.Pair.Server(topology.Replica).DB, parity.Options{Live: live})
	rep.Epoch = behind
	unasked := ""
	if err == nil && !rep.Equal() {
		if failed := u.ask(ctx, rep); failed != nil {
			unasked = "; the ledgers could not be asked: " + brief.Error(failed)
		}
	}
	if err == nil {
		err = dir.JSON("parity.json", rep)
	}
	rows, _ := rep.Rows()
	switch k.Seen = int(rows); {
	case err != nil:
		k.Status, k.Text = evidence.NotLooked, brief.Error(err)
	case rows == 0:
		k.Status, k.Text = evidence.NotLooked, "no row was compared"
	case !rep.Equal():
		k.Status, k.Text = evidence.Violated, unequal(rep)+unasked
	default:
		k.Status = evidence.Held
	}
	k.Seconds = seconds(begun)
	return k
}

// wanted is what every node must run after a step: what the plan, as it was meant,
// has come to.
func (u *upgrading) wanted(id string) []compare.Program {
	release := map[string]string{}
	for _, s := range u.course.plan.Steps {
		for _, n := range s.Nodes {
			release[string(s.Side)+" "+n] = s.To.String()
		}
		if s.ID == id {
			break
		}
	}
	return u.programsBy(func(name string) string { return cmp.Or(release[name], u.report.From) })
}

// programsBy are the programs of all nodes, by the release that each is on.
func (u *upgrading) programsBy(on func(name string) string) []compare.Program {
	var all []compare.Program
	for _, c := range u.Pair.Clusters() {
		for _, n := range c.Nodes {
			r := on(string(c.Side) + " " + n.Name)
			p := compare.Program{Side: c.Side, Node: n.Name, SHA256: u.builds.programs[r][n.Role], Version: r}
			if n.Role != topology.Mysqld {
				p.Version, _, _ = strings.Cut(r, "-") // as NDB tells it: without a suffix
			}
			all = append(all, p)
		}
	}
	return all
}

// checkPrograms reads from outside what every node runs, and asks the nodes for
// their versions.
func (u *upgrading) checkPrograms(ctx context.Context, s plan.Step, r *compare.StepResult) (compare.Check, error) {
	begun := time.Now()
	var err error
	if r.Programs, err = u.readPrograms(ctx); err != nil {
		return compare.Check{}, err
	}
	k := compare.CheckPrograms(r.Programs, u.wanted(s.ID), u.programsBy(func(string) string { return u.report.From }))
	k.Seconds = seconds(begun)
	return k, nil
}

// readPrograms gives every node's program and version: those of the management and
// data nodes as ndb_mgm shows them, the mysqld's by VERSION().
func (u *upgrading) readPrograms(ctx context.Context) ([]compare.Program, error) {
	var g errgroup.Group
	out := make([][]compare.Program, len(u.Pair.Clusters()))
	for i, c := range u.Pair.Clusters() {
		shown, err := c.Shown(ctx)
		if err != nil {
			return nil, err
		}
		var version string
		if err := c.Server.DB.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
			return nil, fmt.Errorf("ask the %s for its version: %w", c.Side, err)
		}
		out[i] = make([]compare.Program, len(c.Nodes))
		for j, n := range c.Nodes {
			g.Go(func() error {
				p, err := n.Program(ctx)
				says := shown[n.Name].Version
				if n.Role == topology.Mysqld {
					says = strings.TrimSuffix(version, "-cluster")
				}
				out[i][j] = compare.Program{Side: c.Side, Node: n.Name, SHA256: p.SHA256, Version: says}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(out...), nil
}

// ask has the writers' ledgers say what should be there. The writers stand
// while it asks, so that nothing is in flight, but it does not wait long for them:
// what differs is known.
func (u *upgrading) ask(ctx context.Context, rep parity.Report) error {
	ctx, done := poll.WithLimit(ctx, 10*time.Second, "having the writers stand")
	defer done()
	if !u.team.Paused() { // else they stand already
		defer u.team.Resume()
		if err := u.team.Pause(ctx); err != nil {
			return err
		}
	}
	books, err := u.team.ReadBooks()
	if err != nil {
		return err
	}
	rep.Ask(books.Opinion)
	return nil
}

// unequal names the tables that differ, and how.
func unequal(rep parity.Report) string {
	var all []string
	for _, t := range rep.Tables {
		if !t.Equal() {
			all = append(all, fmt.Sprintf("%s.%s: %d rows differ, %d only on the source, %d only on the replica, %d surplus, %d parts of the schema",
				t.Database, t.Name, t.Mismatched, t.OnlySource, t.OnlyReplica, t.Duplicates, len(t.Schema)))
		}
	}
	for _, d := range rep.Schema {
		all = append(all, fmt.Sprintf("%s is %s on the source and %s on the replica", d.What, d.Source, d.Replica))
	}
	return strings.Join(all, "; ")
}
