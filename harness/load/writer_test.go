package load

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bubble is a test in fake time with a writer that runs.
type bubble struct {
	*testing.T
	w *Writer
}

// play starts a writer on a fake server in a bubble of fake time.
func play(t *testing.T, f *fakeServer, o Options, body func(bubble)) {
	t.Helper()
	f.tables = map[string]map[uint64][][]any{}
	if f.engine == "" {
		f.engine = "ndbcluster"
	}
	if f.delay == 0 {
		f.delay = time.Millisecond
	}
	o.Ledger = filepath.Join(t.TempDir(), "ledger")
	synctest.Test(t, func(t *testing.T) {
		db := sql.OpenDB(f)
		defer func() { _ = db.Close() }()
		w, err := Start(t.Context(), db, o)
		require.NoError(t, err)
		synctest.Wait() // every connection has a write in flight
		body(bubble{t, w})
		assert.True(t, w.isDone(), "the writer is still running")
	})
}

// stopped stops the writer and reads its ledger, which must count as it did.
func stopped(t bubble) (Counts, *Book) {
	t.Helper()
	c, err := t.w.Stop(t.Context())
	require.NoError(t, err)
	return c, book(t, c)
}

func book(t bubble, c Counts) *Book {
	t.Helper()
	require.Equal(t, c.Sent, c.Acked+c.Failed+c.Unknown)
	b, err := t.w.Book()
	require.NoError(t, err)
	require.False(t, b.Torn)
	for k, n := range b.Kinds {
		require.Equal(t, c.Kinds[Kind(k).String()], n, Kind(k).String())
	}
	return b
}

// Every workload, all alone and through trouble of all kinds: what the ledger
// says is what the server has.
func TestLedgerTellsWhatTheServerHas(t *testing.T) {
	calm := func(uint64) (error, bool) { return nil, true }
	n := 0
	rough := func(uint64) (error, bool) {
		n++
		switch {
		case n%10 == 0:
			return serverError(1297, "Got temporary error 4010 'Node failure caused abort of transaction' from NDBCLUSTER"), false
		case n%23 == 0:
			return mysql.ErrInvalidConn, n%2 == 0
		case n%31 == 0:
			return driver.ErrBadConn, false
		}
		return nil, true
	}
	for _, wl := range Workloads() {
		for name, trouble := range map[string]func(uint64) (error, bool){"calm": calm, "rough": rough} {
			t.Run(wl.Name+" "+name, func(t *testing.T) {
				f := &fakeServer{trouble: trouble}
				play(t, f, Options{Workload: wl, Connections: 3, Seed: 5}, func(t bubble) {
					require.NoError(t, t.w.Wait(t.Context(), 1500, 0))
					c, b := stopped(t)
					j := f.judged(t, b)
					require.Zero(t, j.found.Faults(), "%+v", j.found)
					require.Positive(t, j.found.Expected)
					seen := int64(0)
					for _, n := range j.found.Compared {
						seen += n
					}
					require.Positive(t, seen)
					require.LessOrEqual(t, seen, c.Acked)
					if name == "calm" {
						require.Equal(t, c.Sent, c.Acked)
						require.Zero(t, j.found.Unknown)
						require.Equal(t, j.found.Compared["transaction"], c.Kinds["transaction"].Acked, "each leaves a note in the journal")
						return
					}
					require.Positive(t, c.Unknown)
					require.Positive(t, c.Retries)
					require.NotEmpty(t, j.found.There)
					require.Less(t, len(j.found.There), int(j.found.Unknown))
				})
			})
		}
	}
}

// The total of all accounts is what was paid in, however transfers ended.
func TestTransfersKeepTheTotal(t *testing.T) {
	n := 0
	f := &fakeServer{trouble: func(uint64) (error, bool) {
		if n++; n%7 == 0 {
			return mysql.ErrInvalidConn, n%2 == 0
		}
		return nil, true
	}}
	play(t, f, Options{Workload: Transfers()}, func(t bubble) {
		require.NoError(t, t.w.Wait(t.Context(), 500, 0))
		stopped(t)
		total, accounts := int64(0), int64(0)
		for _, table := range []string{"savings", "current"} {
			for _, rows := range f.tables[table] {
				total += rows[0][0].(int64)
				accounts++
			}
		}
		assert.Equal(t, accounts*Opening, total)
	})
}

func TestWriterKeepsItsRate(t *testing.T) {
	f := &fakeServer{}
	lag := func(context.Context) (time.Duration, error) { return 3 * time.Second, nil }
	play(t, f, Options{Rate: 200, Lag: lag}, func(t bubble) {
		require.NoError(t, t.w.Wait(t.Context(), 0, 10*time.Second))
		c, _ := stopped(t)
		assert.InDelta(t, 2000, c.Acked, 20)
		assert.InDelta(t, time.Millisecond, c.Latency.P50, float64(50*time.Microsecond))
		for _, s := range c.PerSecond[1:10] {
			assert.InDelta(t, 200, s.Acked, 4)
			require.NotNil(t, s.Lag)
			assert.InDelta(t, 3.0, *s.Lag, 0)
		}
	})
}

func TestRefusalThatWasNoneIsUnknown(t *testing.T) {
	tries := map[uint64]int{}
	f := &fakeServer{trouble: func(key uint64) (error, bool) {
		if tries[key]++; key == 3 && tries[key] == 1 {
			return serverError(1213, "Deadlock found"), true
		}
		return nil, true
	}}
	play(t, f, Options{Connections: 1}, func(t bubble) {
		require.NoError(t, t.w.Wait(t.Context(), 10, 0))
		c, b := stopped(t)
		assert.Equal(t, int64(1), c.Unknown)
		j := f.judged(t, b)
		assert.Equal(t, []string{"t1 3"}, j.found.There)
	})
}

