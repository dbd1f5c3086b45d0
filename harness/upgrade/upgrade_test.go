package upgrade

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/failure"
	"ndbproof/harness/load"
	"ndbproof/harness/poll"
	"ndbproof/harness/release"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
	"ndbproof/harness/upgrade/compare"
	"ndbproof/harness/upgrade/plan"
	"ndbproof/harness/upgrade/step"
)

var layout = release.Layout{Bin: "/b", Sbin: "/b", Plugin: "/p"}

// planned is an upgrade of which nothing runs.
func planned(t *testing.T, from, to string, twist *Twist) *upgrading {
	t.Helper()
	before, after := release.MustParse(from), release.MustParse(to)
	u := &upgrading{
		Job: Job{
			Options: Options{PerGroup: true, Twist: twist}, Promised: secure.Published2021(), Pair: &cluster.Pair{},
			From: Target{Release: before, Image: "image-" + from}, To: Target{Release: after, Image: "image-" + to},
		},
		report: compare.Report{From: from, To: to},
		builds: builds{programs: map[string]map[topology.Role]string{}, specs: map[string]map[topology.Side]topology.Spec{from: {}, to: {}}},
	}
	var specs [2]topology.Spec
	for i, side := range topology.Sides {
		specs[i] = topology.Standard(side, before, layout, u.Promised)
		c := &cluster.Cluster{Spec: specs[i], Side: side}
		for _, n := range specs[i].Nodes {
			c.Nodes = append(c.Nodes, &cluster.Node{Node: n, Side: side})
		}
		if side == topology.Source {
			u.Pair.Source, u.Source = c, specs[i]
		} else {
			u.Pair.Replica, u.Replica = c, specs[i]
		}
		u.builds.specs[from][side], u.builds.specs[to][side] = specs[i], specs[i].To(after, layout)
	}
	for _, name := range []string{from, to} {
		u.builds.programs[name] = map[topology.Role]string{}
		for _, role := range []topology.Role{topology.Mgmd, topology.Ndbmtd, topology.Mysqld} {
			u.builds.programs[name][role] = name + " " + string(role)
		}
	}
	var err error
	u.course, err = u.plot()
	require.NoError(t, err)
	return u
}

// ran are the programs as they are once the first steps of what is carried out
// have been.
func (u *upgrading) ran(steps int) []compare.Program {
	image := map[string]string{}
	for _, s := range u.course.steps[:steps] {
		for _, n := range s.Nodes {
			image[string(s.Side)+" "+n] = u.twist().image(s.Side, n, "image-"+s.To.String(), "image-"+s.From.String())
		}
	}
	return u.programsBy(func(name string) string {
		if i := image[name]; i != "" {
			return i[len("image-"):]
		}
		return u.report.From
	})
}

// After every step the plan has every node on one release, and only the mysqld
// reports a build's suffix.
func TestProgramsAfterEveryStep(t *testing.T) {
	u := planned(t, "9.7.4", "9.7.4-fix1", nil)
	for i, s := range u.course.steps {
		k := compare.CheckPrograms(u.ran(i+1), u.wanted(s.ID), u.ran(0))
		require.Equal(t, evidence.Held, k.Status, "%s: %s", s.ID, k.Text)
		require.Equal(t, 12, k.Seen)
		late := compare.CheckPrograms(u.ran(i), u.wanted(s.ID), u.ran(0))
		require.Equal(t, evidence.Violated, late.Status, "before %s", s.ID)
	}
	for _, p := range u.ran(len(u.course.steps)) {
		want := "9.7.4"
		if p.Node == "sql" {
			want = "9.7.4-fix1"
		}
		assert.Equal(t, want, p.Version, "%s %s", p.Side, p.Node)
	}
}

