package scenarios

import (
	"context"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness"
	"ndbproof/harness/cluster"
	"ndbproof/harness/load"
	"ndbproof/harness/node"
	"ndbproof/harness/parity"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Twenty comparisons in a row of each workload on one pair, 15 s of load before
// each, without a false alarm. The workloads write side by side, each to its own
// database, and what each has written is held against its own ledger.
func TestNoFalseAlarm(t *testing.T) {
	harness.In(t, harness.Nightly)
	const rounds, before = 20, 15 * time.Second
	ctx := bounded(t, rounds*time.Minute)
	p := harness.Pair(t, harness.Release(), func(s *topology.Spec) { s.Tuning.DataMemory = 256 })
	begin, rows := time.Now(), int64(0)
	for round := range rounds {
		r := loadAndCompare(ctx, t, p, uint64(round), before)
		rows, _ = r.Rows()
	}
	t.Logf("%d comparisons of each of %d workloads, %s of load before each, %d rows in the last, no false alarm: %.0f s",
		rounds, len(load.Workloads()), before, rows, time.Since(begin).Seconds())
}

// loadAndCompare has every workload write for a while, stops them, and holds both
// sides against each other and against the ledgers.
func loadAndCompare(ctx context.Context, t *testing.T, p *cluster.Pair, seed uint64, d time.Duration) parity.Report {
	t.Helper()
	var writers []*load.Writer
	for _, w := range load.Workloads() {
		o := load.Options{Workload: w, Rate: 60, Seed: seed, Ledger: filepath.Join(t.TempDir(), "ledger-"+w.Name)}
		writer, err := load.Start(ctx, p.Server(topology.Source).DB, o)
		require.NoError(t, err, w.Name)
		writers = append(writers, writer)
	}
	for _, w := range writers {
		require.NoError(t, w.Wait(ctx, 1, d))
	}
	for _, w := range writers {
		c, err := w.Stop(ctx)
		require.NoError(t, err)
		require.NoError(t, load.Enough(c, int64(d.Seconds())), w.Workload().Name)
	}
	_, err := p.Channel.CatchUp(ctx)
	require.NoError(t, err)
	r, err := parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Replica).DB, parity.Options{Chunk: 1000})
	require.NoError(t, err)
	require.True(t, r.Equal(), "%+v", r)
	for _, w := range writers {
		b, err := w.Book()
		require.NoError(t, err)
		var found [2]load.Findings
		for i, side := range topology.Sides {
			f, err := b.Check(ctx, side, p.Server(side).DB)
			require.NoError(t, err)
			require.Zero(t, f.Faults(), "%+v", f)
			require.Positive(t, f.Expected, w.Workload().Name)
			for kind, compared := range f.Compared {
				require.Positive(t, compared, "%s of %s", kind, w.Workload().Name)
			}
			found[i] = f
		}
		require.Empty(t, load.Unlike(found[0], found[1]))
	}
	for _, side := range topology.Sides {
		const total = "SELECT SUM(balance), COUNT(*) FROM (SELECT balance FROM load_transfers.savings UNION ALL SELECT balance FROM load_transfers.current) AS accounts"
		var sum, accounts int64
		require.NoError(t, p.Server(side).DB.QueryRowContext(ctx, total).Scan(&sum, &accounts))
		require.Equal(t, accounts*load.Opening, sum, "what was paid in, on the %s", side)
	}
	return r
}

// Live mode on a pair that is written to all the while: rows that have only not
// come yet are no mismatch, nor are tables that are made, altered and dropped. Held
// behind a fence, and without either, as any two servers are compared.
func TestLiveComparisonWhileWriting(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 5*time.Minute)
	p := harness.Pair(t, harness.Release(), nil)
	var writers []*load.Writer
	for _, o := range []load.Options{{Workload: load.Churn(), Rate: 300}, {Workload: load.Mixed(), Rate: 50}, {Workload: load.Schema(), Rate: 20}} {
		o.Ledger = filepath.Join(t.TempDir(), "ledger")
		w, err := load.Start(ctx, p.Server(topology.Source).DB, o)
		require.NoError(t, err)
		writers = append(writers, w)
	}
	for _, w := range writers {
		require.NoError(t, w.Wait(ctx, 50, 5*time.Second))
	}
	held := &parity.Live{
		Hold: func(ctx context.Context, database, table string, key uint64) (func(), error) {
			for _, w := range writers {
				if w.Workload().Database == database {
					return w.Hold(ctx, database, table, key)
				}
			}
			return func() {}, nil
		},
		Fence: func(ctx context.Context) error { _, err := p.Channel.CatchUp(ctx); return err },
	}
	for name, live := range map[string]*parity.Live{"held": held, "any two servers": {}} {
		again, tables := int64(0), 0
		for range 10 {
			r, err := parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Replica).DB, parity.Options{Live: live})
			require.NoError(t, err)
			require.True(t, r.Equal(), "%+v", r)
			for _, table := range r.Tables {
				again += table.Again
			}
			tables += len(r.Tables)
		}
		t.Logf("%s: 10 comparisons of %d tables in all, beside writers; %d rows were read again", name, tables, again)
	}
	for _, w := range writers {
		c, err := w.Stop(ctx)
		require.NoError(t, err)
		if w.Workload().Name != "churn" {
			require.Positive(t, c.Kinds[load.DDL.String()].Acked, w.Workload().Name)
		}
	}
}

