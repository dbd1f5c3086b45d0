package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
// least 2.5 times faster than by dumping and comparing the files. Nor is there more
// room needed where every row differs and no order is known. Then the table grows
// tenfold, to show how the cost grows. make bench prints the lines.
func TestParitySpeed(t *testing.T) {
	harness.In(t, harness.Nightly)
	ctx := bounded(t, 40*time.Minute)
	p := harness.Pair(t, harness.Release(), func(s *topology.Spec) {
		s.Tuning.DataMemory, s.Tuning.TransactionMemory, s.Tuning.SharedGlobalMemory = 1280, 0, 128
		s.Tuning.RedoBuffer, s.Tuning.FragmentLogFileSize, s.Tuning.NoOfFragmentLogFiles = 32, 64, 4
	})
	const million = 1_000_000
	fill(ctx, t, p, 0, million)
	var small speeds
	for range 3 {
		small.turns(ctx, t, p, million, 3)
		small.add("dumps", dumped(ctx, t, p, false))
		small.add("dumps at once", dumped(ctx, t, p, true))
	}
	t.Logf("parity %.2fx of two CHECKSUM TABLEs: %.2f s against %.2f s, %d rows (medians of 9 turns)",
		small.ratio(), small.seconds("parity"), small.seconds("checksum"), million)
	times := small.seconds("dumps") / small.seconds("parity")
	t.Logf("parity is %.2f times faster than mysqldump --order-by-primary of both sides, one after the other, and cmp (%.2f s); both at once take %.2f s",
		times, small.seconds("dumps"), small.seconds("dumps at once"))
	peak := peakMemory(t)
	t.Logf("peak memory of the harness %d MiB", peak>>20)
	assert.LessOrEqual(t, small.ratio(), 1.8)
	assert.GreaterOrEqual(t, times, 2.5)
	assert.Less(t, peak, int64(256<<20))

	unordered(ctx, t, p, million)
	fill(ctx, t, p, million, 10*million)
	var large speeds
	large.turns(ctx, t, p, 10*million, 3)
	t.Logf("tenfold: parity %.2fx of two CHECKSUM TABLEs: %.2f s against %.2f s; ten times the rows cost parity %.1f and CHECKSUM %.1f times as much, peak memory %d MiB",
		large.ratio(), large.seconds("parity"), large.seconds("checksum"),
		large.seconds("parity")/small.seconds("parity"), large.seconds("checksum")/small.seconds("checksum"), peakMemory(t)>>20)
}

// unordered compares as many rows that can only be read whole, for their key has no
// ordered index: alike at first, then each of them another one.
func unordered(ctx context.Context, t *testing.T, p *cluster.Pair, rows int) {
	t.Helper()
	o := parity.Options{Tables: []string{"bench.hashed"}}
	compare := func() parity.Report {
		r, err := parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Replica).DB, o)
		require.NoError(t, err)
		return r
	}
	const chunk = 5000
	statements := []string{"CREATE TABLE bench.hashed (id BIGINT NOT NULL, n INT NOT NULL, c VARCHAR(64) NOT NULL, at DATETIME(6) NOT NULL, b VARBINARY(32) NOT NULL, PRIMARY KEY (id) USING HASH) ENGINE=NDBCLUSTER"}
	var changes []string
	for id := 0; id < rows; id += chunk {
		statements = append(statements, fmt.Sprintf("INSERT INTO bench.hashed SELECT * FROM bench.rows1 WHERE id >= %d AND id < %d", id, id+chunk))
		changes = append(changes, fmt.Sprintf("UPDATE bench.hashed h JOIN bench.rows1 r ON h.id = r.id SET h.n = h.n + 1 WHERE r.id >= %d AND r.id < %d", id, id+chunk))
	}
	both(t, func(_ int, side topology.Side) error { return unlogged(ctx, p, side, statements...) })
	alike := compare()
	require.True(t, alike.Equal(), "%+v", alike)
	require.NoError(t, unlogged(ctx, p, topology.Replica, changes...))
	other := compare()
	require.Equal(t, int64(rows), other.Tables[0].Mismatched)
	peak := peakMemory(t)
	t.Logf("without an ordered key: parity %.2f s where all rows are alike, %.2f s where none is; peak memory %d MiB", alike.Seconds, other.Seconds, peak>>20)
	assert.Less(t, peak, int64(256<<20))
	both(t, func(_ int, side topology.Side) error { return unlogged(ctx, p, side, "DROP TABLE bench.hashed") })
}