// CheckPrograms finds every twist that is to show in the programs, by the end of
// the plan; and every twist changes something.
func TestTwists(t *testing.T) {
	found := map[string]string{}
	for _, twist := range Twists() {
		require.NotEmpty(t, twist.Want)
		require.NoError(t, release.Path(release.MustParse(twist.From), release.MustParse(twist.To)))
		u := planned(t, twist.From, twist.To, &twist)
		require.True(t, u.twist().quick())
		for i, s := range u.course.steps {
			if k := compare.CheckPrograms(u.ran(i+1), u.wanted(s.ID), u.ran(0)); k.Status == evidence.Violated {
				found[twist.Name] = s.ID
				assert.Equal(t, "programs", twist.Want)
				break
			}
		}
		if twist.Want == "programs" {
			assert.NotEmpty(t, found[twist.Name], twist.Name)
			continue
		}
		spec := u.builds.specs[twist.To][topology.Replica]
		as := u.twist().spec(spec, plan.Step{Role: topology.Mysqld})
		changed := as.EncryptAtStart != spec.EncryptAtStart || as.Profile.BinlogEncryption != spec.Profile.BinlogEncryption || twist.SQL != "" || twist.Idle
		assert.True(t, changed, "%s changes nothing", twist.Name)
		assert.Equal(t, spec, u.twist().spec(spec, plan.Step{Role: topology.Ndbmtd}), "of a data node nothing")
	}
	assert.Equal(t, map[string]string{
		"a data node stays on the old program": "replica.ndb1+ndb3",
		"a step skipped":                       "replica.ndb2+ndb4",
		"the source upgraded first":            "source.mgm",
	}, found)
}

// A mysqld that is restarted under the old release takes the steps that this one
// needs, whatever the new one does.
func TestRestartActions(t *testing.T) {
	for from, needs := range map[string]bool{"9.7.4": true, "9.7.4-fix1": false} {
		u := planned(t, from, "9.7.4-fix2", nil)
		all := u.restartActions(plan.Step{Side: topology.Replica, To: release.MustParse(from)})
		assert.Equal(t, needs, plan.Step{Actions: all}.Does(plan.EncryptLogs), from)
		assert.Equal(t, plan.StopReplica, all[0])
		assert.Equal(t, plan.CatchUp, all[len(all)-1])
	}
}

// A defect is absent only where a mysqld of the new release has been tried, and seen
// only where one of it has died.
func TestDefectsOfAnUpgrade(t *testing.T) {
	of := func(from, to string, done []string, failed error) compare.Defect {
		u := planned(t, from, to, nil)
		for _, id := range done {
			u.course.marks[id] = plan.Mark{State: plan.Done}
		}
		return u.knownDefects(failed)[0]
	}
	assert.Equal(t, evidence.DefectAbsent, of("9.7.4", "9.7.4-fix1", []string{"replica.sql"}, nil).Status, "mended")
	assert.Equal(t, evidence.DefectNotTried, of("9.7.4", "9.7.4-fix1", []string{"replica.mgm", "replica.ndb1+ndb3"}, nil).Status, "no mysqld has run")
	around := of("9.7.2", "9.7.4", []string{"replica.sql"}, nil)
	assert.True(t, around.WorkedAround)
	assert.Equal(t, evidence.DefectNotTried, around.Status)
	assert.Contains(t, around.Text, "ndbproof run --release 9.7.4 --as-written")
	dead := fmt.Errorf("step: %w", &cluster.Death{Side: topology.Replica, Node: "sql", Defect: release.F1.ID, Signal: "11"})
	assert.Equal(t, evidence.DefectSeen, of("9.7.4", "9.7.4-fix1", []string{"replica.sql"}, dead).Status)
	old := of("9.7.4", "9.7.4-fix1", []string{"replica.mgm"}, dead)
	assert.Equal(t, evidence.DefectNotTried, old.Status, "it died of it under the old release")
	assert.Contains(t, old.Text, "under 9.7.4: replica sql died")
	assert.Equal(t, evidence.DefectNotTried, of("9.7.4", "9.7.4-fix1", []string{"replica.sql"}, errors.New("something else")).Status)
}

