package load

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/topology"
)

// fakeServer keeps the rows of one table. Behaviour is scripted: trouble is asked
// before every INSERT and gives the error to answer with, and whether the row gets
// in nevertheless.
type fakeServer struct {
	trouble func(key uint64) (err error, in bool)
	engine  string
	delay   time.Duration
	dial    error

	mu   sync.Mutex
	rows map[uint64]stored
}

func (f *fakeServer) Connect(context.Context) (driver.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dial != nil {
		return nil, f.dial
	}
	return &fakeConn{f}, nil
}
func (f *fakeServer) Driver() driver.Driver { return nil }

type fakeConn struct{ *fakeServer }

func (c *fakeConn) Prepare(string) (driver.Stmt, error) { return c, nil }
func (c *fakeConn) Close() error                        { return nil }
func (c *fakeConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (c *fakeConn) NumInput() int                       { return -1 }

func (c *fakeConn) Exec([]driver.Value) (driver.Result, error) { return nil, driver.ErrSkip }
func (c *fakeConn) Query([]driver.Value) (driver.Rows, error)  { return nil, driver.ErrSkip }

// CheckNamedValue lets every value through as it is.
func (c *fakeConn) CheckNamedValue(*driver.NamedValue) error { return nil }

func (c *fakeConn) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return driver.ResultNoRows, nil
	}
	if c.delay > 0 {
		t := time.NewTimer(c.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := stored{
		id: args[0].Value.(uint64), n: int64(args[1].Value.(int32)),
		c: []byte(args[2].Value.(string)), at: []byte(args[3].Value.(string)),
	}
	r.b, _ = args[4].Value.([]byte)
	var err error
	in := true
	if c.trouble != nil {
		err, in = c.trouble(r.id)
	}
	if _, there := c.rows[r.id]; there && err == nil {
		return nil, serverError(1062, "Duplicate entry")
	}
	if in {
		c.rows[r.id] = r
	}
	return driver.RowsAffected(1), err
}

func (c *fakeConn) QueryContext(_ context.Context, args []driver.NamedValue) (driver.Rows, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(args) == 2 {
		return &fakeRows{1, [][]driver.Value{{c.engine}}}, nil
	}
	return &fakeRows{1, [][]driver.Value{{int64(len(c.rows))}}}, nil
}

type fakeRows struct {
	n    int
	rows [][]driver.Value
}

func (r *fakeRows) Columns() []string { return make([]string, r.n) }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// table gives the server's rows to the judge.
func (f *fakeServer) table() []stored {
	var out []stored
	for _, key := range slices.Sorted(maps.Keys(f.rows)) {
		out = append(out, f.rows[key])
	}
	return out
}

// bubble is a test in fake time with a writer that runs.
type bubble struct {
	*testing.T
	w *Writer
}

// play starts a writer on a fake server in a bubble of fake time.
func play(t *testing.T, f *fakeServer, o Options, body func(bubble)) {
	t.Helper()
	f.rows = map[uint64]stored{}
	if f.engine == "" {
		f.engine = "ndbcluster"
	}
	if f.delay == 0 {
		f.delay = time.Millisecond
	}
	synctest.Test(t, func(t *testing.T) {
		db := sql.OpenDB(f)
		defer func() { _ = db.Close() }()
		w, err := Start(t.Context(), db, o)
		require.NoError(t, err)
		synctest.Wait() // every connection has a row in flight
		body(bubble{t, w})
		assert.True(t, w.isDone(), "the writer is still running")
	})
}

func stopped(t bubble) Counts {
	c, err := t.w.Stop(t.Context())
	require.NoError(t, err)
	require.Equal(t, c.Sent, c.Acked+c.Failed+c.Unknown)
	return c
}

func TestWriterWritesUntilStopped(t *testing.T) {
	f := &fakeServer{}
	play(t, f, Options{Seed: 5, Connections: 3}, func(t bubble) {
		w := t.w
		require.NoError(t, w.Wait(t.Context(), 100, 2*time.Second))
		c := stopped(t)
		assert.Len(t, f.rows, int(c.Acked))
		assert.GreaterOrEqual(t, c.Seconds, 2.0)
		assert.Equal(t, uint64(1), c.FirstKey)
		assert.Equal(t, Latency{time.Millisecond, time.Millisecond, time.Millisecond}, c.Latency)
		again, err := w.Stop(t.Context())
		require.NoError(t, err)
		assert.Equal(t, c, again)
		n := 0
		for r := range w.Expected() {
			require.True(t, f.rows[r.ID].is(r))
			n++
		}
		assert.Len(t, f.rows, n)
		found, err := judge(&w.ledger, 5, given(f.table()))
		require.NoError(t, err)
		assert.True(t, found.OK(), found)
	})
}

func TestWriterKeepsItsRate(t *testing.T) {
	f := &fakeServer{}
	play(t, f, Options{Rate: 200}, func(t bubble) {
		w := t.w
		require.NoError(t, w.Wait(t.Context(), 0, 10*time.Second))
		c := stopped(t)
		assert.InDelta(t, 2000, c.Acked, 20)
		for _, n := range c.PerSecond[:10] {
			assert.InDelta(t, 200, n, 4)
		}
	})
}

// Temporary errors and lost connections are gone through, and what became of each
// row is told rightly, whether the lost ones got in or not.
func TestWriterGoesOnThroughTrouble(t *testing.T) {
	tries := map[uint64]int{}
	f := &fakeServer{trouble: func(key uint64) (error, bool) {
		tries[key]++
		switch {
		case key%10 == 0 && tries[key] < 3:
			return serverError(1297, "Got temporary error 4010 'Node failure caused abort of transaction' from NDBCLUSTER"), false
		case key%23 == 0:
			return mysql.ErrInvalidConn, key%2 == 0
		case key%31 == 0 && tries[key] < 2:
			return driver.ErrBadConn, false
		}
		return nil, true
	}}
	play(t, f, Options{}, func(t bubble) {
		w := t.w
		require.NoError(t, w.Wait(t.Context(), 500, 0))
		c := stopped(t)
		assert.Zero(t, c.Failed)
		assert.Positive(t, c.Unknown)
		assert.Positive(t, c.Errors["1297 NDB 4010"])
		assert.Equal(t, c.Unknown, c.Errors["connection lost"]-(c.Retries-c.Errors["1297 NDB 4010"]))
		found, err := judge(&w.ledger, 0, given(f.table()))
		require.NoError(t, err)
		assert.True(t, found.OK(), found)
		assert.Equal(t, found.Expected, c.Acked)
		assert.Equal(t, c.Unknown, found.Unknown)
		assert.NotEmpty(t, found.There)
		assert.Less(t, len(found.There), int(found.Unknown))
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
		w := t.w
		require.NoError(t, w.Wait(t.Context(), 10, 0))
		c := stopped(t)
		assert.Equal(t, int64(1), c.Unknown)
		found, err := judge(&w.ledger, 0, given(f.table()))
		require.NoError(t, err)
		assert.Equal(t, []uint64{3}, found.There)
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
		w := t.w
		err := w.Wait(t.Context(), 1000, 0)
		require.ErrorContains(t, err, "the writer has ended after")
		require.ErrorContains(t, err, "The table 't1' is full")
		c, err := w.Stop(t.Context())
		require.ErrorContains(t, err, "write row 5")
		assert.Positive(t, c.Failed)
		assert.Equal(t, c.Sent, c.Acked+c.Failed)
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
				w := t.w
				err := w.Wait(t.Context(), 1000, 0)
				require.ErrorContains(t, err, "the writer has ended after 20 rows")
				c, err := w.Stop(t.Context())
				require.ErrorIs(t, err, answer)
				assert.InDelta(t, 10, c.Seconds, 1)
				assert.Less(t, c.Retries+c.Unknown, int64(300), "it pauses between tries")
			})
		})
	}
}