// At the same concurrency the writer is not slower than mysqlslap, over TLS, with
// the same single-row inserts on the same pair; a thousand writes a second cost
// less than 15% of one core, and noting one in the ledger at most 1% of its latency.
func TestWriterAgainstMysqlslap(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 6*time.Minute)
	p := harness.Pair(t, harness.Release(), func(s *topology.Spec) { s.Tuning.DataMemory = 256 })
	const rows, concurrency = 10_000, 4
	db, sever, err := p.Writing()
	require.NoError(t, err)
	start := func(o load.Options) *load.Writer {
		o.Connections, o.Ledger, o.Sever = concurrency, filepath.Join(t.TempDir(), "ledger"), sever
		w, err := load.Start(ctx, db, o)
		require.NoError(t, err)
		return w
	}
	warm := start(load.Options{})
	require.NoError(t, warm.Wait(ctx, rows/10, 0))
	_, err = warm.Stop(ctx)
	require.NoError(t, err)

	// By turns, and each against its neighbour: the machine's speed changes by half
	// within minutes.
	var ratios []float64
	for range 5 {
		w := start(load.Options{})
		require.NoError(t, w.Wait(ctx, rows, 0))
		c, err := w.Stop(ctx)
		require.NoError(t, err)
		ours, theirs := float64(c.Acked)/c.Seconds, rows/slap(ctx, t, p, rows, concurrency)
		t.Logf("writer %.0f rows/s, mysqlslap %.0f rows/s: %.2f times as fast", ours, theirs, ours/theirs)
		ratios = append(ratios, ours/theirs)
	}
	assert.GreaterOrEqual(t, median(ratios), 1.0, "as fast as mysqlslap, median of 5 turns")

	w := start(load.Options{Rate: 1000})
	before, begin := cpu(t), time.Now()
	require.NoError(t, w.Wait(ctx, 1, 10*time.Second))
	share := (cpu(t) - before).Seconds() / time.Since(begin).Seconds()
	c, err := w.Stop(ctx)
	require.NoError(t, err)
	rate := float64(c.Acked) / c.Seconds
	cost, err := load.LedgerCost(filepath.Join(t.TempDir(), "cost"), 100_000)
	require.NoError(t, err)
	t.Logf("%.0f writes/s at %.1f%% of a core; noting one in the ledger costs %s of %s, %.2f%%, and took %s with waiting for a core",
		rate, 100*share, cost, c.Latency.Mean, 100*float64(cost)/float64(c.Latency.Mean), c.Ledger)
	assert.Positive(t, c.Ledger)
	assert.LessOrEqual(t, cost, c.Latency.Mean/100, "an entry in the ledger, of a write's mean latency")
	assert.Less(t, share/max(rate, 1)*1000, 0.15, "for 1,000 writes a second")
}

// cpu is the time that this process has had on all cores.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// slap has mysqlslap insert rows like those of the procedure, and gives seconds.
// It runs in the node, so that the way to the server is shorter than ours.
func slap(ctx context.Context, t *testing.T, p *cluster.Pair, rows, concurrency int) float64 {
	t.Helper()
	const create = "CREATE TABLE slap (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL, " +
		"c VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, at DATETIME(6) NOT NULL, b VARBINARY(32) NULL) ENGINE=NDBCLUSTER"
	const insert = "INSERT INTO slap (n, c, at, b) VALUES (-1204937, 'abcdefghijklmnopqrstuvwxyz0123456789', '2024-05-06 07:08:09.123456', 0x00112233445566778899aabbccddeeff)"
	out, err := p.Run(ctx, topology.Source, p.Source.SQLNode().Name, node.Command{
		Argv: []string{
			"mysqlslap", "--no-defaults", "--host=127.0.0.1", "--protocol=tcp", "--user=" + secure.AdminUser, "--ssl-mode=REQUIRED",
			"--create-schema=slap", "--create=" + create, "--query=" + insert,
			fmt.Sprintf("--concurrency=%d", concurrency), fmt.Sprintf("--number-of-queries=%d", rows), "--csv",
		},
		Env: map[string]string{"MYSQL_PWD": p.Password(topology.Source, secure.AdminUser).Reveal()},
	})
	require.NoError(t, err)
	require.Zero(t, out.Exit, out.Stderr)
	records, err := csv.NewReader(strings.NewReader(out.Stdout)).ReadAll()
	require.NoError(t, err, out.Stdout)
	require.NotEmpty(t, records)
	require.Greater(t, len(records[0]), 2, out.Stdout)
	seconds, err := strconv.ParseFloat(records[0][2], 64) // engine, kind, average, ...
	require.NoError(t, err, out.Stdout)
	return seconds
}
