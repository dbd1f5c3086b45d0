package topology_test

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// twoOf are the clusters of a pair of a release. 8.0.25 has the plugin, as in the procedure.
func twoOf(r string) (source, replica topology.Spec) {
	source, replica = standard(topology.Source, r, vendor), standard(topology.Replica, r, vendor)
	source.KeyringPlugin = r == "8.0.25"
	replica.KeyringPlugin = source.KeyringPlugin
	return source, replica
}

func planOf(t *testing.T, from, to string, o topology.PlanOptions) topology.Plan {
	t.Helper()
	source, replica := twoOf(from)
	p, err := topology.Upgrade(source, replica, release.MustParse(to), o)
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
	dir, r := filepath.Join("testdata", "plan-"+source.Release.String()+"-"+to), release.MustParse(to)
	for name, o := range map[string]topology.PlanOptions{
		"plan.txt":      {},
		"per-group.txt": {PerGroup: true},
		"rollback.txt":  {PerGroup: true, RollbackAt: "replica.sql"},
		"undo.txt":      {PerGroup: true, RollbackAt: "source.sql"},
		"second.txt":    {PerGroup: true, SpareSQL: true},
		"copies.txt":    {PerGroup: true, RollbackAt: "source.sql", Copies: true},
	} {
		p, err := topology.Upgrade(*source, *replica, r, o)
		require.NoError(t, err)
		assert.NoError(t, p.Check(*source, *replica), "%s %s", dir, name)
		golden(t, filepath.Join(dir, name), []byte(p.Text(nil)))
	}
	for _, s := range []*topology.Spec{source, replica} {
		goldenFiles(t, filepath.Join(dir, "before"), *s)
		*s = s.To(r, vendor)
		goldenFiles(t, filepath.Join(dir, "after"), *s)
	}
}

func goldenFiles(t *testing.T, dir string, s topology.Spec) {
	t.Helper()
	files, err := s.Render()
	require.NoError(t, err)
	golden(t, filepath.Join(dir, s.Name+".nodes.txt"), listing(files))
	for _, c := range files {
		for _, f := range c.Files {
			if name := path.Base(f.Path); name == "config.ini" || name == "my.cnf" {
				golden(t, filepath.Join(dir, s.Name+"."+name), f.Content)
			}
		}
	}
}

func stepIDs(p topology.Plan) string {
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
	assert.Equal(t, replica+" "+source, stepIDs(planOf(t, "9.7.2", "9.7.4", topology.PlanOptions{})))
	assert.Equal(t,
		"replica.mgm replica.ndb1+ndb3 replica.ndb2+ndb4 replica.sql source.mgm source.ndb1+ndb3 source.ndb2+ndb4 source.sql",
		stepIDs(planOf(t, "9.7.2", "9.7.4", topology.PlanOptions{PerGroup: true})))
	assert.Equal(t,
		"replica.mgm replica.ndb1 replica.ndb2 back.replica.ndb2 back.replica.ndb1 back.replica.mgm",
		stepIDs(planOf(t, "9.7.2", "9.7.4", topology.PlanOptions{RollbackAt: "replica.ndb2"})))
	assert.Equal(t,
		"source.sql source.ndb2+ndb4 source.ndb1+ndb3 source.mgm replica.sql replica.ndb2+ndb4 replica.ndb1+ndb3 replica.mgm",
		stepIDs(planOf(t, "9.7.4", "9.7.2", topology.PlanOptions{PerGroup: true})),
		"a downgrade is an upgrade backwards")
}

