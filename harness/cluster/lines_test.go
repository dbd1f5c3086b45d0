package cluster

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A caller that waits for an answer gets an error when the lines are severed, and
// a line that was closed before is no longer open.
func TestSever(t *testing.T) {
	var l lines
	var there []net.Conn
	reach := func(context.Context) (net.Conn, error) {
		here, other := net.Pipe()
		there = append(there, other)
		return here, nil
	}
	var all []net.Conn
	for range 3 {
		conn, err := l.dial(t.Context(), reach)
		require.NoError(t, err)
		all = append(all, conn)
	}
	require.NoError(t, all[0].Close())
	assert.Len(t, l.open, 2)
	told := make(chan error)
	for _, conn := range all[1:] {
		go func() {
			_, err := conn.Read(make([]byte, 1))
			told <- err
		}()
	}
	l.sever()
	for range all[1:] {
		require.ErrorIs(t, <-told, io.ErrClosedPipe)
	}
	assert.Empty(t, l.open)
	require.NoError(t, all[1].Close())
	conn, err := l.dial(t.Context(), reach)
	require.NoError(t, err, "new ones are open")
	require.NoError(t, conn.Close())
	for _, c := range there {
		_ = c.Close()
	}
}
