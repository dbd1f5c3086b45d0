package scenarios

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ndbproof/harness"
	"ndbproof/harness/cluster"
	"ndbproof/harness/parity"
	"ndbproof/harness/secure"
	"ndbproof/harness/topology"
)

// Both sides of a million rows are compared in at most 1.8 times what two CHECKSUM
// TABLEs take, one on each side at the same moment, in less than 256 MiB, and at
// least 2.5 times faster than mysqldump of both sides. Then the table grows
// tenfold, to show how the cost grows. make bench prints the lines.
func TestParitySpeed(t *testing.T) {
	ctx := bounded(t, 40*time.Minute)
	p := harness.Pair(t, harness.Release(), func(s *topology.Spec) {
		s.Tuning.DataMemory, s.Tuning.TransactionMemory, s.Tuning.SharedGlobalMemory = 1280, 0, 128
		s.Tuning.RedoBuffer, s.Tuning.FragmentLogFileSize, s.Tuning.NoOfFragmentLogFiles = 32, 64, 4
	})
	const million = 1_000_000
	fill(ctx, t, p, 0, million)
	small := times(ctx, t, p, million)
	t.Logf("parity %.2fx of two CHECKSUM TABLEs: %.2f s against %.2f s, %d rows (medians of 5)", small.ratio(), small.parity, small.checksum, million)
	dump := dumped(ctx, t, p)
	t.Logf("parity is %.2f times faster than mysqldump of both sides (%.2f s), without cmp", dump/small.parity, dump)
	peak := peakMemory(t)
	t.Logf("peak memory of the harness %d MiB", peak>>20)
	assert.LessOrEqual(t, small.ratio(), 1.8)
	assert.GreaterOrEqual(t, dump/small.parity, 2.5)
	assert.Less(t, peak, int64(256<<20))

	fill(ctx, t, p, million, 10*million)
	large := times(ctx, t, p, 10*million)
	t.Logf("tenfold: parity %.2fx of two CHECKSUM TABLEs: %.2f s against %.2f s; ten times the rows cost parity %.1f and CHECKSUM %.1f times as much, peak memory %d MiB",
		large.ratio(), large.parity, large.checksum, large.parity/small.parity, large.checksum/small.checksum, peakMemory(t)>>20)
}

// speed holds medians, in seconds.
type speed struct{ parity, checksum float64 }

func (s speed) ratio() float64 { return s.parity / s.checksum }

// times measures in turns, so that what else the machine does falls on both.
func times(ctx context.Context, t *testing.T, p *cluster.Pair, rows int64) speed {
	t.Helper()
	var parities, checksums []float64
	for range 5 {
		begin := time.Now()
		var g errgroup.Group
		for _, side := range topology.Sides {
			g.Go(func() error {
				var table string
				var sum int64
				return p.Admin(side).QueryRowContext(ctx, "CHECKSUM TABLE bench.rows1").Scan(&table, &sum)
			})
		}
		require.NoError(t, g.Wait())
		checksums = append(checksums, time.Since(begin).Seconds())
		r, err := parity.Compare(ctx, p.Admin(topology.Source), p.Admin(topology.Replica), parity.Options{Databases: []string{"bench"}, Connections: 2})
		require.NoError(t, err)
		require.True(t, r.Equal(), "%+v", r)
		source, _ := r.Rows()
		require.Equal(t, rows, source)
		parities = append(parities, r.Seconds)
	}
	return speed{median(parities), median(checksums)}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// fill makes the same rows on both sides at once, past the channel.
func fill(ctx context.Context, t *testing.T, p *cluster.Pair, from, to int) {
	t.Helper()
	const chunk = 5000
	const insert = `INSERT INTO bench.rows1 WITH RECURSIVE n AS (SELECT %[1]d AS id UNION ALL SELECT id + 1 FROM n WHERE id + 1 < %[2]d)
 SELECT id, CRC32(id) >> 1, CONCAT('row ', id, ' ', LEFT(SHA2(id, 256), 20 + id %% 30)),
  TIMESTAMP'2020-01-01 00:00:00' + INTERVAL id * 1000003 MICROSECOND, UNHEX(SHA2(id, 256)) FROM n`
	var g errgroup.Group
	for _, side := range topology.Sides {
		g.Go(func() error {
			conn, err := p.Admin(side).Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close() //nolint:errcheck // back to the pool
			statements := []string{
				"SET SESSION sql_log_bin=0, cte_max_recursion_depth=1000000",
				"CREATE DATABASE IF NOT EXISTS bench",
				"CREATE TABLE IF NOT EXISTS bench.rows1 (id BIGINT NOT NULL PRIMARY KEY, n INT NOT NULL, c VARCHAR(64) NOT NULL, at DATETIME(6) NOT NULL, b VARBINARY(32) NOT NULL) ENGINE=NDBCLUSTER",
			}
			for id := from; id < to; id += chunk {
				statements = append(statements, fmt.Sprintf(insert, id, min(id+chunk, to)))
			}
			for _, s := range append(statements, "SET SESSION sql_log_bin=1") {
				if _, err := conn.ExecContext(ctx, s); err != nil {
					return fmt.Errorf("fill the %s: %w", side, err)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

// dumped gives the seconds that mysqldump takes for both sides at once. What it
// prints is thrown away in the node: that is the least that comparing dumps costs.
func dumped(ctx context.Context, t *testing.T, p *cluster.Pair) float64 {
	t.Helper()
	begin := time.Now()
	var g errgroup.Group
	for i, side := range topology.Sides {
		g.Go(func() error {
			out, err := p.Run(ctx, side, p.Clusters()[i].SQLNode().Name, topology.Command{
				Argv: []string{
					"mysqldump", "--no-defaults", "--host=127.0.0.1", "--protocol=tcp", "--user=" + secure.AdminUser, "--ssl-mode=REQUIRED",
					"--order-by-primary", "--no-tablespaces", "--skip-comments", "--result-file=/dev/null", "bench",
				},
				Env: map[string]string{"MYSQL_PWD": p.Password(side, secure.AdminUser).Reveal()},
			})
			if err == nil && out.Exit != 0 {
				err = fmt.Errorf("mysqldump on the %s: exit %d: %s", side, out.Exit, out.Stderr)
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	return time.Since(begin).Seconds()
}

// peakMemory is the most that this process has held, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Maxrss << 10
}