func TestCause(t *testing.T) {
	stopped := plan.Step{Side: topology.Source, Nodes: []string{"ndb1", "ndb3"}}
	dead := &cluster.Death{Side: topology.Source, Node: "sql", Exit: 2, Signal: "11", Stack: []string{"<unknown>", "THD::x"}, Defect: "F1"}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(dead)
	assert.False(t, failure.Interrupted(ctx))
	for _, err := range []error{fmt.Errorf("x: %w", dead), errors.New("what followed from it")} {
		c := deathOf(ctx, err)
		require.NotNil(t, c)
		assert.Equal(t, compare.Died, c.Kind)
		assert.Equal(t, "11", c.Signal)
	}
	assert.Equal(t, compare.Killed, causeOfDeath(&cluster.Death{OOM: true}).Kind)

	late := &step.Failed{Step: "source.ndb1+ndb3", Action: plan.AwaitStarted, Err: &poll.Timeout{What: "node 3 to start", Last: errors.New("phase 5"), Context: context.DeadlineExceeded}}
	want := compare.Cause{Kind: compare.Hung, Side: topology.Source, Node: "ndb1, ndb3", Fact: "node 3 to start", Reason: "phase 5"}
	assert.Equal(t, &want, hang(stopped, fmt.Errorf("y: %w", late)))
	stuck := &step.Failed{Step: "source.sql", Action: plan.StopReplica, Err: fmt.Errorf("STOP REPLICA: %w", context.DeadlineExceeded)}
	want.Fact, want.Reason = "the end of stop-replica", "STOP REPLICA: context deadline exceeded"
	assert.Equal(t, &want, hang(stopped, fmt.Errorf("y: %w", stuck)))
	assert.Nil(t, hang(stopped, errors.New("a claim")))

	// What ends the run from outside is no hang of a node's.
	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt"))
	assert.True(t, failure.Interrupted(ctx))
	assert.Nil(t, planned(t, "9.7.2", "9.7.4", nil).cause(ctx, stopped, late))
}

// Each role has a node that can be restarted to compare with, wherever the plan
// turns back.
func TestEveryRoleIsMeasured(t *testing.T) {
	u := planned(t, "9.7.2", "9.7.4", nil)
	for _, steps := range [][]plan.Step{u.course.whole, unGrouped(t)} {
		u.course.whole = steps
		for _, role := range []topology.Role{topology.Mgmd, topology.Ndbmtd, topology.Mysqld} {
			s, err := u.restart("after", u.From.Release, role)
			require.NoError(t, err)
			assert.Equal(t, role, s.Role)
			assert.Len(t, s.Nodes, 1)
			assert.Equal(t, topology.Replica, s.Side)
			assert.True(t, s.Does(plan.StartNode))
		}
	}
	u.starts = map[topology.Role][]float64{topology.Mgmd: {1}}
	assert.Equal(t, []topology.Role{topology.Ndbmtd, topology.Mysqld}, u.unmeasured(), "rolled back at replica.mgm")
	u.course.whole = nil
	_, err := u.restart("after", u.From.Release, topology.Mgmd)
	require.ErrorContains(t, err, "restart mgm of the replica cluster")
}

// unGrouped is the way with one data node at a time.
func unGrouped(t *testing.T) []plan.Step {
	t.Helper()
	r := release.MustParse("9.7.2")
	p, err := plan.New(topology.Standard(topology.Source, r, layout, secure.Published2021()), topology.Standard(topology.Replica, r, layout, secure.Published2021()),
		release.MustParse("9.7.4"), plan.Options{})
	require.NoError(t, err)
	return p.Steps
}

// All claims are judged when a cluster is done with, also where the plan turns back
// behind it.
func TestTurns(t *testing.T) {
	of := func(from, to, at string) (before []string) {
		r := release.MustParse(from)
		p, err := plan.New(topology.Standard(topology.Source, r, layout, secure.Published2021()), topology.Standard(topology.Replica, r, layout, secure.Published2021()),
			release.MustParse(to), plan.Options{PerGroup: true, RollbackAt: at})
		require.NoError(t, err)
		for i := 1; i < len(p.Steps); i++ {
			if turns(p.Steps[i-1], p.Steps[i]) {
				before = append(before, p.Steps[i].ID)
			}
		}
		return before
	}
	assert.Equal(t, []string{"source.mgm"}, of("9.7.2", "9.7.4", ""))
	assert.Equal(t, []string{"replica.sql"}, of("9.7.4", "9.7.2", ""))
	assert.Equal(t, []string{"back.replica.sql"}, of("9.7.2", "9.7.4", "replica.sql"))
	assert.Empty(t, of("9.7.2", "9.7.4", "replica.ndb1+ndb3"))
	assert.Equal(t, []string{"source.mgm", "back.source.sql", "back.replica.sql"}, of("9.7.2", "9.7.4", "source.sql"))
}