// speeds holds what was measured, in seconds, by what was done.
type speeds map[string][]float64

func (s *speeds) add(what string, seconds float64) {
	if *s == nil {
		*s = speeds{}
	}
	(*s)[what] = append((*s)[what], seconds)
}

func (s speeds) seconds(what string) float64 { return median(slices.Clone(s[what])) }

// ratio is the median of the turns' own ratios: the machine's speed changes by
// half within minutes, and falls on both halves of a turn alike.
func (s speeds) ratio() float64 {
	var of []float64
	for i, parity := range s["parity"] {
		of = append(of, parity/s["checksum"][i])
	}
	return median(of)
}

// turns measures n times, CHECKSUM TABLE on both sides and parity by turns.
func (s *speeds) turns(ctx context.Context, t *testing.T, p *cluster.Pair, rows int64, n int) {
	t.Helper()
	for range n {
		begin := time.Now()
		both(t, func(_ int, side topology.Side) error {
			var table string
			var sum int64
			return p.Server(side).DB.QueryRowContext(ctx, "CHECKSUM TABLE bench.rows1").Scan(&table, &sum)
		})
		s.add("checksum", time.Since(begin).Seconds())
		r, err := parity.Compare(ctx, p.Server(topology.Source).DB, p.Server(topology.Replica).DB, parity.Options{Databases: []string{"bench"}, Connections: 2})
		require.NoError(t, err)
		require.True(t, r.Equal(), "%+v", r)
		source, _ := r.Rows()
		require.Equal(t, rows, source)
		s.add("parity", r.Seconds)
	}
}

// both does the same on both sides at once.
func both(t *testing.T, f func(i int, side topology.Side) error) {
	t.Helper()
	var g errgroup.Group
	for i, side := range topology.Sides {
		g.Go(func() error { return f(i, side) })
	}
	require.NoError(t, g.Wait())
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
	statements := []string{
		"CREATE DATABASE IF NOT EXISTS bench",
		"CREATE TABLE IF NOT EXISTS bench.rows1 (id BIGINT NOT NULL PRIMARY KEY, n INT NOT NULL, c VARCHAR(64) NOT NULL, at DATETIME(6) NOT NULL, b VARBINARY(32) NOT NULL) ENGINE=NDBCLUSTER",
	}
	for id := from; id < to; id += chunk {
		statements = append(statements, fmt.Sprintf(insert, id, min(id+chunk, to)))
	}
	both(t, func(_ int, side topology.Side) error { return unlogged(ctx, p, side, statements...) })
}

// dumped gives the seconds that an operator needs without the harness, with the
// clusters' containers and a shell: a dump of each side into a file, and cmp.
func dumped(ctx context.Context, t *testing.T, p *cluster.Pair, atOnce bool) float64 {
	t.Helper()
	dir := t.TempDir()
	dump := func(i int, side topology.Side) error {
		raw, err := p.Inspect(ctx, side, p.Clusters()[i].SQLNode().Name)
		if err != nil {
			return err
		}
		var container struct{ ID string }
		if err := json.Unmarshal(raw, &container); err != nil {
			return err
		}
		out, err := os.Create(filepath.Join(dir, string(side)))
		if err != nil {
			return err
		}
		defer out.Close() //nolint:errcheck // cmp reads it
		cmd := exec.CommandContext(ctx, "docker", "exec", "-e", "MYSQL_PWD", container.ID,
			"mysqldump", "--no-defaults", "--host=127.0.0.1", "--protocol=tcp", "--user="+secure.AdminUser, "--ssl-mode=REQUIRED",
			"--order-by-primary", "--no-tablespaces", "--skip-comments", "bench")
		cmd.Env = append(os.Environ(), "MYSQL_PWD="+p.Password(side, secure.AdminUser).Reveal())
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("mysqldump on the %s: %w", side, err)
		}
		return nil
	}
	begin := time.Now()
	if atOnce {
		both(t, dump)
	} else {
		for i, side := range topology.Sides {
			require.NoError(t, dump(i, side))
		}
	}
	out, err := exec.CommandContext(ctx, "cmp", filepath.Join(dir, string(topology.Source)), filepath.Join(dir, string(topology.Replica))).CombinedOutput()
	require.NoError(t, err, "%s", out)
	seconds := time.Since(begin).Seconds()
	require.NoError(t, os.RemoveAll(dir))
	return seconds
}

// peakMemory is the most that this process has held, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Maxrss << 10
}
