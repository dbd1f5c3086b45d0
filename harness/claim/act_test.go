package claim

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInTurn(t *testing.T) {
	var said []string
	say := func(word string, err error) Act {
		return func(context.Context, Bench) error {
			said = append(said, word)
			return err
		}
	}
	one, two := MakeChange(say("1", nil), say("-1", nil)), MakeChange(say("2", nil), say("-2", errors.New("stuck")))
	undo, err := ChainChanges(one, two)(t.Context(), Bench{})
	require.NoError(t, err)
	require.ErrorContains(t, undo(t.Context()), "stuck")
	require.Equal(t, []string{"1", "2", "-2", "-1"}, said, "all of them, the last one first")

	said = nil
	undo, err = ChainChanges(one, MakeChange(say("2", errors.New("no")), say("-2", nil)), two)(t.Context(), Bench{})
	require.ErrorContains(t, err, "no")
	require.NoError(t, undo(t.Context()))
	require.Equal(t, []string{"1", "2", "-2", "-1"}, said, "also what failed, which may have ended half way, and nothing after it")
}

func TestRepeat(t *testing.T) {
	b := Bench{}
	times := make(chan int, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	undo, err := Repeat("counting", func(context.Context, Bench) error { times <- 1; return nil })(ctx, b)
	require.NoError(t, err)
	cancel() // the context of Do, after which the sabotage goes on
	<-times
	<-times
	require.NoError(t, undo(t.Context()))

	undo, err = Repeat("failing", func(context.Context, Bench) error { return sql.ErrConnDone })(t.Context(), b)
	require.ErrorIs(t, err, sql.ErrConnDone)
	require.NoError(t, undo(t.Context()), "there is nothing to stop")
}