// What cannot be planned is refused before there is a pair.
func TestImpossibleUpgrades(t *testing.T) {
	from, to, p := release.MustParse("9.7.2"), release.MustParse("9.7.4"), secure.Published2021()
	require.NoError(t, Options{}.Possible(from, to, p))
	require.NoError(t, Options{RollbackAt: "replica.ndb1"}.Possible(from, to, p))
	require.NoError(t, Options{}.Possible(from, release.Release{}, p), "of an image whose release is not known yet")
	require.ErrorContains(t, Options{}.Possible(to, to, p), "both clusters run it already")
	require.ErrorContains(t, Options{RollbackAt: "replica.ndb1", PerGroup: true}.Possible(from, to, p), "no such step; there are replica.mgm, replica.ndb1+ndb3")
	require.Error(t, Options{}.Possible(release.MustParse("8.0.44"), to, p))
}

func TestSlow(t *testing.T) {
	require.NoError(t, slow(10, 10*time.Second, 10))
	require.ErrorContains(t, slow(9, 10*time.Second, 10), "9 writes acknowledged in 10.0 s, fewer than 10")
	require.NoError(t, slow(1, time.Second, 0))
	require.Error(t, slow(0, -time.Second, 0), "no write at all proves nothing")
}

// A server that is offered what it does not take says so; one that is not there is
// not one that refuses.
func TestRefusedTLS(t *testing.T) {
	refuses := &tls.Config{MinVersion: tls.VersionTLS13}
	client, server := net.Pipe()
	go func() { _ = tls.Server(server, refuses).HandshakeContext(t.Context()); _ = server.Close() }()
	cfg := offer(tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	cfg.ServerName = "source-sql"
	err := tls.Client(client, cfg).HandshakeContext(t.Context())
	require.Error(t, err)
	assert.True(t, refusedTLS(fmt.Errorf("x: %w", err)), err)
	assert.False(t, refusedTLS(io.EOF))
	assert.False(t, refusedTLS(&net.OpError{Op: "dial", Err: errors.New("connection refused")}))
	assert.Less(t, len(offers()), 40, "a server blocks a host after 100 that broke off")
}

func TestPace(t *testing.T) {
	two, four := 2.0, 4.0
	lag, err := meanLag([]load.Second{{Lag: &two}, {}, {Lag: &four}})
	require.NoError(t, err)
	assert.InDelta(t, 3.0, lag, 0)
	_, err = meanLag([]load.Second{{}, {}})
	require.ErrorContains(t, err, "did not tell", "a lag that was not measured is not one of 0 s")
	assert.InDelta(t, 5.0, median([]float64{9, 1, 5}), 0)
	assert.Zero(t, median(nil))
	assert.Equal(t, []string{"a", "", "b"}, lines("a\n\nb\n"))
	assert.Equal(t, []compare.Negotiated{{Side: topology.Source, Who: "channel", Version: "TLSv1.3", Suite: "TLS_AES_256_GCM_SHA384"}},
		negotiated(topology.Source, "channel", []string{"TLSv1.3 TLS_AES_256_GCM_SHA384"}))
	assert.Positive(t, seconds(time.Now().Add(-time.Second)))
}

// From the first copy on until the last one is put back no table may be made.
func TestRestoresAhead(t *testing.T) {
	source := topology.Standard(topology.Source, release.MustParse("9.7.2"), layout, secure.Published2021())
	replica := topology.Standard(topology.Replica, release.MustParse("9.7.2"), layout, secure.Published2021())
	ahead := func(o plan.Options) string {
		p, err := plan.New(source, replica, release.MustParse("9.7.4"), o)
		require.NoError(t, err)
		marks, from := map[string]plan.Mark{}, "never"
		for _, s := range p.Steps {
			marks[s.ID] = plan.Mark{State: plan.Done}
			switch is := restoresAhead(p.Steps, marks); {
			case is && from == "never":
				from = s.ID
			case !is && from != "never":
				return from + " to " + s.ID
			}
		}
		return from
	}
	assert.Equal(t, "replica.sql to back.replica.sql", ahead(plan.Options{PerGroup: true, Copies: true, RollbackAt: "source.sql"}))
	assert.Equal(t, "never", ahead(plan.Options{PerGroup: true, RollbackAt: "source.sql"}))
	assert.Equal(t, "never", ahead(plan.Options{Copies: true}))
}