func TestWriterEndsAtALastingError(t *testing.T) {
	f := &fakeServer{trouble: func(key uint64) (error, bool) {
		if key >= 50 {
			return serverError(1114, "The table 't1' is full"), false
		}
		return nil, true
	}}
	play(t, f, Options{}, func(t bubble) {
		err := t.w.Wait(t.Context(), 1000, 0)
		require.ErrorContains(t, err, "the writer has ended after")
		require.ErrorContains(t, err, "The table 't1' is full")
		c, err := t.w.Stop(t.Context())
		require.ErrorContains(t, err, "insert of key 5")
		assert.Positive(t, c.Failed)
		book(t, c)
		require.Error(t, Enough(c, 1000))
	})
}

func TestWriterLosesPatience(t *testing.T) {
	away := serverError(1296, "Got error 157 'Could not connect to storage engine' from NDBCLUSTER")
	for name, answer := range map[string]error{"refused": serverError(1205, "Lock wait timeout"), "unknown": away} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{trouble: func(key uint64) (error, bool) {
				if key > 20 {
					return answer, false
				}
				return nil, true
			}}
			play(t, f, Options{Patience: 10 * time.Second}, func(t bubble) {
				err := t.w.Wait(t.Context(), 1000, 0)
				require.ErrorContains(t, err, "the writer has ended after 20 writes")
				c, err := t.w.Stop(t.Context())
				require.ErrorIs(t, err, answer)
				assert.InDelta(t, 10, c.Seconds, 1)
				assert.Less(t, c.Retries+c.Unknown, int64(300), "it pauses between tries")
			})
		})
	}
}

// A server that hangs is left at the end of the stop's own time; the writes in
// flight are unknown.
func TestStopBreaksOff(t *testing.T) {
	watched, severed := &fakeServer{delay: time.Hour}, &fakeServer{delay: time.Hour}
	for f, sever := range map[*fakeServer]func(){watched: nil, severed: severed.sever} {
		play(t, f, Options{Patience: 2 * time.Hour, Sever: sever}, func(t bubble) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			c, err := t.w.Stop(ctx)
			require.ErrorContains(t, err, "writes in flight were broken off")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, int64(2), c.Unknown)
		})
	}
}

// So is one that hangs for longer than the writer's patience, also where
// only Sever can break off a write.
func TestPatienceEnds(t *testing.T) {
	f := &fakeServer{delay: time.Hour}
	play(t, f, Options{Patience: time.Minute, Sever: f.sever}, func(t bubble) {
		begun := time.Now()
		<-t.w.done
		assert.InDelta(t, time.Minute, time.Since(begun), float64(time.Second))
		require.ErrorContains(t, t.w.err, "nothing acknowledged for 1m0s")
	})
}

func TestStopWhileTheServerIsAway(t *testing.T) {
	f := &fakeServer{trouble: func(uint64) (error, bool) { return driver.ErrBadConn, false }}
	play(t, f, Options{}, func(t bubble) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, t.w.Wait(ctx, 1, 0))
		c, _ := stopped(t)
		assert.Equal(t, int64(2), c.Failed)
		assert.Zero(t, c.Acked)
		require.Error(t, Enough(c, 0))
	})
}

// A row that is held is left alone, and comes back when it is released.
func TestHoldKeepsTheWriterAway(t *testing.T) {
	f := &fakeServer{}
	only := Churn()
	only.Streams[0].Insert, only.Streams[0].Least, only.Streams[0].Most = 1, 2, 2
	only.Streams[0].Delete = 0
	play(t, f, Options{Workload: only, Connections: 1}, func(t bubble) {
		require.NoError(t, t.w.Wait(t.Context(), 20, 0))
		value := func(key uint64) any {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.tables["churn"][key][0][1]
		}
		release, err := t.w.Hold(t.Context(), only.Database, "churn", 1)
		require.NoError(t, err)
		held, free := value(1), value(2)
		so := t.w.Counts().Acked
		require.NoError(t, t.w.Wait(t.Context(), so+50, 0))
		assert.Equal(t, held, value(1))
		assert.NotEqual(t, free, value(2))
		release()
		release()
		require.NoError(t, t.w.Wait(t.Context(), t.w.Counts().Acked+50, 0))
		assert.NotEqual(t, held, value(1))
		_, err = t.w.Hold(t.Context(), "elsewhere", "churn", 1)
		require.NoError(t, err)
		stopped(t)
	})
}

func TestStartRefuses(t *testing.T) {
	denied := serverError(1045, "Access denied")
	for _, c := range []struct {
		f    *fakeServer
		want string
	}{
		{&fakeServer{engine: "InnoDB"}, "the engine of test1.t1 is InnoDB instead of NDBCLUSTER"},
		{&fakeServer{dial: denied}, "Access denied"},
		{&fakeServer{dial: errors.New("connection refused")}, "connection refused"},
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			db := sql.OpenDB(c.f)
			defer func() { _ = db.Close() }()
			_, err := Start(t.Context(), db, Options{Patience: time.Second, Ledger: dir})
			require.ErrorContains(t, err, "start workload insert-only")
			require.ErrorContains(t, err, c.want)
		})
	}
}
