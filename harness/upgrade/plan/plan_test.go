package plan

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/golden"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// vendor is the layout of the vendor's tarball.
var vendor = release.Layout{
	Bin: "/usr/local/mysql/bin", Plugin: "/usr/local/mysql/lib/plugin", Share: "/usr/local/mysql/share",
	DataDir: topology.DataDir, User: "mysql", UID: 999, GID: 999,
}

// twoOf are the clusters of a pair of a release. 8.0.25 has the plugin, as in the procedure.
func twoOf(r string) (source, replica topology.Spec) {
	source, replica = standard(topology.Source, r), standard(topology.Replica, r)
	source.KeyringPlugin = r == "8.0.25"
	replica.KeyringPlugin = source.KeyringPlugin
	return source, replica
}

func standard(side topology.Side, r string) topology.Spec {
	return topology.Standard(side, release.MustParse(r), vendor, secure.Published2021())
}

func planOf(t *testing.T, from, to string, o Options) Plan {
	t.Helper()
	source, replica := twoOf(from)
	p, err := New(source, replica, release.MustParse(to), o)
	require.NoError(t, err)
	return p
}

// The whole way from the procedure's release to the calendar ones, by the same
// two clusters, and the two ways that are run for real: plans and what is
// rendered before and after.
func TestPlanGolden(t *testing.T) {
	chain := []string{"8.0.25", "8.0.44", "8.4.10", "9.7.4", "26.7.0"}
	source, replica := twoOf(chain[0])
	for _, to := range chain[1:] {
		goldenPlan(t, &source, &replica, to)
	}
	for _, c := range [][2]string{{"9.7.2", "9.7.4"}, {"9.7.4", "9.7.4-fix1"}} {
		source, replica = twoOf(c[0])
		goldenPlan(t, &source, &replica, c[1])
	}
}

// goldenPlan has the pair's next plan compared, and makes the pair what it is
// after.
func goldenPlan(t *testing.T, source, replica *topology.Spec, to string) {
	t.Helper()
	dir, r := filepath.Join("testdata", source.Release.String()+"-"+to), release.MustParse(to)
	for name, o := range map[string]Options{
		"plan.txt":      {},
		"per-group.txt": {PerGroup: true},
		"rollback.txt":  {PerGroup: true, RollbackAt: "replica.sql"},
		"undo.txt":      {PerGroup: true, RollbackAt: "source.sql"},
		"second.txt":    {PerGroup: true, SpareSQL: true},
		"copies.txt":    {PerGroup: true, RollbackAt: "source.sql", Copies: true},
	} {
		p, err := New(*source, *replica, r, o)
		require.NoError(t, err)
		assert.NoError(t, p.Check(*source, *replica), "%s %s", dir, name)
		golden.Equal(t, filepath.Join(dir, name), []byte(p.Text(nil)))
	}
	*source, *replica = source.To(r, vendor), replica.To(r, vendor)
}

func stepIDs(p Plan) string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

// The order said once more, so that a golden file updated without a look does
// not pass.
func TestPlanOrder(t *testing.T) {
	const (
		replica = "replica.mgm replica.ndb1 replica.ndb2 replica.ndb3 replica.ndb4 replica.sql"
		source  = "source.mgm source.ndb1 source.ndb2 source.ndb3 source.ndb4 source.sql"
	)
	assert.Equal(t, replica+" "+source, stepIDs(planOf(t, "9.7.2", "9.7.4", Options{})))
	assert.Equal(t,
		"replica.mgm replica.ndb1+ndb3 replica.ndb2+ndb4 replica.sql source.mgm source.ndb1+ndb3 source.ndb2+ndb4 source.sql",
		stepIDs(planOf(t, "9.7.2", "9.7.4", Options{PerGroup: true})))
	assert.Equal(t,
		"replica.mgm replica.ndb1 replica.ndb2 back.replica.ndb2 back.replica.ndb1 back.replica.mgm",
		stepIDs(planOf(t, "9.7.2", "9.7.4", Options{RollbackAt: "replica.ndb2"})))
	assert.Equal(t,
		"source.sql source.ndb2+ndb4 source.ndb1+ndb3 source.mgm replica.sql replica.ndb2+ndb4 replica.ndb1+ndb3 replica.mgm",
		stepIDs(planOf(t, "9.7.4", "9.7.2", Options{PerGroup: true})),
		"a downgrade is an upgrade backwards")
}

