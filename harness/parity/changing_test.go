package parity

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// altering compares a table that is on its way from one schema to another. Both
// servers have it as they have v; what was read of it first differs.
func altering(t *testing.T, o Options, servers [2]*fakeServer, check func(t fakeT, c *comparison, p pairing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Chunk, o.Connections, o.First = 10, 1, 10
		c, p, done := fakeComparison(t, o, byInteger, servers)
		defer done()
		p.on[1].facts = facts{"column v": "varchar(20)"}
		check(t, c, p)
	})
}

func twoAlike() [2]*fakeServer {
	rows := map[int64]string{1: "a", 2: "b"}
	servers := [2]*fakeServer{byInteger.server(rows), byInteger.server(rows)}
	servers[0].v, servers[1].v = "varchar(30)", "varchar(30)"
	return servers
}

// A schema that has come when it is read again is no difference, however long the
// table was read before; and however short the time is, there is a second look.
func TestSchemaThatComes(t *testing.T) {
	for _, settle := range []time.Duration{0, 1} {
		servers := twoAlike()
		servers[0].moves = func(*fakeServer) { time.Sleep(30 * time.Second) } //nolint:forbidigo // of a bubble
		altering(t, Options{Live: &Live{Settle: settle}}, servers, func(t fakeT, c *comparison, p pairing) {
			got, err := c.changing(t.Context(), p)
			require.NoError(t, err)
			assert.True(t, got.Equal(), "%+v", got)
			assert.Equal(t, int64(2), got.RowsSource)
			assert.Equal(t, int64(4), c.progress.Rows)
		})
	}
}

// One that stays is reported, after a time; and at once where it is seen again.
func TestSchemaThatStays(t *testing.T) {
	servers := twoAlike()
	servers[1].v = "varchar(20)"
	altering(t, Options{Live: &Live{}}, servers, func(t fakeT, c *comparison, p pairing) {
		for _, seconds := range []float64{10, 0} {
			begin := time.Now()
			got, err := c.changing(t.Context(), p)
			require.NoError(t, err)
			assert.Contains(t, got.Schema, Difference{"column v", "varchar(30)", "varchar(20)"})
			assert.InDelta(t, seconds, time.Since(begin).Seconds(), 1)
			p, err = c.look(t.Context(), p.name, false)
			require.NoError(t, err)
		}
	})
}

// A table that is altered while it is read is read again, in new sessions; one that
// is gone on both sides is none; any other error is one.
func TestTableThatIsAltered(t *testing.T) {
	servers := twoAlike()
	servers[1].fails, servers[1].often = &mysql.MySQLError{Number: 1412}, 1
	altering(t, Options{Live: &Live{}}, servers, func(t fakeT, c *comparison, p pairing) {
		sessions := c.sides[1].sessions[0]
		got, err := c.changing(t.Context(), p)
		require.NoError(t, err)
		assert.True(t, got.Equal(), "%+v", got)
		assert.NotSame(t, sessions, c.sides[1].sessions[0])
	})
	servers = twoAlike()
	servers[0].v, servers[1].v = "", ""
	altering(t, Options{Live: &Live{}}, servers, func(t fakeT, c *comparison, p pairing) {
		_, err := c.changing(t.Context(), p)
		require.ErrorIs(t, err, errGone)
	})
	servers = twoAlike()
	servers[1].fails = driver.ErrBadConn
	altering(t, Options{Live: &Live{}}, servers, func(t fakeT, c *comparison, p pairing) {
		_, err := c.changing(t.Context(), p)
		require.ErrorContains(t, err, "compare d.t on the replica")
	})
}

func TestAltered(t *testing.T) {
	for number, want := range map[uint16]bool{1146: true, 1049: true, 1054: true, 1412: true, 1297: false, 1142: false} {
		assert.Equal(t, want, altered(fmt.Errorf("x: %w", &mysql.MySQLError{Number: number})), number)
	}
	assert.False(t, altered(errors.New("lost")))
}
