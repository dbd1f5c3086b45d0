package scenarios

import (
	"context"
	"database/sql"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/claim"
	"ndbproof/harness/claim/all"
	"ndbproof/harness/cluster"
	"ndbproof/harness/evidence"
	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Nothing to look at never passes: the claim is not looked at, says why, and a
// run with it exits 3. Each guard is tried on a pair on which all is well but for
// the one thing that is kept from the claim.
func TestNothingToLookAt(t *testing.T) {
	harness.In(t, harness.Core)
	ctx := bounded(t, 4*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	some := writes(ctx, t, p)
	pair := func(change func(*claim.Subject, *written)) claim.Subject {
		w := some
		s := claim.Subject{Spec: p.Spec, Channel: p.Channel, Keys: p, Files: p, Host: p, Wire: p, Disks: p}
		change(&s, &w)
		s.Writers = w
		return s
	}
	well := looked(ctx, t, claim.RowsRunningID, pair(func(*claim.Subject, *written) {}))
	require.Equal(t, evidence.Held, well.Status, "%s %v", well.Reason, well.Violations)
	require.Equal(t, evidence.ExitHeld, evidence.Conclude(evidence.Results{Claims: []evidence.Outcome{well}}, nil).Exit)

	for _, g := range []struct {
		guard, claim, says string
		change             func(*claim.Subject, *written)
	}{
		{"no epoch applied since the run began", claim.RowsRunningID, "no epoch was applied since the run began", func(_ *claim.Subject, w *written) { w.totals.Before = 1 << 63 }},
		{"no file", claim.LogsBinlogEncryptedID, "the source has no binary log with anything in it (0 files)", func(s *claim.Subject, _ *written) { s.Files = withoutFiles{p, topology.Source, "binlog."} }},
		{"no row", claim.RowsParityID, "the writer has written no row", func(_ *claim.Subject, w *written) { *w = written{ledger: unwritten{}} }},
		{"fewer rows than asked", claim.RowsParityID, "fewer rows than asked", func(_ *claim.Subject, w *written) { w.totals.Wanted = 1 << 40 }},
		{"throughput under the floor", claim.RowsParityID, "throughput under the floor", func(_ *claim.Subject, w *written) { w.totals.Floor = 1e12 }},
		{"no relay log at scan time", claim.LogsRelaylogEncryptedID, "the replica has no relay log with anything in it (0 files)", func(s *claim.Subject, _ *written) { s.Files = withoutFiles{p, topology.Replica, "relay."} }},
		{"no packets", claim.TrafficClientID, "no packet was seen at source sql", func(s *claim.Subject, _ *written) { s.Wire = withoutPackets{p} }},
		{"a node missing from a scan", claim.RestSecretsID, "the replica's sql: no file of its volume was scanned", func(s *claim.Subject, _ *written) { s.Disks = withoutNode{p, topology.Replica, "sql"} }},
		{"nothing that lists files", claim.LogsBinlogEncryptedID, "cannot look here: needs files", func(s *claim.Subject, _ *written) { s.Files = nil }},
	} {
		t.Run(g.guard, func(t *testing.T) {
			o := looked(ctx, t, g.claim, pair(g.change))
			require.Equal(t, evidence.NotLooked, o.Status, "%v", o.Violations)
			require.Contains(t, o.Reason, g.says)
			res := evidence.Conclude(evidence.Results{Claims: []evidence.Outcome{well, o}}, nil)
			require.Equal(t, evidence.ExitNotLooked, res.Exit)
			t.Logf("%.1f s: %s", o.Seconds, o.Reason)
		})
	}
}

// looked looks at one claim.
func looked(ctx context.Context, t *testing.T, id string, s claim.Subject) evidence.Outcome {
	t.Helper()
	all := all.Claims()
	i := slices.IndexFunc(all, func(c claim.Claim) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, "no claim %s", id)
	return claim.Run(ctx, all[i], s, evidence.At(t.TempDir()), secure.Published2021())
}

// written is what was written to a pair.
type written struct {
	totals load.Totals
	ledger load.Ledger
}

func (w written) Totals() load.Totals                         { return w.totals }
func (w written) Settle(context.Context) (load.Totals, error) { return w.totals, nil }
func (w written) Ledger() load.Ledger                         { return w.ledger }

// writes has the procedure's inserts done, a hundred of them.
func writes(ctx context.Context, t *testing.T, p *cluster.Pair) written {
	t.Helper()
	const rows = 100
	before, err := p.Channel.Applied(ctx)
	require.NoError(t, err)
	w, err := load.Start(ctx, p.Server(topology.Source).DB, load.Options{Rate: rows, Ledger: filepath.Join(t.TempDir(), "ledger")})
	require.NoError(t, err)
	require.NoError(t, w.Wait(ctx, rows, 0))
	c, err := w.Stop(ctx)
	require.NoError(t, err)
	b, err := w.Book()
	require.NoError(t, err)
	return written{load.Totals{
		Database: "test1", Table: "t1", Acked: c.Acked, Wanted: rows, Seconds: c.Seconds, Floor: 1, Before: uint64(before),
	}, load.Books{b}}
}

// unwritten is the ledger of a writer that has not written.
type unwritten struct{}

func (unwritten) Check(_ context.Context, side topology.Side, _ *sql.DB) ([]load.Findings, error) {
	return []load.Findings{{Side: side}}, nil
}

func (unwritten) Opinion(string, string, uint64) string { return "" }

// withoutFiles hides files of one side whose names begin alike and end in a
// number.
type withoutFiles struct {
	claim.Files
	side topology.Side
	base string
}

func (w withoutFiles) List(ctx context.Context, side topology.Side, name, dir string) ([]node.Stat, error) {
	all, err := w.Files.List(ctx, side, name, dir)
	return slices.DeleteFunc(all, func(s node.Stat) bool {
		number, numbered := strings.CutPrefix(path.Base(s.Path), w.base)
		return side == w.side && numbered && strings.Trim(number, "0123456789") == ""
	}), err
}

// withoutPackets captures windows in which nothing travels.
type withoutPackets struct{ claim.Wire }

func (w withoutPackets) Capture(ctx context.Context, at []topology.NodeRef, o node.CaptureOrder) (func(context.Context) ([]node.Captured, error), error) {
	end, err := w.Wire.Capture(ctx, at, o)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]node.Captured, error) {
		seen, err := end(ctx)
		for i := range seen {
			seen[i] = node.Captured{NodeRef: seen[i].NodeRef, Headers: seen[i].Headers}
		}
		return seen, err
	}, nil
}

// withoutNode leaves a node out of scans.
type withoutNode struct {
	claim.Disks
	side topology.Side
	node string
}

func (w withoutNode) Scan(ctx context.Context, needles []node.Needle) (node.PairSearch, error) {
	found, err := w.Disks.Scan(ctx, needles)
	found.Nodes = slices.DeleteFunc(found.Nodes, func(n node.NodeSearch) bool { return n.Side == w.side && n.Node == w.node })
	return found, err
}