func stepOf(t *testing.T, p Plan, id string) Step {
	t.Helper()
	for _, s := range p.Steps {
		if s.ID == id {
			return s
		}
	}
	require.Fail(t, "no such step", id)
	return Step{}
}

func TestPlanActions(t *testing.T) {
	const (
		stand = "stop-writers catch-up stop-replica "
		go1   = "start-replica catch-up"
	)
	for _, c := range []struct{ from, to, at, step, want string }{
		{"9.7.2", "9.7.4", "", "replica.mgm", "stop-node replace-node start-node await-started"},
		{"9.7.2", "9.7.4", "", "source.ndb4", "stop-node replace-node start-node await-started"},
		{"9.7.2", "9.7.4", "", "replica.sql", "stop-replica stop-node replace-node start-node await-serving log-row encrypt-logs purge-clear " + go1},
		{"9.7.2", "9.7.4", "", "source.sql", stand + "stop-node replace-node start-node await-serving log-row encrypt-logs commit-fence purge-clear repoint " + go1 + " let-writers"},
		{"9.7.4", "9.7.4-fix1", "", "replica.sql", "stop-replica stop-node replace-node start-node await-serving " + go1},
		{"9.7.4", "9.7.4-fix1", "", "source.sql", stand + "stop-node replace-node start-node await-serving commit-fence repoint " + go1 + " let-writers"},
		{"9.7.4", "9.7.4-fix1", "replica.sql", "back.replica.sql", "stop-replica stop-node replace-node start-node await-serving log-row encrypt-logs purge-clear " + go1},
		{"8.0.25", "8.0.44", "", "replica.sql", "stop-replica stop-node replace-node start-node await-serving log-row encrypt-logs purge-clear " + go1},
		{"8.0.25", "8.4.2", "", "replica.sql", "stop-replica stop-node migrate-keyring replace-node start-node await-serving " + go1},
		{"8.0.25", "8.4.2", "source.sql", "source.sql", stand + "stop-node keep-copy migrate-keyring replace-node start-node await-serving commit-fence repoint " + go1 + " let-writers"},
		{"8.0.25", "8.4.2", "source.sql", "back.source.sql", stand + "stop-node restore-copy start-node await-serving commit-fence repoint " + go1 + " let-writers"},
		{"8.0.25", "8.4.2", "source.sql", "back.replica.sql", "stop-replica stop-node restore-copy start-node await-serving repoint-applied " + go1},
		{"8.0.25", "8.4.2", "source.ndb1", "replica.sql", "stop-replica stop-node keep-copy migrate-keyring replace-node start-node await-serving " + go1},
		{"9.7.4", "26.7.0", "replica.sql", "back.replica.mgm", "stop-node replace-node start-node await-started"},
	} {
		s := stepOf(t, planOf(t, c.from, c.to, Options{RollbackAt: c.at}), c.step)
		var got []string
		for _, a := range s.Actions {
			got = append(got, string(a))
			assert.True(t, s.Does(a))
		}
		assert.Equal(t, c.want, strings.Join(got, " "), "%s to %s, %s", c.from, c.to, c.step)
		assert.Equal(t, strings.HasPrefix(c.step, "back."), s.Back)
		assert.Equal(t, map[bool]string{false: c.to, true: c.from}[s.Back], s.To.String())
	}
}