// A server that hangs is left at the end of the stop's own time; the rows in
// flight are unknown.
func TestStopBreaksOff(t *testing.T) {
	f := &fakeServer{delay: time.Hour}
	play(t, f, Options{Patience: 2 * time.Hour}, func(t bubble) {
		w := t.w
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		c, err := w.Stop(ctx)
		require.ErrorContains(t, err, "rows in flight were broken off")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, int64(2), c.Unknown)
	})
}

func TestStopWhileTheServerIsAway(t *testing.T) {
	f := &fakeServer{trouble: func(uint64) (error, bool) { return driver.ErrBadConn, false }}
	play(t, f, Options{}, func(t bubble) {
		w := t.w
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, w.Wait(ctx, 1, 0))
		c := stopped(t)
		assert.Equal(t, int64(2), c.Failed)
		assert.Zero(t, c.Acked)
		require.Error(t, Enough(c, 0))
	})
}

func TestVerifyWantsAStoppedWriter(t *testing.T) {
	play(t, &fakeServer{}, Options{}, func(t bubble) {
		_, err := t.w.Verify(t.Context(), nil, topology.Source)
		require.ErrorContains(t, err, "stop it first")
		stopped(t)
	})
}

func TestStartRefuses(t *testing.T) {
	denied := serverError(1045, "Access denied")
	for _, c := range []struct {
		f    *fakeServer
		want string
	}{
		{&fakeServer{engine: "InnoDB"}, "the table's engine is InnoDB instead of NDBCLUSTER"},
		{&fakeServer{dial: denied}, "Access denied"},
		{&fakeServer{dial: errors.New("connection refused")}, "connection refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			db := sql.OpenDB(c.f)
			defer func() { _ = db.Close() }()
			_, err := Start(t.Context(), db, Options{Patience: time.Second})
			require.ErrorContains(t, err, "start the workload on test1.t1")
			require.ErrorContains(t, err, c.want)
		})
	}
}
