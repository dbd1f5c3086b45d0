package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ndbproof/harness/node"
)

func TestExec(t *testing.T) {
	f, r := newFake(t)
	f.exit = 5
	f.exec = func(in *bufio.Reader, say func(int, string)) {
		all, _ := io.ReadAll(in)
		say(1, "heard "+string(all))
		say(2, "complained")
	}
	out, err := r.Exec(t.Context(), "c", node.Command{Argv: []string{"mysql"}, Stdin: "SELECT 1", User: "0:0", Env: map[string]string{"MYSQL_PWD": "p"}})
	require.NoError(t, err)
	assert.Equal(t, node.Output{Stdout: "heard SELECT 1", Stderr: "complained", Exit: 5}, out)
	assert.Equal(t, []string{"MYSQL_PWD=p"}, f.execs[0].Env)
	assert.Equal(t, "0:0", f.execs[0].User)
	assert.True(t, f.execs[0].AttachStdin)

	gone := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	f.exec = func(in *bufio.Reader, _ func(int, string)) {
		cancel(gone)
		_, _ = in.ReadByte() // until the client hangs up
	}
	_, err = r.Exec(ctx, "c", node.Command{Argv: []string{"/bin/sleep"}})
	require.ErrorIs(t, err, gone)
	assert.ErrorContains(t, err, "run sleep in container c")
	assert.False(t, f.execs[1].AttachStdin)
}

func TestStream(t *testing.T) {
	f, r := newFake(t)
	f.exec = func(in *bufio.Reader, say func(int, string)) {
		order, _ := in.ReadString('\n')
		say(1, `{"order":`+order+`}`)
		_, _ = io.ReadAll(in)
		say(2, "that was all")
		say(1, `{"seen":1}`)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := r.Open(ctx, "c", "/probe", "capture")
	require.NoError(t, err)
	defer s.Close()
	cancel() // it goes on
	_, err = s.Write([]byte("7\n"))
	require.NoError(t, err)
	read := json.NewDecoder(s.Output)
	var got map[string]int
	require.NoError(t, read.Decode(&got))
	require.NoError(t, s.EndInput())
	require.NoError(t, read.Decode(&got))
	assert.Equal(t, map[string]int{"order": 7, "seen": 1}, got)
	assert.ErrorIs(t, read.Decode(&got), io.ErrUnexpectedEOF)
	for range 2 {
		stderr, err := s.Wait()
		require.NoError(t, err)
		assert.Equal(t, "that was all", stderr)
	}
}

// Close ends a program's writing that no reader waits for.
func TestStreamIsClosed(t *testing.T) {
	f, r := newFake(t)
	f.exec = func(_ *bufio.Reader, say func(int, string)) { say(1, "not read") }
	s, err := r.Open(t.Context(), "c", "/probe")
	require.NoError(t, err)
	s.Close()
	s.Close()
	_, _ = s.Wait()
}