// With a second mysqld writers stand while the channel changes over, and write while
// the first is away; and a plan may go back from copies where it could in place.
func TestPlanActionsByWish(t *testing.T) {
	const over = "stop-writers catch-up stop-replica write-to-%s commit-fence %srepoint start-replica let-writers catch-up"
	second := func(purge string) string {
		return "start-second " + fmt.Sprintf(over, "second", "") + " stop-node replace-node start-node await-serving " +
			"log-row encrypt-logs " + fmt.Sprintf(over, "own", purge) + " drop-second"
	}
	for _, c := range []struct {
		o    Options
		want map[string]string
	}{
		{Options{SpareSQL: true, RollbackAt: "source.sql"}, map[string]string{
			"source.sql": second("purge-clear "), "back.source.sql": second("purge-clear "),
			"replica.sql": "stop-replica stop-node replace-node start-node await-serving log-row encrypt-logs purge-clear start-replica catch-up",
			"source.mgm":  "stop-node replace-node start-node await-started",
		}},
		{Options{Copies: true, RollbackAt: "source.sql"}, map[string]string{
			"replica.sql":      "stop-replica stop-node keep-copy replace-node start-node await-serving log-row encrypt-logs purge-clear start-replica catch-up",
			"back.replica.sql": "stop-replica stop-node restore-copy start-node await-serving log-row encrypt-logs purge-clear repoint-applied start-replica catch-up",
			"back.source.ndb1": "stop-node replace-node start-node await-started",
		}},
		{Options{Copies: true}, map[string]string{
			"replica.sql": "stop-replica stop-node replace-node start-node await-serving log-row encrypt-logs purge-clear start-replica catch-up",
		}},
	} {
		p := planOf(t, "9.7.2", "9.7.4", c.o)
		for id, want := range c.want {
			var got []string
			for _, a := range stepOf(t, p, id).Actions {
				got = append(got, string(a))
			}
			assert.Equal(t, want, strings.Join(got, " "), "%s %+v", id, c.o)
		}
	}
}

// Logs that are clear by the profile need nothing of F1's.
func TestPlanOfAClearPair(t *testing.T) {
	r, clear := release.MustParse("9.7.2"), secure.Weaken(secure.Published2021(), secure.NoBinlogEncryption)
	source, replica := topology.Standard(topology.Source, r, vendor, clear), topology.Standard(topology.Replica, r, vendor, clear)
	p, err := New(source, replica, release.MustParse("9.7.4"), Options{})
	require.NoError(t, err)
	assert.False(t, stepOf(t, p, "source.sql").Does(LogRow))
	assert.Empty(t, p.Problems(source, replica))
}

func TestUpgradeRefuses(t *testing.T) {
	for _, c := range []struct {
		from, to, at, want string
		change             func(source, replica *topology.Spec)
	}{
		{from: "8.0.44", to: "9.7.4", want: "go by 8.4"},
		{from: "9.7.4", to: "8.4.10", want: "a mysqld goes back within its own line only"},
		{from: "9.7.4", to: "9.7.4", want: "has a suffix"},
		{from: "9.7.2", to: "9.7.4", at: "replica.ndb9", want: `roll-back at "replica.ndb9": no such step; there are replica.mgm, replica.ndb1`},
		{from: "9.7.2", to: "9.7.4", want: "begins with one release", change: func(_, r *topology.Spec) { r.Release = release.MustParse("9.7.4") }},
		{from: "9.7.2", to: "9.7.4", want: "there are 1, 1 and 3", change: func(s, _ *topology.Spec) { s.Nodes = append(s.Nodes[:1:1], s.Nodes[2:]...) }},
	} {
		source, replica := twoOf(c.from)
		if c.change != nil {
			c.change(&source, &replica)
		}
		_, err := New(source, replica, release.MustParse(c.to), Options{RollbackAt: c.at})
		require.ErrorContains(t, err, c.want)
	}
}

func TestPlanText(t *testing.T) {
	p := planOf(t, "9.7.2", "9.7.4", Options{RollbackAt: "replica.sql"})
	text := p.Text(map[string]Mark{
		"replica.mgm":  {State: Done, Seconds: 12.34},
		"replica.ndb1": {State: Failed},
		"replica.ndb2": {State: AtIt, Seconds: 3},
	})
	for l := range strings.Lines(text) {
		assert.Less(t, len([]rune(l)), 100+1, l) // with its line break
	}
	for _, want := range []string{
		"upgrade from 9.7.2 to 9.7.4: replica cluster first, then source, in 6 steps.",
		"rolled back to 9.7.2, in reverse order, in 6 steps", "No DDL while a cluster runs two releases",
		"done 12.3 s", "failed", "at it 3.0 s", "waiting", "back.replica.sql",
	} {
		assert.Contains(t, text, want)
	}
	assert.Contains(t, planOf(t, "9.7.4", "9.7.2", Options{}).Text(nil), "downgrade from 9.7.4 to 9.7.2: source cluster first")
	assert.Contains(t, p.Only(topology.Replica).Text(nil), "of the replica cluster only")
}