func stepOf(t *testing.T, p topology.Plan, id string) topology.PlanStep {
	t.Helper()
	for _, s := range p.Steps {
		if s.ID == id {
			return s
		}
	}
	require.Fail(t, "no such step", id)
	return topology.PlanStep{}
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
		s := stepOf(t, planOf(t, c.from, c.to, topology.PlanOptions{RollbackAt: c.at}), c.step)
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

// With a second mysqld writers stand while the channel changes over, and not while
// the first is away; and a way back from copies, where nobody must, is a plan, too.
func TestPlanActionsByWish(t *testing.T) {
	const over = "stop-writers catch-up stop-replica write-to-%s commit-fence %srepoint start-replica let-writers catch-up"
	second := func(purge string) string {
		return "start-second " + fmt.Sprintf(over, "second", "") + " stop-node replace-node start-node await-serving " +
			"log-row encrypt-logs " + fmt.Sprintf(over, "own", purge) + " drop-second"
	}
	for _, c := range []struct {
		o    topology.PlanOptions
		want map[string]string
	}{
		{topology.PlanOptions{SpareSQL: true, RollbackAt: "source.sql"}, map[string]string{
			"source.sql": second("purge-clear "), "back.source.sql": second("purge-clear "),
			"replica.sql": "stop-replica stop-node replace-node start-node await-serving log-row encrypt-logs purge-clear start-replica catch-up",
			"source.mgm":  "stop-node replace-node start-node await-started",
		}},
		{topology.PlanOptions{Copies: true, RollbackAt: "source.sql"}, map[string]string{
			"replica.sql":      "stop-replica stop-node keep-copy replace-node start-node await-serving log-row encrypt-logs purge-clear start-replica catch-up",
			"back.replica.sql": "stop-replica stop-node restore-copy start-node await-serving log-row encrypt-logs purge-clear repoint-applied start-replica catch-up",
			"back.source.ndb1": "stop-node replace-node start-node await-started",
		}},
		{topology.PlanOptions{Copies: true}, map[string]string{
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

// A second mysqld has a place, a name and a log of its own, on the same data nodes.
func TestWithSecond(t *testing.T) {
	source, replica := twoOf("9.7.4")
	second := source.WithSecond()
	assert.NotEqual(t, source.LinkHost(), second.LinkHost())
	assert.NotContains(t, []uint32{source.ServerID, replica.ServerID}, second.ServerID)
	assert.Equal(t, source.Connectstring(), second.Connectstring())
	files, err := second.Render()
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "9.7.4", "second.my.cnf"), files[len(files)-1].Files[0].Content)
	assert.Len(t, source.Of(topology.Mysqld), 1)
	assert.Equal(t, "sql", source.Of(topology.Mysqld)[0].Name, "the Spec itself stays")
}

// Logs that are clear by the profile need nothing of F1's.
func TestPlanOfAClearPair(t *testing.T) {
	r, clear := release.MustParse("9.7.2"), secure.Weaken(secure.Seed2021(), secure.NoBinlogEncryption)
	source, replica := topology.Standard(topology.Source, r, vendor, clear), topology.Standard(topology.Replica, r, vendor, clear)
	p, err := topology.Upgrade(source, replica, release.MustParse("9.7.4"), topology.PlanOptions{})
	require.NoError(t, err)
	assert.False(t, stepOf(t, p, "source.sql").Does(topology.LogRow))
	assert.Empty(t, p.Faults(source, replica))
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
		_, err := topology.Upgrade(source, replica, release.MustParse(c.to), topology.PlanOptions{RollbackAt: c.at})
		require.ErrorContains(t, err, c.want)
	}
}

// The configuration that a cluster is given on its way: the plugin as long as
// there is one, then the component; ON at the start where F1 allows it.
func TestTo(t *testing.T) {
	s, _ := twoOf("8.0.25")
	for _, c := range []struct {
		to         string
		plugin, on bool
	}{
		{"8.0.44", true, false},
		{"8.4.2", false, true},
		{"9.7.4", false, false},
		{"9.7.4-fix1", false, true},
		{"8.0.18", true, true},
	} {
		got := s.To(release.MustParse(c.to), fhs)
		assert.Equal(t, c.plugin, got.KeyringPlugin, c.to)
		assert.Equal(t, c.on, got.EncryptAtStart, c.to)
		assert.True(t, got.Reload)
		assert.Equal(t, fhs, got.Layout)
		_, mycnf := rendered(t, got)
		assert.Equal(t, c.plugin, strings.Contains(mycnf, "keyring_file_data="), c.to)
	}
	assert.False(t, s.Reload, "the Spec itself stays")
	weak := topology.Standard(topology.Source, release.MustParse("9.7.4"), vendor, secure.Weaken(secure.Seed2021(), secure.NoBinlogEncryption))
	assert.False(t, weak.To(release.MustParse("9.7.4-fix1"), vendor).EncryptAtStart)
}

func TestKeyringMigration(t *testing.T) {
	s, _ := twoOf("8.0.25")
	sql := s.Of(topology.Mysqld)[0]
	c, err := s.KeyringMigration(sql)
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "plan-8.0.44-8.4.10", "migration.txt"), listing(topology.Files{c}))

	// It writes where the next release's mysqld reads, and reads from elsewhere.
	next, err := s.To(release.MustParse("8.4.10"), vendor).Render()
	require.NoError(t, err)
	assert.Contains(t, next[len(next)-1].Files, c.Files[0])
	assert.NotContains(t, string(c.Files[0].Content), `"/var/lib/mysql/keys/keyring-plugin"`)

	_, err = s.KeyringMigration(s.Of(topology.Mgmd)[0])
	require.ErrorContains(t, err, "has no keyring_file plugin")
	s.KeyringPlugin = false
	_, err = s.KeyringMigration(sql)
	require.ErrorContains(t, err, "has no keyring_file plugin")
	s.KeyringPlugin, s.Release = true, release.MustParse("8.0.20")
	_, err = s.KeyringMigration(sql)
	require.ErrorContains(t, err, "go by the latest 8.0")
}

func TestPlanText(t *testing.T) {
	p := planOf(t, "9.7.2", "9.7.4", topology.PlanOptions{RollbackAt: "replica.sql"})
	text := p.Text(map[string]topology.StepMark{
		"replica.mgm":  {State: topology.StepDone, Seconds: 12.34},
		"replica.ndb1": {State: topology.StepFailed},
		"replica.ndb2": {State: topology.StepAtIt, Seconds: 3},
	})
	for l := range strings.Lines(text) {
		assert.Less(t, len([]rune(l)), 100+1, l) // with its line break
	}
	for _, want := range []string{
		"upgrade from 9.7.2 to 9.7.4: replica cluster first, then source, in 6 steps.",
		"rolled back to 9.7.2, in reverse order, in 6 steps", "DDL is held back",
		"done 12.3 s", "failed", "at it 3.0 s", "waiting", "back.replica.sql",
	} {
		assert.Contains(t, text, want)
	}
	assert.Contains(t, planOf(t, "9.7.4", "9.7.2", topology.PlanOptions{}).Text(nil), "downgrade from 9.7.4 to 9.7.2: source cluster first")
	assert.Contains(t, p.Only(topology.Replica).Text(nil), "of the replica cluster only")
}
